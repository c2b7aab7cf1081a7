"""Voices: which one a request means, and custom voices with their samples, prompts and store."""
