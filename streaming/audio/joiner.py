"""Turn an engine's PCM into the PCM that is sent: without clicks, at the requested tempo and sample rate.

PCM is s16le mono, in chunks of whole samples. Everything here is continuous over the whole response.
"""

from __future__ import annotations

from array import array

FADE_SECONDS = 0.005
AUDIBLE_STEP = 300
"""a segment that begins or ends further than this from zero would click"""
TEMPO_TOLERANCE = 1e-3
"""a difference from tempo 1 that nobody notices, and no reason to filter the audio"""


class Joiner:
    """Fades segments in or out that begin or end away from zero, for which it keeps the last 5 ms back."""

    def __init__(self, rate: int) -> None:
        self._fade = max(1, round(FADE_SECONDS * rate))
        self._kept = array("h")
        self._started = False

    def begin(self) -> None:
        """Begin a segment."""
        self._started = False
        self._kept = array("h")

    def push(self, pcm: bytes) -> bytes:
        """Join some PCM of the segment, and return all but the last 5 ms."""
        self._kept.frombytes(pcm)
        if not self._started:
            if len(self._kept) < 2 * self._fade:
                return b""
            self._started = True
            self._fade_in()
        ready = len(self._kept) - self._fade
        if ready <= 0:
            return b""
        out = self._kept[:ready]
        self._kept = self._kept[ready:]
        return out.tobytes()

    def end(self) -> bytes:
        """End the segment, and return the rest of it."""
        if not self._started:
            self._fade_in()
        rest = self._kept
        self._kept = array("h")
        if rest and abs(rest[-1]) > AUDIBLE_STEP:
            length = min(self._fade, len(rest))
            for number in range(length):
                rest[-1 - number] = rest[-1 - number] * number // length
        return rest.tobytes()

    def _fade_in(self) -> None:
        if self._kept and abs(self._kept[0]) > AUDIBLE_STEP:
            length = min(self._fade, len(self._kept))
            for number in range(length):
                self._kept[number] = self._kept[number] * number // length
