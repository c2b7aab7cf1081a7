"""Audio as PCM: decode uploads, join segments, change tempo and sample rate, detect runaway audio."""
