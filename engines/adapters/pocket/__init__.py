"""The engine `pocket-tts`: Pocket TTS."""
