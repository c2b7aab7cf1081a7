"""An engine for tests that speaks as hibari does and loses words, as large neural engines do by chance.

It is copied into a copy of the program (`verifying_server`), since only that has a record of it.
"""

from __future__ import annotations

import msgspec

from engines.adapters.hibari.engine import Hibari
from engines.api import BYTES_PER_SAMPLE, EngineInfo, Output, Place, SpeechJob, SpeechOutput, Word
from engines.errors import EngineFailed

RATE = 24_000
FIXED_SEED = 7
UNLUCKY_SEEDS = range(1000)
"""with these a word is lost; one taken by chance is among them once in two million times"""
LUCKY_SEEDS = range(2_000_000, 2_001_000)
"""with these no word is lost; the same"""


LOSES_ALWAYS, LOSES_BY_TURNS, FAILS_AGAIN = "ash", "ballad", "echo"
"""voices: one that loses the same word each time, one that loses another each time, and one that speaks only once;
others lose a word the first time that a request has a segment said, or with a low seed
"""


class Heard:
    """An output that keeps what is said."""

    def __init__(self, out: SpeechOutput) -> None:
        self._out = out
        self.pcm = bytearray()
        self.words: list[Word] = []

    def audio(self, pcm: bytes) -> None:
        """Keep audio."""
        self.pcm.extend(pcm)
        self._out.beat()

    def word(self, word: Word) -> None:
        """Keep a word."""
        self.words.append(word)

    def beat(self, progress: float | None = None) -> None:
        """Pass a sign on."""
        self._out.beat(progress)


class Forgetful:
    """Hibari, losing a word of each job: which and when is up to the voice."""

    def __init__(self) -> None:
        self._hibari = Hibari()
        self._jobs = 0
        self._said: set[tuple[str, int]] = set()
        """segments, by their stream and number"""

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load hibari."""
        info = self._hibari.load(place, out)
        assert info.speech
        speech = msgspec.structs.replace(info.speech, words=None, ipa=False)
        return msgspec.structs.replace(info, name="forgetful", models=("forgetful",), speech=speech)

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak a job, and lose a word of it."""
        segment = job.stream, job.index
        unlucky = job.seed in UNLUCKY_SEEDS or (segment not in self._said and job.seed not in LUCKY_SEEDS)
        self._said.add(segment)
        if job.voice == FAILS_AGAIN and not unlucky:
            raise EngineFailed("No second time.")
        heard = Heard(out)
        fixed = msgspec.structs.replace(job, seed=FIXED_SEED)
        self._hibari.speak(fixed, heard)
        pcm, words = heard.pcm, heard.words
        self._jobs += 1
        inner = sorted(range(1, len(words) - 1), key=lambda number: words[number].start - words[number].end)
        if inner and (unlucky or job.voice in (LOSES_ALWAYS, LOSES_BY_TURNS)):
            number = inner[self._jobs % 3 if job.voice == LOSES_BY_TURNS else 0]
            pcm = without_word(bytes(pcm), words, number)
        out.audio(bytes(pcm))


def without_word(pcm: bytes, words: list[Word], number: int) -> bytearray:
    """Return PCM without one word, from its beginning to that of the next."""
    start, end = (BYTES_PER_SAMPLE * round(RATE * words[place].time) for place in (number, number + 1))
    return bytearray(pcm[:start] + pcm[end:])
