"""Whisper by transformers: the engine `whisper`."""
