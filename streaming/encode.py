"""Encoders: PCM in, a file's bytes out, as soon as the codec gives them. One for each response, so one header for each file.

| format | what is sent | first bytes after |
|---|---|---|
| mp3 | bare MPEG-2 Layer III frames, CBR, no ID3 tag and no Xing frame (a stream has no length to put there) | 2 frames, 48 ms |
| opus | Ogg pages of one 20 ms packet each; the last page's granule position gives the exact length | 20 ms |
| aac | ADTS, AAC-LC | 2 frames, 85 ms |
| flac | blocks of 40 ms, no total in STREAMINFO | 40 ms |
| wav | one 44-byte header with open sizes, then PCM | at once |
| pcm | s16le | at once |
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Protocol, cast

import av
import av.error
import msgspec

from engines.api import AudioFormat, EngineFailed
from streaming import frames, wav


class Encoder(Protocol):
    """Encodes one response's audio: s16le mono."""

    media_type: str

    def push(self, pcm: bytes) -> bytes:
        """Take PCM, cut anywhere, and give what can be sent. Raises EngineFailed."""
        ...

    def finish(self) -> bytes:
        """End the file, and give the rest. Raises EngineFailed."""
        ...

    def close(self) -> None:
        """Let go of the codec, finished or not."""
        ...


class Codec(msgspec.Struct, frozen=True):
    """How a format is made by FFmpeg."""

    media_type: str
    container: str
    codec: str
    sample_format: str
    bitrate: int = 0
    options: dict[str, str] = {}
    container_options: dict[str, str] = {}


CODECS: dict[str, Codec] = {
    "mp3": Codec(
        "audio/mpeg", "mp3", "libmp3lame", "s16p", bitrate=128_000,
        container_options={"write_xing": "0", "id3v2_version": "0"},
        options={"reservoir": "0"},  # each frame stands alone, so it can be played, or cut, as soon as it is there
    ),
    "opus": Codec(
        "audio/opus", "ogg", "libopus", "s16", bitrate=48_000,
        container_options={"page_duration": "20000"},
        options={"frame_duration": "20", "application": "audio", "compression_level": "5"},
    ),
    "aac": Codec("audio/aac", "adts", "aac", "fltp", bitrate=96_000, options={"aac_coder": "fast"}),
    "flac": Codec("audio/flac", "flac", "flac", "s16", options={"compression_level": "3", "frame_size": "960"}),
}  # fmt: skip


def open_encoder(format: AudioFormat, *, bitrate: int | None = None, rate: int = 24_000) -> Encoder:
    """Open an encoder for PCM at `rate` Hertz; `bitrate` in bits per second, where the format has one."""
    if format == "pcm":
        return Plain("audio/pcm", b"")
    if format == "wav":
        return Plain("audio/wav", wav.header(rate))
    return Coded(CODECS[format], bitrate, rate)


class Plain:
    """PCM as it is, behind a header or none."""

    def __init__(self, media_type: str, header: bytes) -> None:
        self.media_type = media_type
        self._header = header
        self._odd = b""

    def push(self, pcm: bytes) -> bytes:
        """Give whole samples, the header before the first."""
        pcm = self._odd + pcm
        whole = len(pcm) - len(pcm) % frames.SAMPLE_BYTES
        self._odd = pcm[whole:]
        if not whole:
            return b""
        header, self._header = self._header, b""
        return header + pcm[:whole]

    def finish(self) -> bytes:
        """Give the header if there was no audio to put it before."""
        header, self._header = self._header, b""
        return header

    def close(self) -> None:
        """Hold nothing."""


class Sink(io.RawIOBase):
    """Where FFmpeg writes: no seeking, so that it writes as for a stream."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Keep what is written."""
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Give what has been written since."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class Coded:
    """A codec and a container of FFmpeg's."""

    def __init__(self, codec: Codec, bitrate: int | None, rate: int) -> None:
        self.media_type = codec.media_type
        self._rate = rate
        self._sink = Sink()
        options = {"flush_packets": "1", **codec.container_options}
        self._container = av.open(self._sink, "w", format=codec.container, options=options)
        stream = self._container.add_stream(codec.codec, rate=rate, layout="mono", options=codec.options)
        self._stream = cast(av.AudioStream, stream)
        self._stream.codec_context.format = codec.sample_format
        if codec.bitrate:
            self._stream.bit_rate = bitrate or codec.bitrate
        self._fifo: av.AudioResampler | None = None
        self._codec = codec
        self._odd = b""
        self._position = 0
        self._ended = False
        self._lock = threading.Lock()
        """FFmpeg crashes when a container is closed under a thread that writes to it"""

    def push(self, pcm: bytes) -> bytes:
        """Take PCM, and give what can be sent; nothing once it has ended."""
        pcm = self._odd + pcm
        whole = len(pcm) - len(pcm) % frames.SAMPLE_BYTES
        self._odd = pcm[whole:]
        if whole:
            self._guard(lambda: self._encode(frames.frame(pcm[:whole], self._rate)))
        return self._sink.take()

    def finish(self) -> bytes:
        """Drain the codec and end the file; again: nothing."""
        self._guard(self._drain)
        return self._sink.take()

    def close(self) -> None:
        """Drop codec and container."""
        with self._lock:
            self._ended = True
            self._container.close()
        self._sink.take()

    def _encode(self, frame: av.AudioFrame | None) -> None:
        if self._fifo is None:
            self._fifo = self._open_fifo()
        for piece in self._fifo.resample(frame):
            piece.pts = self._position
            self._position += piece.samples
            self._container.mux(self._stream.encode(piece))

    def _open_fifo(self) -> av.AudioResampler:
        """Cut PCM into the codec's frames, in its sample format; the frame size is known once the codec is open."""
        self._container.start_encoding()
        size = self._stream.codec_context.frame_size
        return av.AudioResampler(format=self._codec.sample_format, layout="mono", rate=self._rate, frame_size=size or None)

    def _drain(self) -> None:
        self._ended = True
        self._encode(None)
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            with self._lock:
                if not self._ended:
                    work()
        except (av.error.FFmpegError, ValueError) as exc:
            raise EngineFailed(f"The audio could not be encoded as {self._codec.codec}: {exc}") from exc
