"""Whisper by CTranslate2: the engine `faster-whisper`."""
