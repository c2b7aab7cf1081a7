"""What routes do apart from HTTP: synthesis, transcription, custom voices."""
