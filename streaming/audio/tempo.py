"""Change the tempo of PCM and keep its pitch, by FFmpeg's atempo (waveform similarity overlap-add).

atempo works on windows of a 24th of a second and more, so sound comes out 60 ms after it went in, 220 ms at
tempo 4.
"""

from __future__ import annotations

from engines.api import BYTES_PER_SAMPLE
from streaming.audio import frames
from streaming.audio.filters import FilterGraph

ATEMPO_MIN = 0.5
"""atempo goes no lower"""
ATEMPO_MAX = 2.0
"""above this atempo skips samples instead of blending them: several filters in a row stay within"""
MIN_TEMPO = 0.1
MAX_TEMPO = 10.0
PAD_SECONDS = 0.1
"""silence after the end, for each filter: atempo drops what does not fill a window"""


class TempoFilter:
    """Makes s16le mono PCM at `rate` Hertz `tempo` times as fast. Raises ValueError for a tempo beyond 0.1 to
    10.
    """

    def __init__(self, rate: int, tempo: float) -> None:
        if not MIN_TEMPO <= tempo <= MAX_TEMPO:
            raise ValueError(f"tempo must be within {MIN_TEMPO:g} and {MAX_TEMPO:g}, not {tempo!r}")
        self._rate = rate
        self._tempo = tempo
        self._factors = _factors(tempo)
        self._filters: FilterGraph | None = None
        self._samples_in = 0
        self._samples_out = 0

    def push(self, pcm: bytes) -> bytes:
        """Filter whole samples, and return the PCM that is ready."""
        if not pcm:
            return b""
        ready = self._filter(pcm)
        self._samples_out += len(ready) // BYTES_PER_SAMPLE
        return ready

    def finish(self) -> bytes:
        """Return the rest: all of the sound, as long as the tempo makes it."""
        if self._filters is None:
            return b""
        due = round(self._samples_in / self._tempo) - self._samples_out
        silence = bytes(BYTES_PER_SAMPLE * round(PAD_SECONDS * self._rate) * len(self._factors))
        tail = self._filter(silence) + frames.to_pcm(self._filters.push(None))
        self._filters = None
        sound = -(-len(tail.rstrip(b"\0")) // BYTES_PER_SAMPLE)
        length = BYTES_PER_SAMPLE * max(due, sound)
        return tail[:length].ljust(length, b"\0")

    def _filter(self, pcm: bytes) -> bytes:
        frame = frames.from_pcm(pcm, self._rate)
        frame.pts = self._samples_in
        self._samples_in += frame.samples
        if self._filters is None:
            tempos = [("atempo", f"{factor:.6f}") for factor in self._factors]
            self._filters = FilterGraph(frame, [*tempos, ("aformat", "sample_fmts=s16:channel_layouts=mono")])
        return frames.to_pcm(self._filters.push(frame))


def _factors(tempo: float) -> list[float]:
    """Split a tempo into the fewest equal factors that are each within atempo's good range."""
    count = 1
    while not ATEMPO_MIN <= tempo ** (1 / count) <= ATEMPO_MAX:
        count += 1
    return [tempo ** (1 / count)] * count
