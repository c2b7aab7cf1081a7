"""Watches an engine's audio for what is no speech of the text: too much of it, silence that goes on, the same
over and over.

Neural engines run away at times: they miss the end of the text and go on with noise, silence or a loop until
some limit of their own. Too little is told apart from it: a segment that ends much too early has lost words.
"""

from __future__ import annotations

import zlib
from array import array

import msgspec

from engines.errors import RunAway
from streaming.text.duration import DurationEstimate, estimate_duration

SILENCE_SECONDS = 6.0
"""no pause in a text lasts so long"""
SILENCE_PEAK = 100
"""a sample below this, of 32768, is no sound"""
BLOCK_SECONDS = 0.02
STRIDE, SPARSE = 8, 32
"""one sample in so many tells how loud a block is, and whether there is any sound"""
SUSPECT_FACTOR, SUSPECT_EXTRA = 1.2, 0.5
"""how much longer than expected a segment must be before loops are looked for, and how many seconds more"""
LOOP_SECONDS, LOOP_TIMES = 4.0, 4
"""what repeats must have done so for so long, and so often"""
SHORTEST_PERIOD, LONGEST_PERIOD = 0.2, 2.0
LOOP_LIKENESS = 0.97
"""correlation of the loudness with itself, a period later"""
LATIN_END = 0x250
REPETITIVE = 0.4
"""a text that deflates to less than this share repeats itself"""
STEADY_VARIATION = 0.05
"""a sound whose loudness varies less than this, of its mean, has no period to be found"""


class DurationLimits(msgspec.Struct, frozen=True):
    """What is taken for running away. `loops` says that the same over and over is: not where the text itself
    is like that.
    """

    estimate: DurationEstimate
    silence_seconds: float = SILENCE_SECONDS
    loops: bool = True


def limits(text: str, *, speed: float = 1.0) -> DurationLimits:
    """Make the limits for a text spoken `speed` times as fast as usual.

    Loops are looked for in Latin script only: letters that a voice cannot say but spells ("Chinese letter,
    Chinese letter") sound like one.
    """
    data = text.encode("utf-8", "replace")
    varied = len(zlib.compress(data, 1)) > REPETITIVE * len(data)
    latin = all(ord(char) < LATIN_END for char in text if char.isalpha())
    return DurationLimits(estimate_duration(text, speed=speed), loops=varied and latin)


class RunawayDetector:
    """Watches one segment's PCM (s16le mono at `rate` Hertz)."""

    def __init__(self, limits: DurationLimits, rate: int) -> None:
        self._limits = limits
        self._rate = rate
        self._block = round(BLOCK_SECONDS * rate)
        self._rest = b""
        self._samples = 0
        self._sounded = 0
        self._loudness: list[int] = []
        self._looked = 0

    @property
    def seconds(self) -> float:
        """How much has been seen."""
        return self._samples / self._rate

    def push(self, pcm: bytes) -> None:
        """Look at some more. Raises RunAway."""
        self._samples += len(pcm) // 2
        if self.seconds > self._limits.estimate.longest:
            expected = self._limits.estimate.expected
            raise RunAway(
                f"The engine did not stop: {self.seconds:.1f} s of audio for a text of about {expected:.1f} s."
            )
        self._look_for_sound(pcm)
        if (
            self._limits.loops
            and self.seconds > SUSPECT_FACTOR * self._limits.estimate.expected + SUSPECT_EXTRA
        ):
            self._look_for_loops(pcm)

    def truncated(self) -> bool:
        """Tell, at the end, whether there is far too little audio for the text."""
        return self.seconds < self._limits.estimate.shortest

    def _look_for_sound(self, pcm: bytes) -> None:
        sparse = array("h", pcm)[::SPARSE]
        if sparse and (max(sparse) >= SILENCE_PEAK or min(sparse) <= -SILENCE_PEAK):
            self._sounded = self._samples
        elif self._samples - self._sounded > self._limits.silence_seconds * self._rate:
            raise RunAway(f"The engine gave nothing but silence for {self._limits.silence_seconds:g} s.")

    def _look_for_loops(self, pcm: bytes) -> None:
        """Note how loud each block is from now on, and look once a second."""
        samples = array("h", self._rest + pcm)
        whole = len(samples) - len(samples) % self._block
        self._rest = samples[whole:].tobytes()
        for start in range(0, whole, self._block):
            block = samples[start : start + self._block : STRIDE]
            self._loudness.append(sum(map(abs, block)) // len(block))
        if len(self._loudness) - self._looked >= 1 / BLOCK_SECONDS:
            self._looked = len(self._loudness)
            if repeats(self._loudness):
                raise RunAway("The engine said the same over and over.")


def repeats(loudness: list[int]) -> bool:
    """Tell whether the last seconds are one short stretch over and over, by how loud each block of 20 ms is.

    A loop of an engine gives nearly the same samples again; the loudness of speech, of words said alike too,
    does not come back like that. Steady sounds are left to the other limits.
    """
    for period in range(round(SHORTEST_PERIOD / BLOCK_SECONDS), round(LONGEST_PERIOD / BLOCK_SECONDS) + 1):
        length = max(round(LOOP_SECONDS / BLOCK_SECONDS), LOOP_TIMES * period)
        if len(loudness) < length + period:
            return False
        if _likeness(loudness[-length:], loudness[-length - period : -period]) > LOOP_LIKENESS:
            return True
    return False


def _likeness(one: list[int], other: list[int]) -> float:
    """Give the correlation of two stretches, 0 where either is steady."""
    count = len(one)
    mean, mean_other = sum(one) / count, sum(other) / count
    variance = sum((a - mean) ** 2 for a in one) / count
    variance_other = sum((b - mean_other) ** 2 for b in other) / count
    if min(variance, variance_other) <= (STEADY_VARIATION * max(mean, 1.0)) ** 2:
        return 0.0
    covariance = sum((a - mean) * (b - mean_other) for a, b in zip(one, other, strict=True)) / count
    return float(covariance / (variance * variance_other) ** 0.5)
