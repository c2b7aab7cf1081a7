"""What a voice is, and which one a request means."""
