"""The forms of what comes in and goes out: of texts that are spoken, and of audio."""

from __future__ import annotations

from typing import Literal, get_args

OutputFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
"""`response_format` of a request, by OpenAI's names"""
TextFormat = Literal["plain", "markdown", "html"]
"""what a text is written in: plain text is read as it is"""
TEXT_FORMATS: tuple[str, ...] = get_args(TextFormat)
