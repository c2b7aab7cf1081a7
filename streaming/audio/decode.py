"""Decode any recording that FFmpeg reads into PCM, chunk by chunk.

The format is recognised by the file's content: names and types of uploads are often wrong. FFmpeg may open
that one file and nothing else (`streaming.audio.avio`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

import av
import msgspec
from av.container import InputContainer
from av.stream import Discard

from engines.api import BYTES_PER_SAMPLE
from engines.errors import BadAudio
from streaming.audio.avio import (
    FFMPEG_ERRORS,
    NOT_DECODED,
    Source,
    UploadReader,
    map_decode_errors,
    open_upload,
)
from streaming.audio.filters import Resampler

CHUNK_SECONDS = 0.5
SHORTEST_SECONDS = 0.1
SAMPLE_RATES = range(1000, 1_000_000)
"""Hertz; what declares another sample rate is no audio, and would cost gigabytes to resample"""
DURATION_CONTAINERS = ("mov", "matroska", "flac")
"""containers whose declared duration is believed; that of WAV and MP3 is too often wrong"""


class AudioFacts(msgspec.Struct, frozen=True):
    """What a recording declares of itself, by FFmpeg's names."""

    container: str
    codec: str
    rate: int
    """the sample rate in Hertz"""
    channels: int
    duration: float | None
    """seconds, where they are known"""


def probe(source: Source) -> AudioFacts:
    """Return what a recording is, without decoding it. Raises BadAudio."""
    container, _ = open_upload(source)
    with closing(container):
        stream = _audio_stream(container)
        name = container.format.name.partition(",")[0]
        codec = stream.codec_context
        return AudioFacts(name, codec.name, codec.sample_rate, codec.channels, _duration(container, stream))


def decode(source: Source, *, rate: int = 16_000, max_seconds: float) -> Iterator[bytes]:
    """Yield a recording as s16le mono PCM at `rate` Hertz, in chunks of about half a second.

    A recording that breaks off in the middle is decoded as far as it goes. Raises BadAudio: nothing in it can
    be decoded, it contains no audio, it is shorter than 0.1 s or longer than `max_seconds`.
    """
    samples = 0
    waiting = bytearray()
    chunk_bytes = round(CHUNK_SECONDS * rate) * BYTES_PER_SAMPLE
    container, reader = open_upload(source)
    with closing(container), closing(_decode(container, reader, rate, max_seconds)) as decoded:
        for pcm in decoded:
            waiting += pcm
            samples += len(pcm) // BYTES_PER_SAMPLE
            if samples > max_seconds * rate:
                raise _too_long(max_seconds)
            if len(waiting) >= chunk_bytes:
                yield bytes(waiting)
                reader.begin_step()  # in whichever thread the next chunk is asked for
                waiting.clear()
    if samples < SHORTEST_SECONDS * rate:
        if not samples:
            raise BadAudio(NOT_DECODED, param="file")
        message = f"Audio file is too short. Minimum audio length is {SHORTEST_SECONDS} seconds."
        raise BadAudio(message, param="file", code="audio_too_short")
    if waiting:
        yield bytes(waiting)


def _decode(
    container: InputContainer, reader: UploadReader, rate: int, max_seconds: float
) -> Generator[bytes]:
    """Yield the PCM as the decoder produces it. Raises BadAudio."""
    resampler = Resampler(rate)
    stream = _audio_stream(container)
    declared = _duration(container, stream) or 0
    if container.format.name.startswith(DURATION_CONTAINERS) and declared > max_seconds + 1:
        raise _too_long(max_seconds)
    for frame in _frames(container, stream):
        if frame.sample_rate not in SAMPLE_RATES:
            raise BadAudio(NOT_DECODED, param="file")
        with map_decode_errors():
            pcm = resampler.push(frame)
        yield pcm
    reader.check()
    with map_decode_errors():
        pcm = resampler.finish()
    yield pcm


def _audio_stream(container: InputContainer) -> av.AudioStream:
    """Return the first audio stream that can be decoded, and skip all others. Raises BadAudio."""
    if not container.streams.audio:
        raise BadAudio("The file holds no sound.", param="file")
    stream = next((audio for audio in container.streams.audio if audio.codec_context), None)
    if stream is None:
        raise BadAudio(NOT_DECODED, param="file")
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    return stream


def _frames(container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Yield the frames; skip what cannot be decoded, and end where nothing more can be read."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        # PyAV raises IndexError at the end of a file in which streams appeared on the way
        except (*FFMPEG_ERRORS, IndexError):
            break
        yield from _decode_packet(stream, packet)
    yield from _decode_packet(stream, None)


def _decode_packet(stream: av.AudioStream, packet: av.Packet[av.AudioStream] | None) -> list[av.AudioFrame]:
    """Return the frames of a packet, none where it is damaged; None drains the decoder."""
    try:
        return stream.codec_context.decode(packet)
    except FFMPEG_ERRORS:
        return []


def _duration(container: InputContainer, stream: av.AudioStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _too_long(max_seconds: float) -> BadAudio:
    message = f"The recording is longer than {max_seconds:g} seconds, the most that is taken."
    return BadAudio(message, param="file", code="invalid_value")
