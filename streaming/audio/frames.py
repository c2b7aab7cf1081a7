"""Convert between bytes of PCM and FFmpeg's audio frames, without numpy."""

from __future__ import annotations

from typing import Literal

import av

from engines.api import BYTES_PER_SAMPLE

MonoFormat = Literal["s16", "s16p"]
"""FFmpeg's names of what is the same for one channel"""


def from_pcm(pcm: bytes, rate: int, format: MonoFormat = "s16") -> av.AudioFrame:
    """Return a frame with s16le mono PCM of whole samples, at `rate` Hertz, by the name that its user has for
    that.
    """
    frame = av.AudioFrame(format=format, layout="mono", samples=len(pcm) // BYTES_PER_SAMPLE)
    frame.sample_rate = rate
    plane = frame.planes[0]
    padding = plane.buffer_size - len(pcm)
    plane.update(pcm + bytes(padding) if padding else pcm)
    return frame


def to_pcm(frames: list[av.AudioFrame]) -> bytes:
    """Return the PCM of s16 mono frames, without the padding of their buffers."""
    return b"".join(
        bytes(memoryview(frame.planes[0])[: frame.samples * BYTES_PER_SAMPLE]) for frame in frames
    )
