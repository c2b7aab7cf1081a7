"""Samples of a voice as models that clone take them: one recording."""

from __future__ import annotations

from collections.abc import Sequence

from engines.api import Sample


def join_samples(samples: Sequence[Sample]) -> bytes:
    """Return samples as one recording, one after the other: s16le PCM at their rate."""
    return b"".join(sample.pcm for sample in samples)
