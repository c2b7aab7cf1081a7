"""Recordings of voices, read into memory, and sounds written as WAV.

This module imports numpy, which costs 12 MB: import it where a recording has come in.
"""

from __future__ import annotations

import io
import math
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple, cast

from engines.api import BYTES_PER_SAMPLE
from engines.errors import BadAudio
from streaming.audio import wav
from streaming.audio.decode import decode, probe
from streaming.audio.recording import SHORTEST_SECONDS, AudioFacts, Source
from voices.samples import checks as check
from voices.samples import measures as measure
from voices.samples.measures import Sound

LOWEST_RATE = 8000
"""Hertz; what is clipped on a telephone looks so before it is resampled only"""
HIGHEST_RATE = 48_000
"""Hertz"""
COUNTED = 4
"""how many times the longest a recording is counted on, to say how long it is"""


class Recording(NamedTuple):
    """A decoded upload: mono, at `rate` Hertz."""

    facts: AudioFacts
    rate: int
    sound: Sound

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return len(self.sound) / self.rate

    def part(self, start: float, end: float | None) -> Sound:
        """Return what lies from `start` to before `end`, in seconds; without an end, all the rest. Raises
        BadAudio.
        """
        last = self.seconds if end is None else end
        check.within(start, last, self.seconds)
        return self.sound[int(start * self.rate) : math.ceil(last * self.rate)]


def read(source: Source, shortest: float, longest: float) -> Recording:
    """Read a recording at its own sample rate, or the nearest from 8 to 48 kHz. Raises BadAudio as `chunks`
    does.
    """
    facts = probe(source)
    rate = min(HIGHEST_RATE, max(LOWEST_RATE, facts.rate))
    pcm = b"".join(chunks(source, rate, shortest, longest))
    return Recording(facts, rate, measure.samples(pcm))


def chunks(source: Source, rate: int, shortest: float, longest: float) -> Iterator[bytes]:
    """Decode a recording, of at most `longest` seconds, to s16le PCM. Raises BadAudio, which names `shortest`
    where that is told.

    What is beyond the longest is counted for a while, to say how long the recording is, and not given.
    """
    samples, seconds = 0, 0.0
    with (
        closing(
            cast("Generator[bytes]", decode(source, rate=rate, max_seconds=math.inf, most_silence=longest))
        ) as decoded,
        _measured_by(shortest),
    ):
        for chunk in decoded:
            samples += len(chunk) // BYTES_PER_SAMPLE
            seconds = samples / rate
            if seconds <= longest + check.TOLERANCE_SECONDS:
                yield chunk
            elif seconds > COUNTED * longest:
                break
    check.short_enough(seconds, longest, counted=seconds <= COUNTED * longest)


@contextmanager
def _measured_by(shortest: float) -> Iterator[None]:
    """Name our own shortest duration, in seconds, in place of the decoder's."""
    try:
        yield
    except BadAudio as exc:
        if exc.code == "audio_too_short":
            raise check.too_short(f"less than {SHORTEST_SECONDS:g}", shortest) from exc
        raise


def resampled(sound: Sound, rate: int, wanted: int) -> Sound:
    """Return a copy of a sound at another sample rate, or the same."""
    if rate == wanted:
        return sound.copy()
    return measure.samples(
        b"".join(decode(io.BytesIO(to_wav(sound, rate)), rate=wanted, max_seconds=math.inf))
    )


def to_wav(sound: Sound, rate: int) -> bytes:
    """Return a WAV file of a sound, as s16le PCM."""
    return wav.encode(measure.pcm(sound), rate)
