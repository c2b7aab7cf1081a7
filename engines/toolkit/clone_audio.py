"""Samples of a voice as models that clone take them: one recording, neither too short nor too long."""

from __future__ import annotations

from collections.abc import Sequence

from engines.api import BYTES_PER_SAMPLE, Sample
from engines.errors import BadAudio

SHORTEST_SECONDS = 0.5
"""what a voice needs"""
LONGEST_SECONDS = 30.0
"""what is used of all samples together"""


def join_samples(samples: Sequence[Sample], sample_rate: int) -> bytes:
    """Return the first `LONGEST_SECONDS` of samples, one after the other, as s16le PCM at `sample_rate`
    Hertz.

    Raises BadAudio where they are shorter than `SHORTEST_SECONDS`, or silent.
    """
    longest = BYTES_PER_SAMPLE * round(LONGEST_SECONDS * sample_rate)
    pcm = b"".join(sample.pcm for sample in samples)[:longest]
    if len(pcm) < BYTES_PER_SAMPLE * SHORTEST_SECONDS * sample_rate:
        raise BadAudio(f"The sample is too short: a voice needs at least {SHORTEST_SECONDS:g} seconds.")
    if not any(pcm):
        raise BadAudio("The sample is silent.")
    return pcm
