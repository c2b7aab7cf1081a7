"""Preparation of a recording to clone a voice from: checked, trimmed, and brought to one loudness.

This module imports numpy, which costs 12 MB: import it where a recording has come in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import numpy as np

from engines.errors import BadAudio
from streaming.audio.decode import probe
from streaming.audio.recording import AudioFacts, Source
from voices.samples import checks as check
from voices.samples import measures as measure
from voices.samples.measures import FrameMask, Sound
from voices.samples.recording import Recording, chunks, read, resampled, to_wav

LOWEST_RATE = 16_000
"""Hertz, of a prepared sample"""
CONSENT_RATE = 16_000
"""Hertz, at which the recording of a consent is measured"""
CONSENT_SECONDS = 0.5
"""the shortest recording of a consent"""
MARGIN_FRAMES = 5
"""of silence, 0.1 s, that is kept at both ends"""
LEVEL = -20.0
"""dBFS, of the speech of a prepared sample"""
PEAK = -1.0
"""dBFS, the most that the highest sample may have"""


class Bounds(msgspec.Struct, frozen=True):
    """Limits on a sample's duration in seconds: the shortest once prepared, the longest as recorded."""

    shortest: float = 1.0
    longest: float = 30.0


class SampleFacts(msgspec.Struct, frozen=True):
    """What is known of a prepared sample, and of the recording that it was."""

    seconds: float
    """of the prepared sample"""
    original_seconds: float
    """of the whole recording"""
    rate: int
    """Hertz, of the prepared sample"""
    container: str
    codec: str
    channels: int
    level: float
    """dBFS, of the speech as it was recorded"""
    gain: float
    """decibels by which it was raised"""
    clipped: float
    """share of the samples, 0..1"""
    active: float
    """share of the recording, 0..1, that is not silence"""


def prepare(
    source: Source, bounds: Bounds, *, speech: bool = True, param: str = "audio_sample"
) -> tuple[bytes, SampleFacts]:
    """Make a sample of a recording: a WAV, s16le mono, at the recording's own sample rate within 16..48 kHz.

    Raises BadAudio, about `param`: it cannot be decoded, or, by its code, is `audio_too_short`,
    `audio_too_long`, `audio_silent`, `audio_clipped`, or, where `speech` is wanted, `no_speech`.
    """
    with _about(param):
        recording = read(source, bounds.shortest, bounds.longest)
        return _prepared(recording, recording.sound, bounds, speech)


def trim(
    source: Source,
    start: float,
    end: float | None,
    bounds: Bounds,
    *,
    speech: bool = True,
    param: str = "audio_sample",
) -> tuple[bytes, SampleFacts]:
    """Make a sample of a part of a recording, from `start` to before `end`, in seconds; without an end, of
    all the rest.

    Raises BadAudio as `prepare` does, and, with the code `invalid_value`, where the part is not one of the
    recording.
    """
    with _about(param):
        recording = read(source, bounds.shortest, bounds.longest)
        return _prepared(recording, recording.part(start, end), bounds, speech)


def check_recording(source: Source, *, longest: float, param: str = "recording") -> AudioFacts:
    """Return the facts of a consent's recording, its duration measured. Raises BadAudio, about `param`, as
    `prepare` does.

    It must be decodable, at least 0.5 s and at most `longest` seconds long, and not silent.
    """
    with _about(param):
        samples, loudest = 0, measure.FLOOR
        facts = probe(source)
        for chunk in chunks(source, CONSENT_RATE, CONSENT_SECONDS, longest):
            sound = measure.samples(chunk)
            samples += len(sound)
            loudest = max(loudest, measure.levels(sound - sound.mean(), CONSENT_RATE).max())
        check.long_enough(samples / CONSENT_RATE, CONSENT_SECONDS)
        check.audible(loudest)
        return msgspec.structs.replace(facts, duration=samples / CONSENT_RATE)


@contextmanager
def _about(param: str) -> Iterator[None]:
    """Name the caller's parameter in errors."""
    try:
        yield
    except BadAudio as exc:
        exc.param = param
        raise


def _prepared(recording: Recording, part: Sound, bounds: Bounds, speech: bool) -> tuple[bytes, SampleFacts]:
    check.long_enough(len(part) / recording.rate, bounds.shortest)
    clipped = measure.clipped(part)
    rate = max(LOWEST_RATE, recording.rate)
    part = resampled(part, recording.rate, rate)
    part -= part.mean()
    levels = measure.levels(part, rate)
    gate = measure.active(levels)
    active = float(gate.mean())
    check.audible(levels.max())
    check.filled(active)
    check.clean(clipped)
    sound = part[_extent(gate, measure.frame_length(rate))]
    seconds = len(sound) / rate
    check.long_enough(seconds, bounds.shortest)
    if speech:
        check.spoken(part, rate, levels, gate)
    level = measure.mean_level(levels[gate])
    gain = min(LEVEL - level, PEAK - 20 * math.log10(np.abs(sound).max()))
    facts = recording.facts
    return to_wav(sound * 10 ** (gain / 20), rate), SampleFacts(
        seconds=seconds,
        original_seconds=recording.seconds,
        rate=rate,
        container=facts.container,
        codec=facts.codec,
        channels=facts.channels,
        level=level,
        gain=gain,
        clipped=clipped,
        active=active,
    )


def _extent(gate: FrameMask, size: int) -> slice:
    """Find the samples from the first active frame to the last, with a margin."""
    there = np.flatnonzero(gate)
    return slice(max(0, int(there[0]) - MARGIN_FRAMES) * size, (int(there[-1]) + 1 + MARGIN_FRAMES) * size)
