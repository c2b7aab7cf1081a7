"""Text: cut into segments, and how long it takes to say."""
