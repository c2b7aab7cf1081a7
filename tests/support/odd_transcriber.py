"""A transcribing engine for tests that fails, or never ends; copied into a copy of the program."""

from __future__ import annotations

import time
from collections.abc import Iterator

from engines.api import (
    EmitTranscription,
    EngineInfo,
    Progress,
    TranscriptionCapabilities,
    TranscriptionJob,
)
from engines.errors import EngineFailed


class OddTranscriber:
    """Fails ("fails") or goes on until it is stopped ("endless"), whatever it is given."""

    def __init__(self, does: str = "fails", language: str = "en") -> None:
        self._does = does
        self._language = language

    def load(self) -> EngineInfo:
        """Load nothing."""
        capabilities = TranscriptionCapabilities((self._language,))
        return EngineInfo("odd", "1", "Apache-2.0", ("odd",), transcription=capabilities)

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], emit: EmitTranscription) -> None:
        """Transcribe nothing."""
        for _ in audio:
            pass
        if self._does == "fails":
            raise EngineFailed("Nothing could be heard.")
        while emit(Progress(0.0)):
            time.sleep(0.02)
