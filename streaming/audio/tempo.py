"""Tempo without pitch, by FFmpeg's atempo (waveform similarity overlap-add), as a stream of PCM.

atempo looks at windows of a 24th of a second and more, so sound comes out 60 ms after it went in, 220 ms at
tempo 4.
"""

from __future__ import annotations

from streaming.audio import frames
from streaming.audio.filters import Filters

LOW, HIGH = 0.5, 2.0
"""atempo goes no lower, and above it skips samples instead of blending them: a chain of two stays within"""
SLOWEST, FASTEST = 0.1, 10.0
PAD_SECONDS = 0.1
"""silence behind the end, for each filter: atempo drops what does not fill a window of its own"""


class Tempo:
    """Makes s16le mono PCM at `rate` Hertz `tempo` times as fast. Raises ValueError for a tempo beyond 0.1 to
    10.
    """

    def __init__(self, rate: int, tempo: float) -> None:
        if not SLOWEST <= tempo <= FASTEST:
            raise ValueError(f"tempo must be within {SLOWEST:g} and {FASTEST:g}, not {tempo!r}")
        self._rate = rate
        self._tempo = tempo
        self._factors = _factors(tempo)
        self._filters: Filters | None = None
        self._taken = self._given = 0

    def push(self, pcm: bytes) -> bytes:
        """Take whole samples, and give what is ready."""
        if not pcm:
            return b""
        made = self._filter(pcm)
        self._given += len(made) // frames.SAMPLE_BYTES
        return made

    def finish(self) -> bytes:
        """Give the rest: all of the sound, and as long as the tempo makes it."""
        if self._filters is None:
            return b""
        due = round(self._taken / self._tempo) - self._given
        silence = bytes(frames.SAMPLE_BYTES * round(PAD_SECONDS * self._rate) * len(self._factors))
        tail = self._filter(silence) + frames.pcm(self._filters.push(None))
        self._filters = None
        sound = -(-len(tail.rstrip(b"\0")) // frames.SAMPLE_BYTES)
        length = frames.SAMPLE_BYTES * max(due, sound)
        return tail[:length].ljust(length, b"\0")

    def _filter(self, pcm: bytes) -> bytes:
        frame = frames.frame(pcm, self._rate)
        frame.pts = self._taken
        self._taken += frame.samples
        if self._filters is None:
            chain = [("atempo", f"{factor:.6f}") for factor in self._factors]
            self._filters = Filters(frame, [*chain, ("aformat", "sample_fmts=s16:channel_layouts=mono")])
        return frames.pcm(self._filters.push(frame))


def _factors(tempo: float) -> list[float]:
    """Split a factor into a chain of equal ones, each within atempo's good range."""
    count = 1
    while not LOW <= tempo ** (1 / count) <= HIGH:
        count += 1
    return [tempo ** (1 / count)] * count
