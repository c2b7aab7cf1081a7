"""Between bytes of PCM and FFmpeg's frames, without numpy."""

from __future__ import annotations

import av

SAMPLE_BYTES = 2


def frame(pcm: bytes, rate: int) -> av.AudioFrame:
    """Make a frame of s16le mono PCM, whole samples."""
    made = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // SAMPLE_BYTES)
    made.sample_rate = rate
    plane = made.planes[0]
    padding = plane.buffer_size - len(pcm)
    plane.update(pcm + bytes(padding) if padding else pcm)
    return made


def pcm(frames: list[av.AudioFrame]) -> bytes:
    """Take the bytes of s16 mono frames."""
    return b"".join(bytes(memoryview(one.planes[0])[: one.samples * SAMPLE_BYTES]) for one in frames)
