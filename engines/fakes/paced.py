"""`pace`, an engine of a set pace, for measurements and tests of scheduling; off by default. It sleeps where
others compute.

Its options: `rtf`, seconds of work for a second of audio; `first_chunk`, seconds of work before the first
audio; `chunk`, seconds of audio in one event; and how it does several jobs at once, one of `parallel`, jobs
that each have a thread; `batch`, jobs that go through in one call in the time of one, with `batch_wait`,
seconds; and `steps`, jobs that go on together chunk by chunk, each step in the time of one. Without any it
does one job.

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
    ALONE,
    BYTES_PER_SAMPLE,
    Batches,
    BatchItem,
    Concurrency,
    EngineInfo,
    Output,
    Place,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    StepResult,
    Steps,
    Stop,
    Threads,
    attempt,
)
from engines.errors import EngineFailed
from engines.fakes.sine import RATE, faded_sine
from engines.fakes.tone import OPENAI_VOICES, VOICES, pitch

CHARACTERS_PER_SECOND = 15.0
GAP = RATE // 50
"""samples of silence behind each word: 20 ms"""


class PacedMember:
    """A job of the engine in steps."""

    def __init__(self, chunks: Iterator[bytes], out: SpeechOutput, first_at: float) -> None:
        self._chunks = chunks
        self._out = out
        self._first_at = first_at
        """the moment before which there is no audio"""

    def advance(self) -> bool:
        """Give the next chunk, and return whether there was one. Raises Stop."""
        if time.monotonic() < self._first_at:
            self._out.beat()
            return True
        chunk = next(self._chunks, None)
        if chunk:
            self._out.audio(chunk)
        return chunk is not None


class Paced:
    """The engine `pace`; its options are the module's."""

    def __init__(
        self,
        rtf: float = 0.5,
        first_chunk: float = 0.1,
        chunk: float = 0.08,
        parallel: int = 0,
        batch: int = 0,
        batch_wait: float = 0.01,
        steps: int = 0,
    ) -> None:
        self._rtf = rtf
        self._first_chunk = first_chunk
        self._chunk_samples = round(chunk * RATE)
        self._ways: list[Concurrency] = []
        if parallel:
            self._ways.append(Threads(parallel))
        if batch:
            self._ways.append(Batches(batch, batch_wait))
        if steps:
            self._ways.append(Steps(steps, repeatable=True))

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Return what it can do. Raises EngineFailed where it is to do several jobs in several ways."""
        if len(self._ways) > 1:
            raise EngineFailed("`parallel`, `batch` and `steps` exclude each other.")
        return EngineInfo(
            name="pace",
            version="1",
            licence="Apache-2.0",
            models=("pace",),
            voices=VOICES,
            characters={name: f"tone-{number}" for number, name in enumerate(OPENAI_VOICES)},
            speech=SpeechCapabilities(RATE, ("en",)),
            concurrency=self._ways[0] if self._ways else ALONE,
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Give the audio at the set pace."""
        began = time.monotonic() + self._first_chunk
        for number, chunk in enumerate(self._chunks(job)):
            _sleep_until(began + self._rtf * number * self._chunk_samples / RATE)
            out.audio(chunk)

    def speak_batch(self, items: Sequence[BatchItem]) -> None:
        """Give the audio of all jobs at the set pace, chunk by chunk in step; each ends with its own last
        chunk.
        """
        began = time.monotonic() + self._first_chunk
        unfinished = dict(enumerate(items))
        for number, chunks in enumerate(zip_longest(*(self._chunks(item.job) for item in items))):
            _sleep_until(began + self._rtf * number * self._chunk_samples / RATE)
            for index, item in list(unfinished.items()):
                chunk = chunks[index]
                if chunk is None or not _is_taken(item.out, chunk):
                    del unfinished[index]
                    item.finish(None)
            if not unfinished:
                return

    def begin(self, job: SpeechJob, out: SpeechOutput) -> PacedMember:
        """Begin a job."""
        return PacedMember(self._chunks(job), out, time.monotonic() + self._first_chunk)

    def step(self, members: Sequence[PacedMember]) -> list[StepResult]:
        """Give a chunk of each job, in the time of one."""
        time.sleep(self._rtf * self._chunk_samples / RATE)
        return [attempt(member.advance) for member in members]

    def drop(self, member: PacedMember) -> None:
        """Forget a job."""

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


def _is_taken(out: SpeechOutput, chunk: bytes) -> bool:
    """Give audio, and return whether the rest is wanted."""
    try:
        out.audio(chunk)
    except Stop:
        return False
    return True


def _sleep_until(deadline: float) -> None:
    if (seconds := deadline - time.monotonic()) > 0:
        time.sleep(seconds)
