"""Text: split it into segments, and estimate how long it takes to say."""
