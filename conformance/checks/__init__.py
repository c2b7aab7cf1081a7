"""The checks, by subject; importing this package registers them."""

from conformance.checks import errors, forms, lists, speech, streams, transcripts, voices

__all__ = ["errors", "forms", "lists", "speech", "streams", "transcripts", "voices"]
