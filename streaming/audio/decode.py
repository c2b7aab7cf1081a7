"""Any recording that FFmpeg reads, to PCM, chunk by chunk.

What a file is, its content says: names and types of uploads lie. `streaming.audio.avio` holds what
FFmpeg may open: that one file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import IO

import av
import msgspec
from av.container import InputContainer
from av.stream import Discard

from engines.errors import BadAudio
from streaming.audio import frames
from streaming.audio.avio import FAULTS, NOT_DECODED, decoding, open_upload
from streaming.audio.filters import Resampler

CHUNK_SECONDS = 0.5
SHORTEST_SECONDS = 0.1
RATES = range(1000, 1_000_000)
"""Hertz; what claims another sample rate is no sound, and would cost gigabytes to resample"""
INDEXED = ("mov", "matroska", "flac")
"""containers whose word on their duration is taken; that of WAV and MP3 is too often wrong"""


class AudioFacts(msgspec.Struct, frozen=True):
    """What a recording says of itself: FFmpeg's names, the sample rate in Hertz, the duration in seconds
    where it is known.
    """

    container: str
    codec: str
    rate: int
    channels: int
    duration: float | None


def probe(source: IO[bytes]) -> AudioFacts:
    """Say what a recording is, without decoding it. Raises BadAudio."""
    with closing(open_upload(source)) as container:
        stream = _sound(container)
        name = container.format.name.partition(",")[0]
        codec = stream.codec_context
        return AudioFacts(name, codec.name, codec.sample_rate, codec.channels, _duration(container, stream))


def decode(source: IO[bytes], *, rate: int = 16_000, max_seconds: float) -> Iterator[bytes]:
    """Give a recording as s16le mono PCM at `rate` Hertz, in chunks of about half a second.

    A recording that breaks off in the middle is given as far as it goes. Raises BadAudio: nothing in it can
    be decoded, it holds no sound, it is shorter than 0.1 s or longer than `max_seconds`.
    """
    made, waiting = 0, bytearray()
    chunk = round(CHUNK_SECONDS * rate) * frames.SAMPLE_BYTES
    for pcm in _decode(source, rate, max_seconds):
        waiting += pcm
        made += len(pcm) // frames.SAMPLE_BYTES
        if made > max_seconds * rate:
            raise _too_long(max_seconds)
        if len(waiting) >= chunk:
            yield bytes(waiting)
            waiting.clear()
    if made < SHORTEST_SECONDS * rate:
        if not made:
            raise BadAudio(NOT_DECODED, param="file")
        message = f"Audio file is too short. Minimum audio length is {SHORTEST_SECONDS} seconds."
        raise BadAudio(message, param="file", code="audio_too_short")
    if waiting:
        yield bytes(waiting)


def _decode(source: IO[bytes], rate: int, max_seconds: float) -> Iterator[bytes]:
    resampler = Resampler(rate)
    with closing(open_upload(source)) as container:
        stream = _sound(container)
        if (
            container.format.name.startswith(INDEXED)
            and (_duration(container, stream) or 0) > max_seconds + 1
        ):
            raise _too_long(max_seconds)
        for frame in _frames(container, stream):
            if frame.sample_rate not in RATES:
                raise BadAudio(NOT_DECODED, param="file")
            with decoding():
                pcm = resampler.push(frame)
            yield pcm
        with decoding():
            pcm = resampler.finish()
        yield pcm


def _sound(container: InputContainer) -> av.AudioStream:
    """Choose the first sound that can be decoded, and have everything else skipped over."""
    if not container.streams.audio:
        raise BadAudio("The file holds no sound.", param="file")
    stream = next((one for one in container.streams.audio if one.codec_context), None)
    if stream is None:
        raise BadAudio(NOT_DECODED, param="file")
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    return stream


def _frames(container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Give the frames, skip over what does not decode, and end where nothing more can be read."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (
            *FAULTS,
            IndexError,
        ):  # PyAV raises IndexError at the end of a file in which streams appeared on the way
            break
        yield from _packet(stream, packet)
    yield from _packet(stream, None)


def _packet(stream: av.AudioStream, packet: av.Packet[av.AudioStream] | None) -> list[av.AudioFrame]:
    try:
        return stream.codec_context.decode(packet)
    except FAULTS:
        return []


def _duration(container: InputContainer, stream: av.AudioStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _too_long(max_seconds: float) -> BadAudio:
    message = f"The recording is longer than {max_seconds:g} seconds, the most that is taken."
    return BadAudio(message, param="file", code="invalid_value")
