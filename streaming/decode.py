"""Any recording that FFmpeg reads, to PCM, chunk by chunk.

What a file is, its content says: names and types of uploads lie. FFmpeg reads from the one open file only: containers that
point elsewhere (playlists, concatenations, manifests, session descriptions) are not on the list of those allowed, nor is any
protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import IO

import av
import av.error
from av.container import InputContainer

from engines.api import BadAudio
from streaming import frames

CONTAINERS = (
    "wav,w64,mp3,mov,matroska,ogg,flac,aac,aiff,caf,amr,asf,avi,flv,live_flv,mpeg,mpegts,mpegvideo,au,ac3,eac3,dts,"
    "loas,latm,wv,ape,tta,voc,gsm,tak,rm,nut,mpc,mpc8,amrnb,amrwb"
)
"""demuxers that hold their sound in themselves"""
CHUNK_SECONDS = 0.5
SHORTEST_SECONDS = 0.1
NOT_DECODED = "The audio file could not be decoded or its format is not supported."
FAULTS = (av.error.FFmpegError, ValueError, EOFError, MemoryError, UnicodeDecodeError)
"""what PyAV raises over bytes that make no sense"""


def decode(source: IO[bytes], *, rate: int = 16_000, max_seconds: float) -> Iterator[bytes]:
    """Give a recording as s16le mono PCM at `rate` Hertz, in chunks of about half a second.

    A recording that breaks off in the middle is given as far as it goes. Raises BadAudio: nothing in it can be decoded, it holds
    no sound, it is shorter than 0.1 s or longer than `max_seconds`.
    """
    made, waiting = 0, bytearray()
    chunk = round(CHUNK_SECONDS * rate) * frames.SAMPLE_BYTES
    for pcm in _decode(source, rate):
        waiting += pcm
        made += len(pcm) // frames.SAMPLE_BYTES
        if made > max_seconds * rate:
            raise BadAudio(f"The recording is longer than {max_seconds:g} seconds, the most that is taken.", param="file")
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


def _decode(source: IO[bytes], rate: int) -> Iterator[bytes]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    with closing(_open(source)) as container:
        for frame in _frames(container):
            if pcm := _resampled(resampler, frame):
                yield pcm
        if pcm := _resampled(resampler, None):
            yield pcm


def _open(source: IO[bytes]) -> InputContainer:
    try:
        container = av.open(
            source,
            "r",
            options={"format_whitelist": CONTAINERS, "protocol_whitelist": "none", "probesize": "1000000"},
            metadata_errors="replace",
        )
    except FAULTS as exc:
        raise BadAudio(NOT_DECODED, param="file") from exc
    if not container.streams.audio:
        container.close()
        raise BadAudio("The file holds no sound.", param="file")
    return container


def _frames(container: InputContainer) -> Iterator[av.AudioFrame]:
    """Give the frames of the first sound stream, and skip over what does not decode."""
    stream = container.streams.audio[0]
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except FAULTS:
            return
        try:
            yield from packet.decode()
        except FAULTS:
            continue


def _resampled(resampler: av.AudioResampler, frame: av.AudioFrame | None) -> bytes:
    if frame is not None:
        frame.pts = None
    try:
        return frames.pcm(resampler.resample(frame))
    except FAULTS:
        return b""
