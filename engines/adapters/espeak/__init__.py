"""eSpeak NG: the engine `espeak`."""
