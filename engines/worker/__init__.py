"""The process an engine lives in, and the provider API it answers."""
