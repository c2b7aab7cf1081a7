"""`pace`, an engine of a set pace, for measurements and tests of scheduling; off by default. It sleeps where
others compute.

Its options: `rtf`, seconds of work for a second of audio; `first_chunk`, seconds of work before the first
audio; `chunk`, seconds of audio in one event; `slots`, jobs at once; `batch`, jobs that go through in one
call in the time of one; `batch_wait`, seconds.

Each word lasts as long as reading it aloud takes, as a tone that tells voice and word apart
(`engines.fakes.tone.pitch`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import zip_longest

from engines.api import (
    BYTES_PER_SAMPLE,
    Audio,
    BatchItem,
    EmitSpeech,
    EngineInfo,
    SpeechCapabilities,
    SpeechJob,
)
from engines.fakes.sine import RATE, faded_sine
from engines.fakes.tone import OPENAI_VOICES, VOICES, pitch

CHARACTERS_PER_SECOND = 15.0
GAP = RATE // 50
"""samples of silence behind each word: 20 ms"""


class Paced:
    """The engine `pace`; its options are the module's."""

    def __init__(
        self,
        rtf: float = 0.5,
        first_chunk: float = 0.1,
        chunk: float = 0.08,
        slots: int = 1,
        batch: int = 1,
        batch_wait: float = 0.01,
    ) -> None:
        self._rtf = rtf
        self._first_chunk = first_chunk
        self._chunk_samples = round(chunk * RATE)
        self._slots = slots
        self._batch = batch
        self._batch_wait = batch_wait

    def load(self) -> EngineInfo:
        """Return what it can do."""
        return EngineInfo(
            name="pace",
            version="1",
            licence="Apache-2.0",
            models=("pace",),
            voices=VOICES,
            characters={name: f"tone-{number}" for number, name in enumerate(OPENAI_VOICES)},
            speech=SpeechCapabilities(RATE, ("en",)),
            slots=max(self._slots, self._batch),
            batch=self._batch,
            batch_wait=self._batch_wait,
        )

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Emit the audio at the set pace."""
        began = time.monotonic() + self._first_chunk
        for number, chunk in enumerate(self._chunks(job)):
            _sleep_until(began + self._rtf * number * self._chunk_samples / RATE)
            if not emit(Audio(chunk)):
                return

    def speak_batch(self, items: Sequence[BatchItem]) -> None:
        """Emit the audio of all jobs at the set pace, chunk by chunk in step; each ends with its own last
        chunk.
        """
        began = time.monotonic() + self._first_chunk
        unfinished = dict(enumerate(items))
        for number, chunks in enumerate(zip_longest(*(self._chunks(item.job) for item in items))):
            _sleep_until(began + self._rtf * number * self._chunk_samples / RATE)
            for index, item in list(unfinished.items()):
                chunk = chunks[index]
                if chunk is None or not item.emit(Audio(chunk)):
                    del unfinished[index]
                    item.finish(None)
            if not unfinished:
                return

    def _chunks(self, job: SpeechJob) -> Iterator[bytes]:
        """Yield the PCM of a job's words in chunks of equal length, the last of which may be shorter."""
        size = BYTES_PER_SAMPLE * self._chunk_samples
        pcm = bytearray()
        for match in re.finditer(r"\S+", job.text):
            pcm += _word(job.voice, match[0].lower())
            while len(pcm) >= size:
                yield bytes(pcm[:size])
                del pcm[:size]
        if pcm:
            yield bytes(pcm)


@lru_cache(4096)
def _word(voice: str, word: str) -> bytes:
    """Return the PCM of a word: a tone, and a gap."""
    count = round((len(word) + 1) / CHARACTERS_PER_SECOND * RATE) - GAP
    return faded_sine(pitch(voice, word), count).tobytes() + bytes(BYTES_PER_SAMPLE * GAP)


def _sleep_until(deadline: float) -> None:
    if (seconds := deadline - time.monotonic()) > 0:
        time.sleep(seconds)
