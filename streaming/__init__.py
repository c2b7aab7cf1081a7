"""From text to the bytes of a response: segments, their audio, encoding, pacing, and HTTP bodies."""
