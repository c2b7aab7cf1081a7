"""An engine for tests that writes down each job that it is given; it says and needs what its options tell.

It is copied into a copy of the program (`verifying_server.copy_program`), since only that has records of it.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from engines.api import (
    EngineInfo,
    LanguageNeed,
    Output,
    Place,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    Threads,
    Voice,
)
from engines.errors import EngineFailed
from engines.fakes.sine import RATE, faded_sine

WORD = faded_sine(300, round(0.2 * RATE)).tobytes()
STUMBLE = "stumbles"
"""a word at which the first attempt at a segment ends"""
REFUSED = "Not on this machine."


class Telling:
    """An engine that beeps. Options: `file`, where each job goes as a line of JSON; `name`; the others are
    capabilities, and `refuses`: a file whose first maker, or with "all" every worker, sends its jobs elsewhere;
    `alloy`, whether its voice goes by that name.
    """

    def __init__(
        self,
        file: str = "",
        name: str = "telling",
        languages: str = "en",
        language: LanguageNeed = "ignored",
        affinity: bool = False,
        refuses: str = "",
        alloy: bool = False,
    ) -> None:
        self._file = Path(file)
        self._name = name
        self._speech = SpeechCapabilities(
            RATE, tuple(languages.split()), language=language, seed=True, affinity=affinity
        )
        self._refuses = refuses
        self._characters = {"alloy": "low"} if alloy else {}
        self._said: set[tuple[str, int]] = set()

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return what the options say; its voice names no language."""
        return EngineInfo(
            self._name,
            "1",
            "MIT",
            (self._name,),
            (Voice("low", "Low"),),
            self._characters,
            speech=self._speech,
            concurrency=Threads(2),
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Beep for each word. Raises EngineFailed where this worker is to refuse."""
        began = time.monotonic()
        refused = job.stream != "" and self._is_refusing()
        if not refused:
            words = job.text.split()
            segment = job.stream, job.index
            stumbles = STUMBLE in job.text and segment not in self._said
            self._said.add(segment)
            for _ in words[:1] if stumbles else words:
                time.sleep(0.002)
                out.audio(WORD)
        self._note(job, refused=refused, began=began, ended=time.monotonic())
        if refused:
            raise EngineFailed(REFUSED, elsewhere=True)

    def _is_refusing(self) -> bool:
        if self._refuses in ("", "all"):
            return self._refuses == "all"
        try:
            with Path(self._refuses).open("x") as made:
                made.write(str(os.getpid()))
        except FileExistsError:
            return Path(self._refuses).read_text() == str(os.getpid())
        return True

    def _note(self, job: SpeechJob, **fields: Any) -> None:
        told = {
            "text": job.text,
            "stream": job.stream,
            "index": job.index,
            "before": job.before,
            "last": job.last,
            "seed": job.seed,
            "language": job.language,
            "pid": os.getpid(),
        }
        with self._file.open("a") as file:
            file.write(json.dumps(told | fields) + "\n")
