"""The engine `pocketsphinx`: PocketSphinx."""
