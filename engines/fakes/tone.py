"""`tone`, the smallest engine: deterministic tones, and faults on request. For tests, demonstrations and
conformance; off by default.

As a speaker it makes every word 120 ms of a tone whose pitch depends on the voice and the word, so that both
can be read out of the audio again. Markers in the text make it misbehave:

    [fail]           raise before any audio          [crash]      end the process at once
    [fail-after S]   raise after S seconds of audio  [hang]       never return, not even when cancelled
    [slow S]         wait S seconds before each word [wait S]     wait S seconds before the first audio
    [silence S]      S seconds of silence            [print]      write to standard output, as libraries do
    [noise]          noise without end               [loop]       the same half second over and over
    [mute]           silence without end             [short]      stop here, with words left
    [fault]          raise as a library does         [again]      from here on ignore markers, where the same
                                                                  text came before with another seed
    [think S]        compute for S seconds, with signs of it      [broken]     raise as a lost GPU does
    [busy S]         say that it is overloaded, for S seconds

As a transcriber it says how long the recording was, in words, unless it was silent.
"""

from __future__ import annotations

import math
import os
import re
import time
import zlib
from array import array
from collections.abc import Callable, Iterator

from engines.api import (
    BYTES_PER_SAMPLE,
    EngineInfo,
    Finished,
    Output,
    Place,
    Setting,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    TranscriptionCapabilities,
    TranscriptionJob,
    TranscriptionOutput,
    TranscriptSegment,
    TranscriptWord,
    Voice,
    Word,
)
from engines.errors import EngineFailed, Overloaded
from engines.fakes.sine import RATE, faded_sine

SHORT_SECONDS = 0.05
"""what is left of a segment that stops short at once"""
WORD_SECONDS = 0.1
GAP_SECONDS = 0.02
CHUNK_SECONDS = 0.04
THINKING_SECONDS = 0.05
"""between two signs"""
TRANSCRIPTION_RATE = 16_000
"""Hertz"""
SILENCE_LEVEL = 100
"""amplitude of 16-bit samples above which a recording is not silent"""
OPENAI_VOICES = [
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
]
VOICES = tuple(Voice(f"tone-{number}", f"Tone {number}", ("en",), "neutral") for number in range(32))
SETTINGS = (
    Setting("gap", 0.0, 1.0, GAP_SECONDS, "seconds of silence behind each word"),
    Setting("legato", default=False, about="no silence between words where no gap is set"),
)
MARKER_OR_WORD = re.compile(
    r"\[(fail-after|fail|fault|crash|hang|slow|wait|silence|print|noise|loop|mute|short|again"
    r"|think|broken|busy)"
    r"(?: ([\d.]+))?\]|\S+"
)


def pitch(voice: str, word: str) -> float:
    """Return the frequency of a word in a voice, in Hertz: 200 to 1,990, a band of 50 Hz for each voice's
    number.
    """
    number = int(voice.rpartition("-")[2])
    return 200 + 55 * number + zlib.crc32(word.lower().encode()) % 50


