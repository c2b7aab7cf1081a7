"""Outputs for tests that call an engine in this very process, as a worker does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from engines.api import (
    Audio,
    Cloner,
    Progress,
    Prompt,
    PromptJob,
    Sample,
    SpeechEvent,
    SpeechJob,
    StepResult,
    Stop,
    Transcriber,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptSegment,
    Word,
)
from engines.api.prompt_file import prompt_id


class Quiet:
    """An output for work of which a test wants to hear nothing: loading, and prompts."""

    def beat(self, progress: float | None = None) -> None:
        """Take a sign."""


QUIET = Quiet()


class SpeechTo:
    """An output that passes events to a function, which returns False once it wants no more.

    A sign that work goes on is passed as audio without a sound.
    """

    def __init__(self, emit: Callable[[SpeechEvent], bool]) -> None:
        self._emit = emit

    def _put(self, event: SpeechEvent) -> None:
        if not self._emit(event):
            raise Stop

    def audio(self, pcm: bytes) -> None:
        """Pass audio on."""
        self._put(Audio(pcm))

    def word(self, word: Word) -> None:
        """Pass a word on."""
        self._put(word)

    def beat(self, progress: float | None = None) -> None:
        """Pass a sign on."""
        self._put(Audio(b""))


class TranscriptTo:
    """An output that passes events to a function, which returns False once it wants no more."""

    def __init__(self, emit: Callable[[TranscriptionEvent], bool]) -> None:
        self._emit = emit
        self._furthest = 0.0

    def _put(self, event: TranscriptionEvent) -> None:
        if not self._emit(event):
            raise Stop

    def segment(self, segment: TranscriptSegment) -> None:
        """Pass a segment on."""
        self._put(segment)

    def beat(self, progress: float | None = None) -> None:
        """Pass a sign on, which never goes back."""
        self._furthest = max(self._furthest, progress or 0.0)
        self._put(Progress(self._furthest))


def run_speech(engine: Any, job: SpeechJob, emit: Callable[[SpeechEvent], bool]) -> None:
    """Have an engine speak, whichever way it does several jobs; that `emit` wants no more is no error."""
    with suppress(Stop):
        if hasattr(engine, "speak"):
            engine.speak(job, SpeechTo(emit))
            return
        ended: Exception | None = None
        [ended] = run_steps(engine, [(job, emit)])
        if ended:
            raise ended


def run_steps(
    engine: Any, jobs: Sequence[tuple[SpeechJob, Callable[[SpeechEvent], bool]]]
) -> list[Exception | None]:
    """Have an engine speak several jobs in steps, all from the start, and return how each ended."""
    ends: list[Exception | None] = [None] * len(jobs)
    members: dict[int, Any] = {}
    for index, (job, emit) in enumerate(jobs):
        try:
            members[index] = engine.begin(job, SpeechTo(emit))
        except Stop:
            continue
        except Exception as exc:
            ends[index] = exc
    while members:
        results: Sequence[StepResult] = engine.step(list(members.values()))
        for (index, member), result in zip(list(members.items()), results, strict=True):
            if result is not True:
                del members[index]
                engine.drop(member)
                ends[index] = result if isinstance(result, Exception) else None
    return ends


def run_transcription(
    engine: Transcriber,
    job: TranscriptionJob,
    audio: Iterator[bytes],
    emit: Callable[[TranscriptionEvent], bool],
) -> None:
    """Have an engine transcribe; that `emit` wants no more is no error."""
    with suppress(Stop):
        emit(engine.transcribe(job, audio, TranscriptTo(emit)))


def create_prompt(engine: Cloner, samples: Sequence[Sample], model: str = "") -> bytes:
    """Return the voice prompt that an engine makes of samples."""
    return engine.create_prompt(PromptJob(tuple(samples), model), QUIET)


def opened(engine: Cloner, data: bytes) -> Prompt:
    """Return a voice prompt as a worker gives it to its engine."""
    return Prompt(prompt_id(data), data, engine.open_prompt(data))
