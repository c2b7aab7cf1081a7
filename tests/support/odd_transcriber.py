"""A transcribing engine for tests that fails, never ends, dies, or tells odd times; for a copy of the program."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engines.api import (
    BYTES_PER_SAMPLE,
    EngineInfo,
    Finished,
    Output,
    Place,
    TranscriptionCapabilities,
    TranscriptionJob,
    TranscriptionOutput,
    TranscriptSegment,
)
from engines.errors import EngineFailed

RATE = 16_000
SHORT = 1.5
"""seconds"""
DEATHS = 2
"""of one that dies: one more than are made good within a job"""
LOAD_SECONDS = 2.0
"""which it takes to load after a death"""


class OddTranscriber:
    """Fails at short recordings, and goes on with longer ones until it is stopped.

    With `deaths`, a file, it dies with its first recordings instead, which it counts there, and then hears "one".
    With `heard`, a JSON list of segments, that is what it hears in any recording.
    """

    def __init__(self, deaths: str = "", heard: str = "") -> None:
        self._heard = msgspec.json.decode(heard, type=list[TranscriptSegment]) if heard else []
        self._deaths = Path(deaths) if deaths else None

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load nothing, slowly after a death."""
        if self._deaths and self._deaths.exists():
            time.sleep(LOAD_SECONDS)
        capabilities = TranscriptionCapabilities(("en",), words=True)
        return EngineInfo("odd", "1", "Apache-2.0", ("odd",), transcription=capabilities)

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Transcribe nothing."""
        seconds = sum(map(len, audio)) / BYTES_PER_SAMPLE / RATE
        if self._heard:
            for segment in self._heard:
                out.segment(segment)
            return Finished(seconds, "en")
        if self._deaths:
            if not self._deaths.exists() or self._deaths.stat().st_size < DEATHS:
                with self._deaths.open("ab") as counted:
                    counted.write(b"x")
                os._exit(1)
            out.segment(TranscriptSegment("one", 0.0, seconds))
            return Finished(seconds, "en")
        if seconds < SHORT:
            raise EngineFailed("Nothing could be heard.")
        while True:
            out.beat()
            time.sleep(0.02)
