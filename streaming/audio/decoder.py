"""What `streaming.audio.decode` does, by FFmpeg: it may open that one file and nothing else
(`streaming.audio.avio`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

import av
from av.container import InputContainer

from engines.api import BYTES_PER_SAMPLE
from engines.errors import BadAudio
from streaming.audio.avio import NOT_DECODED, UploadReader, map_decode_errors
from streaming.audio.filters import Resampler
from streaming.audio.recording import CHUNK_SECONDS, SHORTEST_SECONDS, AudioFacts, Source
from streaming.audio.timeline import Timeline, is_plausible
from streaming.audio.tracks import SAMPLE_RATES, frames, open_track

DURATION_CONTAINERS = ("mov", "matroska", "flac")
"""containers whose declared duration is believed; that of WAV and MP3 is too often wrong"""


def probe(source: Source) -> AudioFacts:
    """Return what a recording is, as `streaming.audio.decode.probe` does."""
    container, _, stream = open_track(source)
    with closing(container):
        name = container.format.name.partition(",")[0]
        codec = stream.codec_context
        return AudioFacts(name, codec.name, codec.sample_rate, codec.channels, _duration(container, stream))


def decode(source: Source, rate: int, max_seconds: float, most_silence: float) -> Iterator[bytes]:
    """Yield a recording as `streaming.audio.decode.decode` does."""
    samples = 0
    waiting = bytearray()
    chunk_bytes = round(CHUNK_SECONDS * rate) * BYTES_PER_SAMPLE
    container, reader, stream = open_track(source)
    timeline = Timeline(container, max_seconds=max_seconds, most_silence=most_silence)
    with (
        closing(container),
        closing(_decode(container, reader, stream, timeline, rate, max_seconds)) as decoded,
    ):
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
    container: InputContainer,
    reader: UploadReader,
    stream: av.AudioStream,
    timeline: Timeline,
    rate: int,
    max_seconds: float,
) -> Generator[bytes]:
    """Yield the PCM as the decoder produces it, and silence in its holes. Raises BadAudio."""
    resampler = Resampler(rate)
    declared = _duration(container, stream) or 0
    is_believed = container.format.name.startswith(DURATION_CONTAINERS) and is_plausible(declared, container)
    if is_believed and declared > max_seconds + 1:
        raise _too_long(max_seconds)
    for _, frame in frames(container, [stream]):
        if frame.sample_rate not in SAMPLE_RATES:
            raise BadAudio(NOT_DECODED, param="file")
        if silence := timeline.silence_before(frame):
            with map_decode_errors():
                rest = resampler.finish()
            yield rest
            yield from _silence(silence, rate)
        with map_decode_errors():
            pcm = resampler.push(frame)
        yield pcm
    reader.check()
    with map_decode_errors():
        pcm = resampler.finish()
    yield pcm


def _silence(seconds: float, rate: int) -> Iterator[bytes]:
    """Yield silence in chunks."""
    samples, chunk = round(seconds * rate), round(CHUNK_SECONDS * rate)
    for start in range(0, samples, chunk):
        yield bytes(BYTES_PER_SAMPLE * min(chunk, samples - start))


def _duration(container: InputContainer, stream: av.AudioStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _too_long(max_seconds: float) -> BadAudio:
    message = f"The recording is longer than {max_seconds:g} seconds, the most that is taken."
    return BadAudio(message, param="file", code="invalid_value")
