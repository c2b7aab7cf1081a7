"""Whisper: the engines `whisper` (transformers) and `faster-whisper` (CTranslate2)."""
