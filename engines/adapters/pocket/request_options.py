"""What a request may set of Pocket TTS: how it draws each frame."""

from __future__ import annotations

from engines.api import RequestOptions, Setting

TEMPERATURE = "temperature"
OPTIONS = RequestOptions(
    settings=(Setting(TEMPERATURE, 0.0, 1.5, None, "how much the voice varies: 0 is even, more is livelier"),)
)
