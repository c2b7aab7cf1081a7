"""Detect audio that is no speech of its text: too much of it, silence that goes on, the same over and over.

Neural engines run away at times: they miss the end of the text and go on with noise, silence or a loop until
some limit of their own. Too little audio is something else: a segment that ends much too early has lost
words.
"""

from __future__ import annotations

import zlib
from array import array
from itertools import accumulate
from operator import mul

import msgspec

from engines.api import BYTES_PER_SAMPLE
from engines.errors import RunawayAudio
from streaming.text.duration import DurationEstimate, estimate_duration

SILENCE_SECONDS = 6.0
"""no pause in a text lasts so long"""
SILENCE_PEAK = 100
"""a sample below this, of 32768, is silence"""
BLOCK_SECONDS = 0.02
"""the stretch of audio whose loudness is measured"""
LOUDNESS_STRIDE = 8
"""one sample in so many is enough to measure the loudness of a block"""
SILENCE_STRIDE = 32
"""one sample in so many is enough to detect that there is any sound"""
SUSPECT_FACTOR = 1.2
"""how many times as long as expected a segment must be before it is searched for loops..."""
SUSPECT_EXTRA_SECONDS = 0.5
"""...and how many seconds more"""
LOOP_SECONDS = 4.0
"""how long a stretch must have repeated itself to be a loop..."""
LOOP_TIMES = 4
"""...and how many times"""
SHORTEST_PERIOD_SECONDS = 0.2
LONGEST_PERIOD_SECONDS = 2.0
LOOP_CORRELATION = 0.97
"""of the loudness with itself, a period later"""
LATIN_END = 0x250
"""the code point after Latin script"""
REPETITIVE_TEXT = 0.4
"""a text that deflates to less than this share repeats itself"""
STEADY_VARIATION = 0.05
"""a sound whose loudness varies less than this, of its mean, has no period to be found"""


class RunawayLimits(msgspec.Struct, frozen=True):
    """From where on the audio of one text has run away."""

    estimate: DurationEstimate
    silence_seconds: float = SILENCE_SECONDS
    loops: bool = True
    """whether the same over and over is a loop: not where the text itself is like that"""


def limits_for(text: str, *, speed: float = 1.0) -> RunawayLimits:
    """Return the limits for a text spoken `speed` times as fast as usual.

    Loops are detected in Latin script only: letters that a voice cannot say but spells ("Chinese letter,
    Chinese letter") sound like one.
    """
    data = text.encode("utf-8", "replace")
    varied = len(zlib.compress(data, 1)) > REPETITIVE_TEXT * len(data)
    latin = all(ord(char) < LATIN_END for char in text if char.isalpha())
    return RunawayLimits(estimate_duration(text, speed=speed), loops=varied and latin)


class RunawayDetector:
    """Checks one segment's PCM (s16le mono at `rate` Hertz) as it comes."""

    def __init__(self, limits: RunawayLimits, rate: int) -> None:
        self._limits = limits
        self._rate = rate
        self._block = round(BLOCK_SECONDS * rate)
        self._rest = b""
        """PCM that does not fill a block"""
        self._samples = 0
        self._last_sound = 0
        """the number of samples up to the last one that was no silence"""
        self._loudness: list[int] = []
        self._checked_blocks = 0
        """how many of them there were at the last search for a loop"""

    @property
    def seconds(self) -> float:
        """Return how much audio has been checked."""
        return self._samples / self._rate

    def push(self, pcm: bytes) -> None:
        """Check some more. Raises RunawayAudio."""
        self._samples += len(pcm) // BYTES_PER_SAMPLE
        estimate = self._limits.estimate
        if self.seconds > estimate.longest:
            raise RunawayAudio(
                f"The engine did not stop: {self.seconds:.1f} s of audio for a text of about"
                f" {estimate.expected:.1f} s."
            )
        self._check_silence(pcm)
        suspicious = self.seconds > SUSPECT_FACTOR * estimate.expected + SUSPECT_EXTRA_SECONDS
        if self._limits.loops and suspicious:
            self._check_loops(pcm)

    def is_truncated(self) -> bool:
        """Return whether, at the end, there is far too little audio for the text."""
        return self.seconds < self._limits.estimate.shortest

    def _check_silence(self, pcm: bytes) -> None:
        sparse = array("h", pcm)[::SILENCE_STRIDE]
        if sparse and (max(sparse) >= SILENCE_PEAK or min(sparse) <= -SILENCE_PEAK):
            self._last_sound = self._samples
        elif self._samples - self._last_sound > self._limits.silence_seconds * self._rate:
            raise RunawayAudio(f"The engine gave nothing but silence for {self._limits.silence_seconds:g} s.")

    def _check_loops(self, pcm: bytes) -> None:
        """Measure the loudness of each block from now on, and search for a loop once a second."""
        samples = array("h", self._rest + pcm)
        whole = len(samples) - len(samples) % self._block
        self._rest = samples[whole:].tobytes()
        for start in range(0, whole, self._block):
            block = samples[start : start + self._block : LOUDNESS_STRIDE]
            self._loudness.append(sum(map(abs, block)) // len(block))
        if len(self._loudness) - self._checked_blocks >= 1 / BLOCK_SECONDS:
            self._checked_blocks = len(self._loudness)
            if has_loop(self._loudness):
                raise RunawayAudio("The engine said the same over and over.")


def has_loop(loudness: list[int]) -> bool:
    """Return whether the last seconds repeat one short stretch, by the loudness of each block of 20 ms.

    A loop of an engine produces nearly the same samples again; the loudness of speech, of words said alike
    too, does not come back like that. Steady sounds are left to the other limits.
    """
    shortest = round(SHORTEST_PERIOD_SECONDS / BLOCK_SECONDS)
    longest = round(LONGEST_PERIOD_SECONDS / BLOCK_SECONDS)
    steady = round(LOOP_SECONDS / BLOCK_SECONDS)
    recent = _Stretches(loudness[-(LOOP_TIMES + 1) * longest :])
    for period in range(shortest, longest + 1):
        length = max(steady, LOOP_TIMES * period)
        if recent.count < length + period:
            return False
        if recent.correlation(length, period) > LOOP_CORRELATION:
            return True
    return False


class _Stretches:
    """Whole numbers with what the means and variances of their last ones follow from at once."""

    def __init__(self, values: list[int]) -> None:
        self.count = len(values)
        self._values = values
        self._sums = [0, *accumulate(values)]
        self._squares = [0, *accumulate(map(mul, values, values))]

    def correlation(self, length: int, period: int) -> float:
        """Return the correlation of the last `length` with those `period` earlier, 0 where any is steady."""
        end, start = self.count, self.count - length
        mean_first, variance_first = self._moments(start, end)
        mean_second, variance_second = self._moments(start - period, end - period)
        if min(variance_first, variance_second) <= (STEADY_VARIATION * max(mean_first, 1.0)) ** 2:
            return 0.0
        products = sum(map(mul, self._values[start:], self._values[start - period : end - period]))
        covariance = products / length - mean_first * mean_second
        return float(covariance / (variance_first * variance_second) ** 0.5)

    def _moments(self, start: int, end: int) -> tuple[float, float]:
        count = end - start
        mean = (self._sums[end] - self._sums[start]) / count
        return mean, (self._squares[end] - self._squares[start]) / count - mean * mean
