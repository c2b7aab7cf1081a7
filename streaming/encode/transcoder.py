"""Turn an engine's PCM into the bytes of one response's file: join segments, change tempo and rate, encode.

A Transcoder is synchronous and takes milliseconds, so it runs off the event loop: the encoders of
`streaming.encode.encoders` and `streaming.encode.pool` drive it in a thread or in an encoder process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engines.api import BYTES_PER_SAMPLE
from streaming.audio.joiner import TEMPO_TOLERANCE, Joiner
from streaming.encode.file_encoders import FileEncoder, open_file_encoder
from streaming.formats import OutputFormat

if TYPE_CHECKING:
    from streaming.audio.resampling import TempoResampler

RATE = 24_000
"""Hertz, of everything that is sent"""
CODEC_BYTES = round(0.4 * RATE) * BYTES_PER_SAMPLE
"""bytes that a codec gets at once: FFmpeg keeps buffers as large as the largest frame it was given, a codec
for as long as its file is open...
"""
RESAMPLER_BYTES = round(1.0 * RATE) * BYTES_PER_SAMPLE
"""...and a resampler for a segment"""


class TranscodeRequest(msgspec.Struct, frozen=True):
    """What PCM (s16le mono) of one response is to be turned into."""

    format: OutputFormat
    source_rate: int
    """the sample rate of the PCM in Hertz"""
    tempo: float = 1.0
    bitrate: int | None = None
    """bits per second"""


class EncodedChunk(msgspec.Struct, frozen=True):
    """Some bytes of the file, and how many seconds of audio were encoded for them."""

    data: bytes
    seconds: float = 0.0


class Transcoder:
    """Makes one response's file.

    What changes tempo and rate is opened anew for each segment, so that a stream that waits takes little
    memory.
    """

    def __init__(self, request: TranscodeRequest) -> None:
        self._request = request
        self._joiner = Joiner(request.source_rate)
        self._in_segment = False
        self.resamples = request.source_rate != RATE or abs(request.tempo - 1) > TEMPO_TOLERANCE
        """whether tempo or rate change"""
        self._resampler: TempoResampler | None = None
        self._encoder: FileEncoder = open_file_encoder(request.format, bitrate=request.bitrate, rate=RATE)

    def push(self, pcm: bytes, *, ends_segment: bool = False) -> EncodedChunk:
        """Encode some PCM of a segment, or the last of it, and return what is ready. Raises EngineFailed."""
        if not self._in_segment:
            self._joiner.begin()
        self._in_segment = not ends_segment
        joined = self._joiner.push(pcm) + (self._joiner.end() if ends_segment else b"")
        resampled = self._resample(joined, ends_segment) if self.resamples else joined
        data = b"".join(
            self._encoder.push(resampled[start : start + CODEC_BYTES])
            for start in range(0, len(resampled), CODEC_BYTES)
        )
        return EncodedChunk(data, len(resampled) / (BYTES_PER_SAMPLE * RATE))

    def finish(self) -> EncodedChunk:
        """End the file, and return its last bytes. Raises EngineFailed."""
        return EncodedChunk(self._encoder.finish())

    def close(self) -> None:
        """Free the codec, whether the file is finished or not."""
        self._encoder.close()

    @staticmethod
    def load_filters() -> None:
        """Load what changes tempo and rate: it takes 50 ms the first time in a process."""
        from streaming.audio import resampling  # noqa: F401

    def _resample(self, pcm: bytes, ends_segment: bool) -> bytes:
        """Change rate and tempo of some PCM of a segment, and return what is ready."""
        from streaming.audio.resampling import TempoResampler  # not before: it loads FFmpeg

        if self._resampler is None:
            self._resampler = TempoResampler(
                self._request.source_rate, tempo=self._request.tempo, target_rate=RATE
            )
        starts = range(0, len(pcm), RESAMPLER_BYTES)
        resampled = b"".join(self._resampler.push(pcm[start : start + RESAMPLER_BYTES]) for start in starts)
        if ends_segment:
            resampled += self._resampler.finish()
            self._resampler = None
        return resampled
