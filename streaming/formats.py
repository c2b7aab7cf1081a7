"""The audio formats that a speech response can have."""

from __future__ import annotations

from typing import Literal

OutputFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
"""`response_format` of a request, by OpenAI's names"""
