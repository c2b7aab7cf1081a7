"""An engine for tests that loses its GPU where a file says so, and from then on at everything, as CUDA does."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from engines.api import (
    ALONE,
    Batches,
    BatchItem,
    CloningCapabilities,
    Concurrency,
    EngineInfo,
    Finished,
    Output,
    Place,
    PromptJob,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    StepResult,
    Steps,
    TranscriptionCapabilities,
    TranscriptionJob,
    TranscriptionOutput,
    TranscriptSegment,
    Voice,
)
from engines.errors import EngineFailed
from engines.fakes.sine import RATE, faded_sine

LOST = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported"
CONCURRENCIES: dict[str, Concurrency] = {"alone": ALONE, "batches": Batches(2, 0.0), "steps": Steps(2)}


class Breaking:
    """The engine. `folder` has a file `order` with the name of what is to lose the GPU next; a text that says "long"
    is spoken until there is a file `go`, and loses it then.
    """

    def __init__(self, folder: str, name: str, concurrency: str = "alone") -> None:
        self._folder = Path(folder)
        self._name = name
        self._concurrency = CONCURRENCIES[concurrency]
        self._is_lost = False
        self._has_loaded = False

    def _reach(self, what: str) -> None:
        """Come to something that is to be done. Raises RuntimeError as torch does, from then on each time; where the
        order says "exit" before it, SystemExit as some libraries do, once.
        """
        order = self._folder / f"order-{self._name}"
        if order.exists() and order.read_text() == f"exit {what}":
            order.unlink()
            sys.exit("no dictionary")
        if order.exists() and order.read_text() == what:
            order.unlink()
            self._is_lost = True
        if self._is_lost:
            raise RuntimeError(LOST)

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return what it can do."""
        self._reach("load")
        return EngineInfo(
            self._name,
            "1",
            "MIT",
            (self._name,),
            (Voice("low", "Low", ("en",)),),
            speech=SpeechCapabilities(RATE, ("en",), cloning=CloningCapabilities(RATE)),
            transcription=TranscriptionCapabilities(("en",)),
            concurrency=self._concurrency,
            cancel_grace=5.0,
        )

    def _speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        self._reach("speak" if self._has_loaded else "warm-up")
        out.audio(faded_sine(300, RATE // 2).tobytes())
        if "long" in job.text:
            (self._folder / "begun").touch()
            while not (self._folder / "go").exists():
                time.sleep(0.01)
            self._is_lost = True
        self._reach("amid")

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Hum."""
        try:
            self._speak(job, out)
        finally:
            self._has_loaded = True  # the first audio ends the first job

    def speak_batch(self, items: Sequence[BatchItem]) -> None:
        """Hum for each."""
        for item in items:
            self.speak(item.job, item.out)

    def begin(self, job: SpeechJob, out: SpeechOutput) -> tuple[SpeechJob, SpeechOutput]:
        """Begin a job."""
        self._reach("begin")
        return job, out

    def step(self, members: Sequence[tuple[SpeechJob, SpeechOutput]]) -> list[StepResult]:
        """Hum for each. Raises EngineFailed of what a library raised."""
        try:
            for job, out in members:
                self.speak(job, out)
        except RuntimeError as exc:
            raise EngineFailed("The model failed.") from exc
        return [False] * len(members)

    def drop(self, member: tuple[SpeechJob, SpeechOutput]) -> None:
        """End a job."""
        self._reach("drop")

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return a prompt that is another each time, and so must be opened."""
        import numpy as np
        from safetensors.numpy import save

        self._reach("create_prompt")
        return save({"moment": np.array([time.time_ns()])})

    def open_prompt(self, data: bytes) -> str:
        """Open a prompt. Raises EngineFailed, as adapters do whose library raised."""
        try:
            self._reach("open_prompt")
        except RuntimeError as exc:
            raise EngineFailed("This voice prompt cannot be opened.") from exc
        return "opened"

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Hear one word."""
        seconds = sum(map(len, audio)) / 32_000
        self._reach("transcribe")
        out.segment(TranscriptSegment("word", 0.0, seconds))
        return Finished(seconds, "en")
