"""The checks, by subject; importing this package registers them."""

from conformance.checks import errors, formats, forms, hearing, lists, own_voices, speech, streams, transcripts, voices

__all__ = ["errors", "formats", "forms", "hearing", "lists", "own_voices", "speech", "streams", "transcripts", "voices"]
