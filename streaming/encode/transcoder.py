"""One response's audio from the engine's PCM to the file's bytes: edges, tempo and rate, codec. Blocking: not
for event loops.
"""

from __future__ import annotations

import msgspec

from streaming.audio import frames
from streaming.audio.joiner import Joiner, Shaper
from streaming.encode.codecs import FileEncoder, open_encoder
from streaming.formats import OutputFormat

RATE = 24_000
"""Hertz, of everything that is sent"""
SLICE, LONGEST = round(0.4 * RATE) * frames.SAMPLE_BYTES, round(1.0 * RATE) * frames.SAMPLE_BYTES
"""bytes that a codec, and what changes the rate, get at once: FFmpeg keeps buffers as large as the largest
frame it was given, a codec as long as its file is open, the other for a segment
"""


class TranscodeRequest(msgspec.Struct, frozen=True):
    """What PCM (s16le mono) is to become. `source_rate` is in Hertz, `bitrate` in bits per second."""

    format: OutputFormat
    source_rate: int
    tempo: float = 1.0
    bitrate: int | None = None


class EncodedChunk(msgspec.Struct, frozen=True):
    """Some bytes of the file, and how many seconds of audio went in for them."""

    data: bytes
    seconds: float = 0.0


class Transcoder:
    """Makes one file. What changes tempo and rate is opened anew for each segment, so that a stream which
    waits holds little.
    """

    def __init__(self, order: TranscodeRequest) -> None:
        self._order = order
        self._joiner = Joiner(order.source_rate)
        self._shaper: Shaper | None = None
        self._encoder: FileEncoder = open_encoder(order.format, bitrate=order.bitrate, rate=RATE)

    def push(self, pcm: bytes, *, ends: bool = False) -> EncodedChunk:
        """Take some PCM of a segment; `ends` ends the segment. Raises EngineFailed."""
        if self._shaper is None:
            self._joiner.begin()
            self._shaper = Shaper(self._order.source_rate, tempo=self._order.tempo, target_rate=RATE)
        joined = self._joiner.push(pcm) + (self._joiner.end() if ends else b"")
        shaped = b"".join(
            self._shaper.push(joined[start : start + LONGEST]) for start in range(0, len(joined), LONGEST)
        )
        if ends:
            shaped += self._shaper.finish()
            self._shaper = None
        made = [self._encoder.push(shaped[start : start + SLICE]) for start in range(0, len(shaped), SLICE)]
        return EncodedChunk(b"".join(made), len(shaped) / (frames.SAMPLE_BYTES * RATE))

    def finish(self) -> EncodedChunk:
        """End the file. Raises EngineFailed."""
        return EncodedChunk(self._encoder.finish())

    def close(self) -> None:
        """Drop everything."""
        self._encoder.close()
