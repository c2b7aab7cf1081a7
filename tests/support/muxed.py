"""Files with several tracks, late starts and holes, made as cameras and recorders write them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple, cast

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

Samples = NDArray[np.float64]
"""in -1..1; channels by samples where there are several"""
RATE = 48_000
VIDEO_RATE = 10


class Track(NamedTuple):
    """A sound track: pieces of sound with the seconds at which each is heard; default is what is marked so."""

    pieces: Sequence[tuple[float, Samples]]
    codec: str = "libopus"
    layout: str = "mono"
    default: bool = False
    comment: bool = False


def once(sound: Samples, **options: Any) -> Track:
    """Return a track of one sound, from the begin."""
    return Track([(0.0, sound)], **options)


def muxed(
    container: str,
    *tracks: Track,
    video_seconds: float = 0.0,
    rate: int = RATE,
    begin: float = 0.0,
    options: dict[str, str] | None = None,
) -> bytes:
    """Return a file with the tracks, its clock at `begin` where it begins, and with a picture for so long.

    `options` are those of FFmpeg's muxer.
    """
    file = io.BytesIO()
    # in Ogg only pages have times
    options = {**({"page_duration": "20000"} if container == "ogg" else {}), **(options or {})}
    with av.open(file, "w", format=container, options=options) as out:
        picture = _picture(out) if video_seconds else None
        streams = [_stream(out, track, rate) for track in tracks]
        out.start_encoding()
        packets = [packet for track, stream in zip(tracks, streams, strict=True) for packet in _packets(track, stream, rate, begin)]  # fmt: skip
        if picture:
            packets += _pictures(picture, video_seconds, begin)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)
    return file.getvalue()


def _picture(out: av.container.OutputContainer) -> av.VideoStream:
    picture = out.add_stream("mpeg4", rate=VIDEO_RATE)
    picture.width = picture.height = 64
    picture.pix_fmt = "yuv420p"
    return picture


def _pictures(picture: av.VideoStream, seconds: float, begin: float) -> list[Any]:
    packets: list[Any] = []
    for _ in range(round(seconds * VIDEO_RATE)):
        packets += picture.encode(av.VideoFrame(64, 64, "yuv420p"))
    packets += picture.encode(None)
    for packet in packets:
        packet.pts += round(begin / packet.time_base)
        packet.dts += round(begin / packet.time_base)
    return packets


def _stream(out: av.container.OutputContainer, track: Track, rate: int) -> av.AudioStream:
    stream = cast(av.AudioStream, out.add_stream(track.codec, rate=rate, layout=track.layout))
    if track.codec == "vorbis":
        stream.codec_context.options = {"strict": "experimental"}
    stream.disposition = (Disposition.default if track.default else Disposition(0)) | (
        Disposition.comment if track.comment else Disposition(0)
    )
    return stream


def _packets(track: Track, stream: av.AudioStream, rate: int, begin: float) -> list[Any]:
    """Encode the pieces one after the other, and put each packet at its piece's time."""
    packets = []
    resampler = av.AudioResampler(
        stream.format, track.layout, rate, frame_size=stream.codec_context.frame_size or None
    )
    position, edges = 0, []
    for at, sound in track.pieces:
        channels = np.atleast_2d(sound)
        samples = np.rint(channels.T.reshape(1, -1) * 32767).clip(-32768, 32767).astype("<i2")
        frame = av.AudioFrame.from_ndarray(samples, "s16", track.layout)
        frame.sample_rate = rate
        frame.pts = position
        edges.append((position / rate, at))
        position += frame.samples
        for part in resampler.resample(frame):
            packets += stream.encode(part)
    for part in resampler.resample(None):
        packets += stream.encode(part)
    packets += stream.encode(None)
    return [_moved(packet, edges, begin) for packet in packets]


def _moved(packet: Any, edges: Sequence[tuple[float, float]], begin: float) -> Any:
    middle = float((packet.pts + packet.duration / 2) * packet.time_base)
    spans = pairwise([*edges, (float("inf"), 0.0)])
    shift = next((at - start for (start, at), (end, _) in spans if middle < end), 0.0) + begin
    ticks = round(Fraction(shift) / packet.time_base)
    packet.pts += ticks
    packet.dts += ticks
    return packet
