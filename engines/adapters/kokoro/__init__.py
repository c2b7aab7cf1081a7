"""Kokoro: the engine `kokoro`."""
