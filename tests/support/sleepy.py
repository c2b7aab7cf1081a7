"""A slow engine: a second to load, half a second for each word.

A file named in its options makes it fail to load while it exists.
"""

from __future__ import annotations

import time
from pathlib import Path

from engines.api import EngineInfo, Output, Place, SpeechCapabilities, SpeechJob, SpeechOutput, Voice
from engines.errors import EngineFailed


class Sleepy:
    """A slow engine that speaks silence."""

    def __init__(self, bad: str = "") -> None:
        self._bad = bad

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Wait, and return its info. Raises EngineFailed."""
        time.sleep(1.0)
        if self._bad and Path(self._bad).exists():
            raise EngineFailed("the files are spoilt")
        abilities = SpeechCapabilities(24_000, ("en",))
        return EngineInfo("sleepy", "1", "Apache-2.0", ("sleepy",), (Voice("low", "Low"),), speech=abilities)

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Emit a chunk for each word."""
        for _ in job.text.split():
            time.sleep(0.5)
            out.audio(bytes(4800))
