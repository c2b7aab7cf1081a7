"""An engine for tests that speaks as hibari does and loses words, as large neural engines do by chance.

It is copied into a copy of the program (`verifying_server`), since only that has a record of it.
"""

from __future__ import annotations

import msgspec

from engines.adapters.hibari.engine import Hibari
from engines.api import BYTES_PER_SAMPLE, Audio, EmitSpeech, EngineInfo, SpeechEvent, SpeechJob, Word
from engines.errors import EngineFailed

RATE = 24_000
FIXED_SEED = 7
UNLUCKY_SEEDS = 1000
"""seeds below this lose a word, and so does none; one taken by chance is below it once in two million times"""


class Forgetful:
    """Hibari, losing a word of each job.

    `loses` says when: "first" without a seed and with a low one, "always" the same, "turns" another each time,
    "retakes" fails altogether with any but a low seed.
    """

    def __init__(self, loses: str = "first") -> None:
        self._hibari = Hibari()
        self._loses = loses
        self._jobs = 0

    def load(self) -> EngineInfo:
        """Load hibari."""
        info = self._hibari.load()
        assert info.speech
        speech = msgspec.structs.replace(info.speech, words=False, ipa=False)
        return msgspec.structs.replace(info, name="forgetful", models=("forgetful",), speech=speech)

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Speak a job, and lose a word of it."""
        unlucky = job.seed is None or job.seed < UNLUCKY_SEEDS
        if self._loses == "retakes" and not unlucky:
            raise EngineFailed("No second time.")
        pcm = bytearray()
        words: list[Word] = []

        def collect(event: SpeechEvent) -> bool:
            if isinstance(event, Word):
                words.append(event)
            else:
                pcm.extend(event.pcm)
            return emit(Audio(b""))

        fixed = msgspec.structs.replace(job, seed=FIXED_SEED)
        self._hibari.speak(fixed, collect)
        self._jobs += 1
        if unlucky or self._loses in ("always", "turns"):
            pcm = without_word(bytes(pcm), words, self._word_to_lose(words))
        emit(Audio(bytes(pcm)))

    def _word_to_lose(self, words: list[Word]) -> int:
        inner = sorted(range(1, len(words) - 1), key=lambda number: words[number].start - words[number].end)
        return inner[self._jobs % 3 if self._loses == "turns" else 0]


def without_word(pcm: bytes, words: list[Word], number: int) -> bytearray:
    """Return PCM without one word, from its beginning to that of the next."""
    start, end = (BYTES_PER_SAMPLE * round(RATE * words[place].time) for place in (number, number + 1))
    return bytearray(pcm[:start] + pcm[end:])
