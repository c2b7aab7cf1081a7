"""Our own extensions, under /v1/voicebox."""
