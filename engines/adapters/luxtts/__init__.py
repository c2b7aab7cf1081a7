"""The engine `luxtts`: LuxTTS, a ZipVoice in four steps with a vocoder of 48 kHz."""
