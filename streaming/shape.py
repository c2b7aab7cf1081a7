"""From an engine's PCM to the PCM that is sent: joined without clicks, at the asked speed, at the asked sample rate.

PCM is s16le mono, in chunks of whole samples. Everything here is continuous over the whole response.
"""

from __future__ import annotations

from array import array
from fractions import Fraction
from itertools import pairwise

import av
import av.filter

from streaming import frames

FADE_SECONDS = 0.005
AUDIBLE_STEP = 300
"""a segment that begins or ends further than this from zero would click"""
ATEMPO_LOW, ATEMPO_HIGH = 0.5, 2.0
"""beyond these FFmpeg's atempo skips samples instead of blending them; a chain of two stays within"""


class Joiner:
    """Ramps the edges of a segment that begins or ends away from zero. Holds the last 5 ms back to be able to."""

    def __init__(self, rate: int) -> None:
        self._fade = max(1, round(FADE_SECONDS * rate))
        self._held = array("h")
        self._begun = False

    def begin(self) -> None:
        """Begin a segment."""
        self._begun = False
        self._held = array("h")

    def push(self, pcm: bytes) -> bytes:
        """Take PCM of the segment, and give all but the last 5 ms."""
        self._held.frombytes(pcm)
        if not self._begun:
            if len(self._held) < 2 * self._fade:
                return b""
            self._begun = True
            self._ramp_up()
        ready = len(self._held) - self._fade
        if ready <= 0:
            return b""
        out, self._held = self._held[:ready], self._held[ready:]
        return out.tobytes()

    def end(self) -> bytes:
        """End the segment, and give the rest."""
        if not self._begun:
            self._ramp_up()
        held, self._held = self._held, array("h")
        if held and abs(held[-1]) > AUDIBLE_STEP:
            length = min(self._fade, len(held))
            for number in range(length):
                held[-1 - number] = held[-1 - number] * number // length
        return held.tobytes()

    def _ramp_up(self) -> None:
        if self._held and abs(self._held[0]) > AUDIBLE_STEP:
            length = min(self._fade, len(self._held))
            for number in range(length):
                self._held[number] = self._held[number] * number // length


class Shaper:
    """Changes tempo by FFmpeg's atempo (WSOLA: pitch stays) and sample rate by its resampler."""

    def __init__(self, source_rate: int, *, tempo: float = 1.0, target_rate: int = 24_000) -> None:
        self._rate = source_rate
        self._tempo = Tempo(source_rate, tempo) if abs(tempo - 1) > 1e-3 else None
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=target_rate) if source_rate != target_rate else None

    def push(self, pcm: bytes) -> bytes:
        """Take PCM at the source's rate, and give what is ready at the target's."""
        if self._tempo:
            pcm = self._tempo.push(pcm)
        return self._resample(pcm) if pcm else b""

    def finish(self) -> bytes:
        """Give the rest."""
        tail = self._resample(self._tempo.finish()) if self._tempo else b""
        if self._resampler is None:
            return tail
        return tail + frames.pcm(self._resampler.resample(None))

    def _resample(self, pcm: bytes) -> bytes:
        if self._resampler is None or not pcm:
            return pcm
        return frames.pcm(self._resampler.resample(frames.frame(pcm, self._rate)))


class Tempo:
    """FFmpeg's atempo as a stream of PCM."""

    def __init__(self, rate: int, tempo: float) -> None:
        self._rate = rate
        self._position = 0
        self._graph = av.filter.Graph()
        source = self._graph.add_abuffer(format="s16", sample_rate=rate, layout="mono", time_base=Fraction(1, rate))
        chain = [source, *(self._graph.add("atempo", f"{factor:.6f}") for factor in _factors(tempo))]
        chain += [self._graph.add("aformat", "sample_fmts=s16:channel_layouts=mono"), self._graph.add("abuffersink")]
        for one, other in pairwise(chain):
            one.link_to(other)
        self._graph.configure()

    def push(self, pcm: bytes) -> bytes:
        """Take PCM, and give what is ready."""
        if not pcm:
            return b""
        frame = frames.frame(pcm, self._rate)
        frame.pts = self._position
        self._position += frame.samples
        self._graph.push(frame)
        return self._pull()

    def finish(self) -> bytes:
        """Give the rest."""
        if not self._position:
            return b""
        self._graph.push(None)
        return self._pull()

    def _pull(self) -> bytes:
        ready = []
        while True:
            try:
                ready.append(self._graph.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return frames.pcm(ready)  # type: ignore[arg-type]


def _factors(tempo: float) -> list[float]:
    """Split a factor into a chain of equal ones, each within atempo's good range."""
    count = 1
    while not ATEMPO_LOW <= tempo ** (1 / count) <= ATEMPO_HIGH:
        count += 1
    return [tempo ** (1 / count)] * count
