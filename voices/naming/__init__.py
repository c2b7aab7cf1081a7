"""From the names in a request to an engine and a voice."""
