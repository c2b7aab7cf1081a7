"""PocketSphinx: the engine `pocketsphinx`."""
