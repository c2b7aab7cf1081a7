"""The engine `espeak`: eSpeak NG."""
