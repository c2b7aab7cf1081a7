"""Pocket TTS: the engine `pocket-tts`."""
