"""The length of a finished audio file."""

from __future__ import annotations

from typing import BinaryIO

import av

from streaming.audio.avio import FFMPEG_ERRORS


def seconds_of(file: BinaryIO) -> float | None:
    """Return the seconds of audio in a file, by its packets and without decoding it; None where FFmpeg does
    not know it.
    """
    file.seek(0)
    try:
        with av.open(file, mode="r") as container:
            packets = container.demux(container.streams.audio[0])
            return sum(float(packet.duration * packet.time_base) for packet in packets if packet.duration)
    except (*FFMPEG_ERRORS, IndexError):
        return None
