"""Change tempo and sample rate of one segment's PCM: s16le mono in chunks of whole samples."""

from __future__ import annotations

from streaming.audio import frames
from streaming.audio.filters import Resampler
from streaming.audio.joiner import TEMPO_TOLERANCE
from streaming.audio.tempo import TempoFilter


class TempoResampler:
    """Changes tempo, pitch kept, and sample rate: exact to one sample where the tempo is 1."""

    def __init__(self, source_rate: int, *, tempo: float = 1.0, target_rate: int = 24_000) -> None:
        self._rate = source_rate
        self._tempo = TempoFilter(source_rate, tempo) if abs(tempo - 1) > TEMPO_TOLERANCE else None
        self._resampler = Resampler(target_rate) if source_rate != target_rate else None

    def push(self, pcm: bytes) -> bytes:
        """Convert PCM at the source's sample rate, and return what is ready at the target's."""
        return self._resample(self._tempo.push(pcm) if self._tempo else pcm)

    def finish(self) -> bytes:
        """Return the rest of the PCM."""
        tail = self._resample(self._tempo.finish()) if self._tempo else b""
        return tail + self._resampler.finish() if self._resampler else tail

    def _resample(self, pcm: bytes) -> bytes:
        if self._resampler is None or not pcm:
            return pcm
        return self._resampler.push(frames.from_pcm(pcm, self._rate))
