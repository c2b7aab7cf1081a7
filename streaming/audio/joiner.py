"""From an engine's PCM to the PCM that is sent: joined without clicks, at the asked speed, at the asked
sample rate.

PCM is s16le mono, in chunks of whole samples. Everything here is continuous over the whole response.
"""

from __future__ import annotations

from array import array

from streaming.audio import frames
from streaming.audio.filters import Resampler
from streaming.audio.tempo import Tempo

FADE_SECONDS = 0.005
AUDIBLE_STEP = 300
"""a segment that begins or ends further than this from zero would click"""
SAME_TEMPO = 1e-3
"""a difference nobody hears, and no reason to touch the sound"""


class Joiner:
    """Ramps the edges of a segment that begins or ends away from zero. Holds the last 5 ms back to be able
    to.
    """

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
    """Changes tempo, pitch kept, and sample rate: exact to one sample where the tempo is 1."""

    def __init__(self, source_rate: int, *, tempo: float = 1.0, target_rate: int = 24_000) -> None:
        self._rate = source_rate
        self._tempo = Tempo(source_rate, tempo) if abs(tempo - 1) > SAME_TEMPO else None
        self._resampler = Resampler(target_rate) if source_rate != target_rate else None

    def push(self, pcm: bytes) -> bytes:
        """Take PCM at the source's rate, and give what is ready at the target's."""
        return self._resample(self._tempo.push(pcm) if self._tempo else pcm)

    def finish(self) -> bytes:
        """Give the rest."""
        tail = self._resample(self._tempo.finish()) if self._tempo else b""
        return tail + self._resampler.finish() if self._resampler else tail

    def _resample(self, pcm: bytes) -> bytes:
        if self._resampler is None or not pcm:
            return pcm
        return self._resampler.push(frames.frame(pcm, self._rate))
