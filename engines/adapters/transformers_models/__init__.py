"""Speech and recognition models that transformers itself has the code of: the engine `transformers`."""
