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
from streaming.audio.parts import parts
from streaming.audio.recording import CHUNK_SECONDS, SHORTEST_SECONDS, AudioFacts, Source
from streaming.audio.timeline import Timeline, is_plausible
from streaming.audio.tracks import NO_SOUND, SAMPLE_RATES, frames, open_track

DURATION_CONTAINERS = ("mov", "matroska", "flac")
"""containers whose declared duration is believed; that of WAV and MP3 is too often wrong"""


SHORTEST_PART = 8192
"""bytes of the last of several parts, of which less may be a head whose sound is missing"""


def probe(source: Source) -> AudioFacts:
    """Return what a recording is, as `streaming.audio.decode.probe` does: of several parts, the first one
    with sound.
    """
    silent: BadAudio | None = None
    for part in parts(source):
        try:
            container, _, stream = open_track(part.source)
        except BadAudio as exc:
            if exc.message != NO_SOUND:
                raise
            silent = exc
            continue
        with closing(container):
            name = container.format.name.partition(",")[0]
            codec = stream.codec_context
            duration = _duration(container, stream) if part.is_whole else None
            return AudioFacts(name, codec.name, codec.sample_rate, codec.channels, duration)
    raise silent or BadAudio(NOT_DECODED, param="file")


def decode(source: Source, rate: int, max_seconds: float, most_silence: float) -> Iterator[bytes]:
    """Yield a recording as `streaming.audio.decode.decode` does."""
    samples = 0
    waiting = bytearray()
    chunk_bytes = round(CHUNK_SECONDS * rate) * BYTES_PER_SAMPLE
    decoding = Decoding(source, rate, max_seconds, most_silence)
    with closing(decoding.pcm()) as decoded:
        for pcm in decoded:
            waiting += pcm
            samples += len(pcm) // BYTES_PER_SAMPLE
            if samples > max_seconds * rate:
                raise _too_long(max_seconds)
            if len(waiting) >= chunk_bytes:
                yield bytes(waiting)
                decoding.begin_step()  # in whichever thread the next chunk is asked for
                waiting.clear()
    if samples < SHORTEST_SECONDS * rate:
        if not samples:
            raise BadAudio(NOT_DECODED, param="file")
        message = f"Audio file is too short. Minimum audio length is {SHORTEST_SECONDS} seconds."
        raise BadAudio(message, param="file", code="audio_too_short")
    if waiting:
        yield bytes(waiting)


class Decoding:
    """The sound of a recording's parts, one behind the other."""

    def __init__(self, source: Source, rate: int, max_seconds: float, most_silence: float) -> None:
        self._source = source
        self._rate = rate
        self._max_seconds = max_seconds
        self._seconds_left = max_seconds
        self._silence_left = most_silence
        self._reader: UploadReader | None = None

    def begin_step(self) -> None:
        """Begin another step of the processor's time, in the thread that does it."""
        if self._reader:
            self._reader.begin_step()

    def pcm(self) -> Generator[bytes]:
        """Yield the PCM as the decoder produces it, and silence in its holes. Raises BadAudio."""
        silent: BadAudio | None = None
        sounded = False
        for part in parts(self._source):
            try:
                container, self._reader, stream = open_track(part.source)
            except BadAudio as exc:
                if exc.message == NO_SOUND:
                    silent = exc
                    continue
                if sounded and part.is_last and part.size < SHORTEST_PART:
                    continue
                raise _in_part(exc, part.number) if part.number > 1 else exc from exc
            sounded = True
            with closing(container), closing(self._part(container, self._reader, stream)) as decoded:
                yield from decoded
        if silent and not sounded:
            raise silent

    def _part(
        self, container: InputContainer, reader: UploadReader, stream: av.AudioStream
    ) -> Generator[bytes]:
        """Yield the PCM of a part. Raises BadAudio."""
        declared = _duration(container, stream) or 0
        is_believed = container.format.name.startswith(DURATION_CONTAINERS) and is_plausible(
            declared, container
        )
        if is_believed and declared > self._seconds_left + 1:
            raise _too_long(self._max_seconds)
        timeline = Timeline(container, max_seconds=self._seconds_left, most_silence=self._silence_left)
        resampler = Resampler(self._rate)
        for _, frame in frames(container, [stream], is_heard=True):
            if frame.sample_rate not in SAMPLE_RATES:
                raise BadAudio(NOT_DECODED, param="file")
            if silence := timeline.silence_before(frame):
                with map_decode_errors():
                    rest = resampler.finish()
                yield rest
                yield from _silence(silence, self._rate)
            with map_decode_errors():
                pcm = resampler.push(frame)
            yield pcm
        reader.check()
        with map_decode_errors():
            pcm = resampler.finish()
        yield pcm
        self._seconds_left -= timeline.seconds
        self._silence_left = timeline.silence_left


def _in_part(error: BadAudio, number: int) -> BadAudio:
    """Return an error of one of several parts, told as such."""
    message = f"The file holds several recordings, one behind the other. Number {number}: {error.message}"
    return BadAudio(message, param=error.param, code=error.code)


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
