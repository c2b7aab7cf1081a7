"""Samples of a voice, as models take them: in one, long enough, and not for ever."""

from __future__ import annotations

from collections.abc import Sequence

from engines.api import Sample
from engines.errors import BadAudio


def joined(samples: Sequence[Sample], rate: int, shortest: float, longest: float) -> bytes:
    """Give the first `longest` seconds of samples as s16le PCM at `rate` Hertz. Raises BadAudio."""
    pcm = b"".join(sample.pcm for sample in samples)[: 2 * round(longest * rate)]
    if len(pcm) < 2 * shortest * rate:
        raise BadAudio(f"The sample is too short: a voice needs at least {shortest:g} seconds.")
    if not any(pcm):
        raise BadAudio("The sample is silent.")
    return pcm
