"""A transcribing engine for tests that fails, or never ends; copied into a copy of the program."""

from __future__ import annotations

import time
from collections.abc import Iterator

from engines.api import (
    BYTES_PER_SAMPLE,
    EmitTranscription,
    EngineInfo,
    Progress,
    TranscriptionCapabilities,
    TranscriptionJob,
)
from engines.errors import EngineFailed

RATE = 16_000
SHORT = 1.5
"""seconds"""


class OddTranscriber:
    """Fails at short recordings, and goes on with longer ones until it is stopped."""

    def load(self) -> EngineInfo:
        """Load nothing."""
        capabilities = TranscriptionCapabilities(("en",))
        return EngineInfo("odd", "1", "Apache-2.0", ("odd",), transcription=capabilities)

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], emit: EmitTranscription) -> None:
        """Transcribe nothing."""
        seconds = sum(map(len, audio)) / BYTES_PER_SAMPLE / RATE
        if seconds < SHORT:
            raise EngineFailed("Nothing could be heard.")
        while emit(Progress(0.0)):
            time.sleep(0.02)
