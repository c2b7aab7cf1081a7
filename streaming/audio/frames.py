"""Convert between bytes of PCM and FFmpeg's audio frames, without numpy."""

from __future__ import annotations

import av

from engines.api import BYTES_PER_SAMPLE


def from_pcm(pcm: bytes, rate: int) -> av.AudioFrame:
    """Return a frame with s16le mono PCM of whole samples, at `rate` Hertz."""
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // BYTES_PER_SAMPLE)
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
