"""English text as phonemes, by the front end of the package hibari: Apache-2.0, without eSpeak and spaCy."""
