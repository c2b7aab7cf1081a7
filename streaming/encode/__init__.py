"""Encode PCM as files, on the event loop, in threads and in encoder processes."""
