"""What every adapter offers.

An engine is constructed in the worker process, off the event loop, with the options of its record and of the
settings as keyword arguments. Three of them are the worker's, and part of the place that `load` is given:
`device`, `dtype` and `threads`. Unless an engine declares `Threads`, everything it does runs in one thread,
the same from `load` to the end: loading, its first job, prompts, and jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from engines.api.capabilities import EngineInfo
from engines.api.jobs import Finished, PromptJob, SpeechJob, TranscriptionJob
from engines.api.output import Output, SpeechOutput, TranscriptionOutput
from engines.api.place import Place


class Engine(Protocol):
    """What all engines have in common."""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load what the engine needs, to compute at a place, and return what it can do.

        Raises EngineFailed with the reason.
        """
        ...


class Speaker(Engine, Protocol):
    """An engine that speaks one job a call: Alone, or in Threads."""

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Synthesise the job's text. Raises Stop, BadInput or EngineFailed."""
        ...


class BatchItem(msgspec.Struct, frozen=True, eq=False):
    """One job of a batch."""

    job: SpeechJob
    out: SpeechOutput
    """raises Stop once nobody wants the rest of this job: go on with the others. It never blocks"""
    finish: Callable[[Exception | None], None]
    """ends the job, with the error if it failed: its slot is free before the others are done"""


class BatchSpeaker(Engine, Protocol):
    """An engine that speaks several jobs in one call: in Batches."""

    def speak_batch(self, items: Sequence[BatchItem]) -> None:
        """Synthesise all jobs. An item that was not finished is so when the call returns; what the call
        raises is the error of all that are left.
        """
        ...


StepResult = bool | Exception
"""of a member after a step: True where it goes on, False where it is done, or why it failed"""


class StepSpeaker(Engine, Protocol):
    """An engine that speaks several jobs step by step: in Steps. The worker owns the set of members."""

    def begin(self, job: SpeechJob, out: SpeechOutput) -> Any:  # noqa: ANN401 - each engine has its own
        """Return a member for a job, up to its first step. Raises BadInput or EngineFailed, which end this
        job alone, or Stop.
        """
        ...

    def step(self, members: Sequence[Any]) -> Sequence[StepResult]:
        """Have all members take one step, and return what became of each (`attempt`).

        A step is short: who comes waits for its end, and who left is in it to its end. What it raises is the
        error of all members. Where it found too little memory, it is taken again with fewer of them, if the
        engine's `Steps` are `repeatable`.
        """
        ...

    def drop(self, member: Any) -> None:  # noqa: ANN401 - each engine has its own
        """Free what a member holds: it is done, has failed, or nobody wants it. Called once for each."""
        ...


class Cloner(Engine, Protocol):
    """An engine that speaks with cloned voices."""

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return the voice prompt of some samples, in safetensors. Raises Stop, BadInput or EngineFailed."""
        ...

    def open_prompt(self, data: bytes) -> Any:  # noqa: ANN401 - each engine has its own
        """Return a voice prompt as jobs need it, which then is their `prompt.opened`.

        Called once for each prompt, which is kept as long as there is room. Raises BadInput where the prompt
        is none of this engine's.
        """
        ...


class Transcriber(Engine, Protocol):
    """An engine that transcribes: Alone, or in Threads."""

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Transcribe a recording, and return its end. Raises Stop, BadInput or EngineFailed.

        `audio` yields s16le mono PCM at TranscriptionCapabilities.sample_rate, and blocks while more is on
        its way.
        """
        ...
