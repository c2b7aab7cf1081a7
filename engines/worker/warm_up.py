"""The first job of a model, for which nobody waits: kernels are chosen and caches filled before it reports
that it is ready.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from engines.api import (
    Batches,
    BatchItem,
    EngineInfo,
    Finished,
    Output,
    Prompt,
    PromptJob,
    Sample,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    StepResult,
    Steps,
    Stop,
    TranscriptionJob,
    TranscriptSegment,
    Word,
)
from engines.api.prompt_file import prompt_id
from engines.errors import BadInput, EngineFailed
from engines.worker.device_memory import is_out_of_memory
from engines.worker.fatal_errors import diagnosed
from engines.worker.outputs import check_audio, check_sendable, check_word

TEXT = "Hello there."
LANGUAGE = "en"
VOWEL_SECONDS = 1.5
VOWEL_TRANSCRIPT = "Ah ah ah."
PITCH = 80
"""Hertz, of the vowel"""
FORMANTS = (390, 2300, 2850)
"""Hertz, of the vowel"""


class FirstJobFailed(Exception):
    """A model was loaded, and cannot do a job."""


def warm_up(engine: Any, info: EngineInfo, out: Output) -> None:  # noqa: ANN401 - an engine of whichever kind
    """Speak until the first audio comes, or transcribe a vowel; an engine that only clones clones the vowel.

    A library may refuse this text alone, which is no fault of the engine's. Everything else that the job
    raises is why this start failed. Raises FirstJobFailed.
    """
    try:
        if info.speech:
            first = FirstAudio(out)
            with suppress(Stop):
                _speak(engine, info, _first_job(engine, info, info.speech, out), first)
            if not first.has_come:
                print(f"no audio for the first text, {TEXT!r}", file=sys.stderr)
        if info.transcription:
            audio = iter([vowel(info.transcription.sample_rate)])
            end = engine.transcribe(TranscriptionJob(), audio, FirstTranscript(out))
            if not isinstance(end, Finished):
                raise EngineFailed(f"`transcribe` returned {type(end).__name__}, and no Finished.")
    except Exception as exc:  # an engine may raise anything; a real job would raise it too
        if isinstance(exc, BadInput) and not is_out_of_memory(exc) and diagnosed(exc) is exc:
            print(f"not warmed up: {type(exc).__name__}: {exc}", file=sys.stderr)
            return
        raise FirstJobFailed(f"Its first job failed: {type(exc).__name__}: {exc}") from exc


def _first_job(engine: Any, info: EngineInfo, speech: SpeechCapabilities, out: Output) -> SpeechJob:  # noqa: ANN401 - as above
    """Return the job of a first sentence, with a language where the engine needs one."""
    known = speech.languages or (LANGUAGE,)
    language = LANGUAGE if LANGUAGE in known else known[0]
    return SpeechJob(
        TEXT,
        "",
        language=language if speech.language == "needed" else None,
        prompt=_prompt(engine, info, out),
    )


def _speak(engine: Any, info: EngineInfo, job: SpeechJob, out: SpeechOutput) -> None:  # noqa: ANN401 - as above
    """Speak a job, whichever way the engine does several. Raises what the engine raises, or Stop."""
    match info.concurrency:
        case Batches():
            errors: list[Exception | None] = []
            engine.speak_batch([BatchItem(job, out, errors.append)])
            _raise_first(errors)
        case Steps():
            member = engine.begin(job, out)
            try:
                result: StepResult = True
                while result is True:
                    result = _only(engine.step([member]))
            finally:
                engine.drop(member)
            _raise_first([result if isinstance(result, Exception) else None])
        case _:
            returned = engine.speak(job, out)
            if returned is not None:
                raise EngineFailed(
                    f"`speak` returned {type(returned).__name__}: what it makes goes to `out.audio`."
                )


def _only(results: object) -> StepResult:
    """Return what a step told of its only member. Raises EngineFailed where it told of none, or of more."""
    if not isinstance(results, Sequence) or len(results) != 1:
        told = f"{len(results)} results" if isinstance(results, Sequence) else type(results).__name__
        raise EngineFailed(f"`step` returned {told} for one member, and no sequence of one result.")
    result: StepResult = results[0]
    return result


def _raise_first(errors: list[Exception | None]) -> None:
    if error := next(filter(None, errors), None):
        raise error


def _prompt(engine: Any, info: EngineInfo, out: Output) -> Prompt | None:  # noqa: ANN401 - an engine of whichever kind
    """Return the prompt to speak with, of an engine that has no voices of its own."""
    cloning = info.speech.cloning if info.speech else None
    if cloning is None or info.voices:
        return None
    seconds = min(max(VOWEL_SECONDS, 1.1 * cloning.shortest), cloning.longest)
    sample = Sample(vowel(cloning.sample_rate, seconds), VOWEL_TRANSCRIPT)
    data = engine.create_prompt(PromptJob((sample,), info.models[0]), out)
    return Prompt(prompt_id(data), opened=engine.open_prompt(data))


class FirstAudio:
    """An output that wants nothing more once there is audio."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self.has_come = False
        """whether there was audio"""

    def audio(self, pcm: bytes) -> None:
        """Stop at the first audio. Raises EngineFailed for what is none."""
        check_audio(pcm)
        if pcm:
            self.has_come = True
            raise Stop

    def word(self, word: Word) -> None:
        """Take a word. Raises EngineFailed for one that cannot be sent, or is none of the text."""
        check_word(word, TEXT)

    def beat(self, progress: float | None = None) -> None:
        """Pass the sign on, without a share: it is one of this job, not of the start."""
        self._out.beat()


class FirstTranscript:
    """An output that takes a transcript."""

    def __init__(self, out: Output) -> None:
        self._out = out

    def segment(self, segment: TranscriptSegment) -> None:
        """Take a segment. Raises EngineFailed for one that cannot be sent."""
        check_sendable(segment, TranscriptSegment)

    def beat(self, progress: float | None = None) -> None:
        """Pass the sign on."""
        self._out.beat()


def vowel(rate: int, seconds: float = VOWEL_SECONDS) -> bytes:
    """Return a vowel that swells six times a second, which voice detection accepts as speech: s16le PCM at
    `rate` Hertz.
    """
    import numpy as np

    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(PITCH * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time))) / rate
    wave = np.zeros(len(time))
    for harmonic in range(1, min(6500, rate // 2) // PITCH):
        loudness = sum(
            1 / (1 + ((harmonic * PITCH - formant) / (60 + 0.05 * formant)) ** 2) for formant in FORMANTS
        )
        wave += loudness / harmonic**0.3 * np.sin(harmonic * phase)
    wave *= 0.1 + 0.9 * np.abs(np.sin(np.pi * 6 * time))
    return bytes((0.3 * 32767 * wave / np.abs(wave).max()).astype("<i2").tobytes())
