"""A default voice for models that have none of their own, and speak each text with another.

A page that is read sentence by sentence would change its speaker at every stop. So such a model speaks one
sentence, always with the same random numbers, and clones that recording wherever no voice is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engines.toolkit import pcm
from engines.toolkit.resampling import Floats, resample

SAMPLE_TEXT = "Hello! This is how I sound, whatever I am asked to read."
SEEDS = range(3)
"""tried one after the other until one gives speech"""
SHORTEST_SECONDS = 0.5
"""what is shorter is no voice"""
FAINTEST_PEAK = 0.01
"""of full scale: what is fainter is no voice"""


def record_default_voice(
    synthesise: Callable[[str, int], tuple[Floats, bool]], synthesis_rate: int, recording_rate: int
) -> bytes | None:
    """Return a recording of a voice as s16le mono PCM at `recording_rate` Hertz; None where no seed gives
    one.

    `synthesise` speaks a text with a seed. It returns float samples in [-1, 1] at `synthesis_rate` Hertz, and
    whether the speech came to its end by itself, which it has to for a recording.
    """
    for seed in SEEDS:
        samples, ended = synthesise(SAMPLE_TEXT, seed)
        long_enough = len(samples) >= SHORTEST_SECONDS * synthesis_rate
        if ended and long_enough and np.abs(samples).max() > FAINTEST_PEAK:
            return pcm.from_floats(resample(samples, synthesis_rate, recording_rate))
    return None
