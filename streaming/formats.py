"""The audio formats of speech responses."""

from __future__ import annotations

from typing import Literal

OutputFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
"""`response_format` of a request, by OpenAI's names"""
