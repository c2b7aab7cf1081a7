"""The smallest engine: deterministic tones, and faults on request. For tests, demonstrations and conformance;
off by default.

As a speaker it gives every word 120 ms of a tone whose pitch tells the voice and the word, so that both can
be read out of the audio again. Markers in the text make it misbehave:

    [fail]           raise before any audio          [crash]      end the process at once
    [fail-after S]   raise after S seconds of audio  [hang]       never come back, nor heed a cancellation
    [slow S]         wait S seconds before each word [wait S]     wait S seconds before the first audio
    [silence S]      S seconds of silence            [print]      write to standard output, as libraries do
    [noise]          noise without end               [loop]       the same half second over and over
    [mute]           silence without end             [short]      stop here, with words left
    [seeded]         from here on behave, if the job has a seed

As a listener it says how long the recording was and how loud, in words.
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
    Audio,
    EmitSpeech,
    EmitTranscription,
    EngineInfo,
    Finished,
    SpeechCapabilities,
    SpeechJob,
    TranscriptionCapabilities,
    TranscriptionJob,
    TranscriptSegment,
    TranscriptWord,
    Voice,
    Word,
)
from engines.errors import EngineFailed

RATE = 24_000
WORD_SECONDS, GAP_SECONDS, CHUNK_SECONDS = 0.1, 0.02, 0.04
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
MARKER = re.compile(
    r"\[(fail-after|fail|crash|hang|slow|wait|silence|print|noise|loop|mute|short|seeded)(?: ([\d.]+))?\]|\S+"
)


def pitch(voice: str, word: str) -> float:
    """Give the frequency of a word in a voice, in Hertz: 200 to 1,990, a band of 50 Hz for each voice's
    number.
    """
    number = int(voice.rpartition("-")[2])
    return 200 + 55 * number + zlib.crc32(word.lower().encode()) % 50


class Tone:
    """See the module."""

    def load(self) -> EngineInfo:
        """Say what it can do."""
        return EngineInfo(
            name="tone",
            version="1",
            licence="Apache-2.0",
            models=("tone",),
            voices=VOICES,
            characters={name: f"tone-{number}" for number, name in enumerate(OPENAI_VOICES)},
            speech=SpeechCapabilities(RATE, ("en",), speed=(0.5, 2.0), seed=True, words=True),
            transcription=TranscriptionCapabilities(("en",), words=True),
        )

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Play the words, in 40 ms chunks."""
        made, pause = 0.0, 0.0
        limit, behaves = math.inf, False
        for match in MARKER.finditer(job.text):
            marker, value = match[1], float(match[2] or 0)
            if marker == "seeded" and job.seed is not None:
                behaves = True
            elif marker and behaves:
                continue
            elif marker == "short":
                return
            elif marker in ENDLESS:
                while emit(Audio(ENDLESS[marker]())):
                    time.sleep(0.001)
                return
            elif marker == "slow":
                pause = value
            elif marker == "fail-after":
                limit = value
            elif marker == "silence":
                made += value
                if not emit(Audio(bytes(2 * round(value * RATE)))):
                    return
            elif marker:
                _misbehave(marker, value)
            else:
                if not emit(Word(match.start(), match.end(), made)) or not self._play(
                    job, match[0], pause, emit
                ):
                    return
                made += (WORD_SECONDS + GAP_SECONDS) / job.speed
            if made >= limit:
                raise EngineFailed("Told to fail in the middle.")

    def _play(self, job: SpeechJob, word: str, pause: float, emit: EmitSpeech) -> bool:
        time.sleep(pause)
        samples = _tone(pitch(job.voice, word), WORD_SECONDS / job.speed) + array(
            "h", bytes(2 * round(GAP_SECONDS / job.speed * RATE))
        )
        step = round(CHUNK_SECONDS * RATE)
        return all(
            emit(Audio(samples[start : start + step].tobytes())) for start in range(0, len(samples), step)
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], emit: EmitTranscription) -> None:
        """Tell in words how long the recording is, in tenths of a second, and whether there is any sound."""
        samples, loudest = 0, 0
        for chunk in audio:
            pcm = array("h", chunk)
            samples += len(pcm)
            loudest = max(loudest, *map(abs, pcm[::50]), 0)
        seconds = samples / 16_000
        if loudest > 100:
            words = f"sound of {round(seconds * 10)} tenths".split()
            each = seconds / len(words)
            timed = tuple(
                TranscriptWord(word, number * each, (number + 1) * each) for number, word in enumerate(words)
            )
            if not emit(TranscriptSegment(" ".join(words), 0.0, seconds, timed)):
                return
        emit(Finished(seconds, job.language or "en"))


def _phrase() -> bytes:
    """Make half a second of three tones and a pause."""
    return b"".join(_tone(pitch, 0.1).tobytes() for pitch in (300, 500, 400)) + bytes(2 * RATE // 5)


ENDLESS: dict[str, Callable[[], bytes]] = {
    "noise": lambda: os.urandom(RATE // 5),
    "loop": _phrase,
    "mute": lambda: bytes(RATE // 5),
}
"""what is given again and again by an engine that runs away"""


def _misbehave(marker: str, value: float) -> None:
    if marker == "fail":
        raise EngineFailed("Told to fail.")
    if marker == "crash":
        os._exit(9)
    if marker == "print":
        print('{"failed": {"message": "a stray line", "permanent": true}}', flush=True)
    while marker == "hang":
        time.sleep(1)
    time.sleep(value)


def _tone(frequency: float, seconds: float) -> array[int]:
    """Make a tone of 60 % amplitude that fades in and out over 5 ms."""
    count, ramp = round(seconds * RATE), round(0.005 * RATE)
    step = 2 * math.pi * frequency / RATE
    return array(
        "h",
        (
            round(19660 * min(1.0, i / ramp, (count - 1 - i) / ramp) * math.sin(step * i))
            for i in range(count)
        ),
    )
