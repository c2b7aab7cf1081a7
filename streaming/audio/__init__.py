"""PCM: decoded, joined, changed in tempo, watched."""