class Tone:
    """The engine `tone`."""

    def __init__(self) -> None:
        self._seed_of: tuple[str, int | None] | None = None
        """the last job's text, and its seed"""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return what it can do."""
        return EngineInfo(
            name="tone",
            version="1",
            licence="Apache-2.0",
            models=("tone",),
            voices=VOICES,
            characters={name: f"tone-{number}" for number, name in enumerate(OPENAI_VOICES)},
            speech=SpeechCapabilities(
                RATE, ("en",), speed=(0.5, 2.0), seed=True, words="durations", settings=SETTINGS
            ),
            transcription=TranscriptionCapabilities(("en",), words=True),
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Play the words, in 40 ms chunks. Raises EngineFailed where the text asks for it."""
        seconds = 0.0
        pause = 0.0
        fail_after = math.inf
        ignore_markers = False
        is_again = self._seed_of is not None and self._seed_of[0] == job.text and self._seed_of[1] != job.seed
        self._seed_of = (job.text, job.seed)
        for match in MARKER_OR_WORD.finditer(job.text):
            marker = match[1]
            value = float(match[2] or 0)
            if marker == "again" and is_again:
                ignore_markers = True
            elif marker and ignore_markers:
                continue
            elif marker == "short":
                out.audio(silence(SHORT_SECONDS))
                return
            elif marker in ENDLESS:
                while True:
                    out.audio(ENDLESS[marker]())
                    time.sleep(0.001)
            elif marker == "slow":
                pause = value
            elif marker == "fail-after":
                fail_after = value
            elif marker == "silence":
                seconds += value
                out.audio(silence(value))
            elif marker == "think":
                think(value, out)
            elif marker:
                misbehave(marker, value)
            else:
                out.word(Word(match.start(), match.end(), seconds, seconds + WORD_SECONDS / job.speed))
                self._play(job, match[0], pause, out)
                seconds += WORD_SECONDS / job.speed + gap_seconds(job)
            if seconds >= fail_after:
                raise EngineFailed("Told to fail in the middle.")

    def _play(self, job: SpeechJob, word: str, pause: float, out: SpeechOutput) -> None:
        """Give the audio of a word after a pause in seconds."""
        time.sleep(pause)
        tone = faded_sine(pitch(job.voice, word), round(WORD_SECONDS / job.speed * RATE))
        pcm = tone.tobytes() + silence(gap_seconds(job))
        step = BYTES_PER_SAMPLE * round(CHUNK_SECONDS * RATE)
        for start in range(0, len(pcm), step):
            out.audio(pcm[start : start + step])

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Say how long the recording is, in tenths of a second, if there is any sound."""
        samples = 0
        loudest = 0
        for chunk in audio:
            pcm = array("h", chunk)
            samples += len(pcm)
            loudest = max(loudest, *map(abs, pcm[::50]), 0)
        seconds = samples / TRANSCRIPTION_RATE
        if loudest > SILENCE_LEVEL:
            words = f"sound of {round(seconds * 10)} tenths".split()
            each = seconds / len(words)
            timed = tuple(
                TranscriptWord(word, number * each, (number + 1) * each) for number, word in enumerate(words)
            )
            out.segment(TranscriptSegment(" ".join(words), 0.0, seconds, timed))
        return Finished(seconds, job.language or "en")


def gap_seconds(job: SpeechJob) -> float:
    """Return the silence behind each word of a job."""
    usual = 0.0 if job.settings.get("legato") else GAP_SECONDS
    return float(job.settings.get("gap", usual)) / job.speed


def silence(seconds: float) -> bytes:
    """Return PCM of silence."""
    return bytes(BYTES_PER_SAMPLE * round(seconds * RATE))


def _phrase() -> bytes:
    """Return half a second of three tones and a pause."""
    tones = (faded_sine(hertz, round(0.1 * RATE)).tobytes() for hertz in (300, 500, 400))
    return b"".join(tones) + silence(0.2)


ENDLESS: dict[str, Callable[[], bytes]] = {
    "noise": lambda: os.urandom(RATE // 5),
    "loop": _phrase,
    "mute": lambda: bytes(RATE // 5),
}
"""PCM that an engine which runs away emits again and again, by marker"""


def think(seconds: float, out: SpeechOutput) -> None:
    """Compute for so long before there is anything to give, with a sign now and then."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        out.beat(passed / seconds)
        time.sleep(min(THINKING_SECONDS, seconds - passed))


def misbehave(marker: str, value: float) -> None:
    """Do what a marker asks for that is no speech. Raises EngineFailed and others."""
    if marker == "fail":
        raise EngineFailed("Told to fail.")
    if marker == "fault":
        raise KeyError(3)
    if marker == "broken":
        raise RuntimeError("CUDA error: device-side assert triggered\nCompile with TORCH_USE_CUDA_DSA.")
    if marker == "busy":
        raise Overloaded("The engine has too much to do.", retry_after=value)
    if marker == "crash":
        os._exit(9)
    if marker == "print":
        print('{"failed": {"message": "a stray line", "permanent": true}}', flush=True)
    while marker == "hang":
        time.sleep(1)
    time.sleep(value)
