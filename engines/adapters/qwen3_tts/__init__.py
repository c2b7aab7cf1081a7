"""The engines `qwen3-tts`, `qwen3-tts-custom` and `qwen3-tts-design`: Qwen3-TTS."""
