"""An engine of a set pace, for measurements and tests of scheduling; off by default. It sleeps where others
compute.

Its options: `rtf`, seconds of work for a second of audio; `first_chunk`, seconds of work before the first
audio; `chunk`, seconds of audio given at once; `slots`, jobs at once; `batch`, jobs that go through in one
call in the time of one; `batch_wait`, seconds.

Each word lasts as long as reading it aloud takes, as a tone that tells voice and word apart
(`engines.tone.pitch`).
"""

from __future__ import annotations

import math
import re
import time
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import zip_longest

from engines.api import Audio, BatchItem, EmitSpeech, EngineInfo, SpeechCapabilities, SpeechJob
from engines.fakes.tone import OPENAI_VOICES, VOICES, pitch

RATE = 24_000
CHARACTERS_PER_SECOND = 15.0
SILENCE = bytes(2 * RATE // 50)


class Paced:
    """See the module."""

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
        self._step = 2 * round(chunk * RATE)
        self._slots = slots
        self._batch = batch
        self._batch_wait = batch_wait

    def load(self) -> EngineInfo:
        """Say what it can do."""
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
        """Give the audio at the set pace."""
        began = time.monotonic() + self._first_chunk
        for number, chunk in enumerate(self._chunks(job)):
            _sleep_until(began + self._rtf * number * self._step / (2 * RATE))
            if not emit(Audio(chunk)):
                return

    def speak_batch(self, turns: Sequence[BatchItem]) -> None:
        """Give the audio of all jobs at the set pace, chunk by chunk in step; each ends with its own last
        chunk.
        """
        began = time.monotonic() + self._first_chunk
        live = dict(enumerate(turns))
        for number, chunks in enumerate(zip_longest(*(self._chunks(turn.job) for turn in turns))):
            _sleep_until(began + self._rtf * number * self._step / (2 * RATE))
            for index, turn in list(live.items()):
                chunk = chunks[index]
                if chunk is None or not turn.emit(Audio(chunk)):
                    del live[index]
                    turn.finish(None)
            if not live:
                return

    def _chunks(self, job: SpeechJob) -> Iterator[bytes]:
        waiting = bytearray()
        for match in re.finditer(r"\S+", job.text):
            waiting += _word(job.voice, match[0].lower())
            while len(waiting) >= self._step:
                yield bytes(waiting[: self._step])
                del waiting[: self._step]
        if waiting:
            yield bytes(waiting)


@lru_cache(4096)
def _word(voice: str, word: str) -> bytes:
    """Make a tone of 60 % amplitude that fades in and out over 5 ms, and 20 ms of silence."""
    count = round((len(word) + 1) / CHARACTERS_PER_SECOND * RATE) - len(SILENCE) // 2
    step, ramp = 2 * math.pi * pitch(voice, word) / RATE, RATE // 200
    tone = array(
        "h",
        (
            round(19660 * min(1.0, i / ramp, (count - 1 - i) / ramp) * math.sin(step * i))
            for i in range(count)
        ),
    )
    return tone.tobytes() + SILENCE


def _sleep_until(moment: float) -> None:
    if (left := moment - time.monotonic()) > 0:
        time.sleep(left)
