"""The checks, by subject; importing this package registers them."""

from conformance.checks import (
    audio_quality,
    custom_voices,
    errors,
    formats,
    forms,
    listing,
    speech,
    streams,
    transcripts,
    translations,
    voices,
)

__all__ = [
    "audio_quality",
    "custom_voices",
    "errors",
    "formats",
    "forms",
    "listing",
    "speech",
    "streams",
    "transcripts",
    "translations",
    "voices",
]
