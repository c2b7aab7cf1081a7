"""The forms of what comes in and goes out: of texts that are spoken, and of audio."""

from __future__ import annotations

from typing import Literal, get_args

OutputFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
"""`response_format` of a request, by OpenAI's names"""
MEDIA_TYPES: dict[OutputFormat, str] = {"mp3": "audio/mpeg"}
"""as HTTP names them, where that is not `audio/` and the format's name"""
TextFormat = Literal["plain", "markdown", "html"]
"""what a text is written in: plain text is read as it is"""
TEXT_FORMATS: tuple[str, ...] = get_args(TextFormat)


def media_type(format: OutputFormat) -> str:
    """Return a format's media type."""
    return MEDIA_TYPES.get(format, f"audio/{format}")
