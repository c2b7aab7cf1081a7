"""Encoders: PCM in, a file's bytes out, as soon as the codec gives them. One for each response, so one header
for each file.

| format | what is sent | first bytes after |
|---|---|---|
| mp3 | bare MPEG-2 Layer III frames, CBR, no ID3 tag and no Xing frame (a stream has no length to put there) | 2 frames, 48 ms |
| opus | Ogg pages of 20 to 200 ms; the last page's granule position gives the exact length | 20 ms |
| aac | ADTS, AAC-LC | 2 frames, 85 ms |
| flac | blocks of 40 ms, no total in STREAMINFO | 40 ms |
| wav | one 44-byte header with open sizes, then PCM | at once |
| pcm | s16le | at once |

What needs no more than its packets, one after the other or in Ogg pages, does without FFmpeg's containers:
they hold two to three times what a codec does.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Protocol, cast

import av
import msgspec
from av.container import OutputContainer

from streaming.audio import frames, wav
from streaming.audio.avio import FAULTS, Sink, encoding
from streaming.encode.packets import Bare, Framing, OggOpus, PacketEncoder
from streaming.formats import OutputFormat


class FileEncoder(Protocol):
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
    """How a format is made: its framing, or a container of FFmpeg's; the codec and options; bits per second."""

    media_type: str
    container: str | type[Framing]
    library: str
    sample_format: str
    bitrate: int = 0
    highest: int = 320_000
    options: dict[str, str] = {}
    container_options: dict[str, str] = {}


# Costs are processor time for one second of speech at 24 kHz, on a 2.x GHz server core, next to 60 µs to 1 ms
# for making it with eSpeak NG.
CODECS: dict[OutputFormat, Codec] = {
    "mp3": Codec(
        "audio/mpeg", Bare, "libmp3lame", "s16p", bitrate=128_000,
        # Without a reservoir each frame stands alone, and can be played, or cut, as soon as it is there.
        # Level 7 costs 3.6 ms; LAME's own 5 costs 5.2 ms and 2 costs 14.6 ms for the same error and the same
        # spectrum.
        options={"reservoir": "0", "compression_level": "7"},
    ),
    "opus": Codec(
        "audio/opus", OggOpus, "libopus", "s16", bitrate=48_000, highest=256_000,
        # Complexity 5 costs 2.1 ms, 10 costs 5.6 ms and is 1 dB further from the original. "voip" costs 5.3
        # ms and is 11 dB further: it filters.
        options={"frame_duration": "20", "application": "audio", "compression_level": "5"},
    ),
    # 1.8 ms; the other coder, "twoloop", 4.8 ms for 5 dB that are not heard at 45 dB
    "aac": Codec("audio/aac", "adts", "aac", "fltp", bitrate=96_000, options={"aac_coder": "fast"}),
    # 0.4 ms; level 8 costs 0.7 ms and saves 2 %. An open encoder holds 7 MB, whatever its blocks
    "flac": Codec(
        "audio/flac", "flac", "flac", "s16",
        container_options={"metadata_header_padding": "0"},  # left alone, 8 KiB of nothing go before the sound
        options={"compression_level": "3", "frame_size": "960"},
    ),
}  # fmt: skip


def media_type(format: OutputFormat) -> str:
    """Name a format as HTTP does."""
    return CODECS[format].media_type if format in CODECS else f"audio/{format}"


def open_encoder(format: OutputFormat, *, bitrate: int | None = None, rate: int = 24_000) -> FileEncoder:
    """Open an encoder for PCM at `rate` Hertz; `bitrate` in bits per second, where the format has one. Raises
    EngineFailed.
    """
    if format == "pcm":
        return PcmEncoder("audio/pcm", b"")
    if format == "wav":
        return PcmEncoder("audio/wav", wav.header(rate))
    return _open(CODECS[format], bitrate, rate)


class PcmEncoder:
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


class ContainerEncoder:
    """A codec and a container of FFmpeg's. Closes itself when it is dropped: codecs are large, and the
    collector cannot tell.
    """

    def __init__(self, codec: Codec, stream: av.AudioStream, sink: Sink) -> None:
        self.media_type = codec.media_type
        self._library = codec.library
        self._stream = stream
        self._container = cast(OutputContainer, stream.container)
        self._sink = sink
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
        with self._lock, encoding(self._library):
            if whole and not self._ended:
                frame = frames.frame(pcm[:whole], self._stream.rate)
                frame.pts = self._position
                self._position += frame.samples
                self._container.mux(self._stream.encode(frame))
            return self._sink.take()

    def finish(self) -> bytes:
        """Drain the codec and end the file; again: nothing."""
        with self._lock, encoding(self._library):
            if not self._ended:
                self._ended = True
                self._container.start_encoding()
                self._container.mux(self._stream.encode(None))
                self._container.close()
            return self._sink.take()

    def close(self) -> None:
        """Drop codec and container."""
        with self._lock, suppress(*FAULTS):
            self._ended = True
            self._container.close()
        self._sink.take()

    def __del__(self) -> None:
        self.close()


def _open(codec: Codec, bitrate: int | None, rate: int) -> FileEncoder:
    asked = min(bitrate or codec.bitrate, codec.highest)
    with encoding(codec.library):
        if not isinstance(codec.container, str):
            context = cast(av.AudioCodecContext, av.CodecContext.create(codec.library, "w"))
            context.sample_rate, context.layout, context.options = rate, "mono", codec.options
            _configure(context, codec, asked)
            context.open()
            return PacketEncoder(codec.media_type, context, codec.container(context))
        sink = Sink()
        container = av.open(
            sink, "w", format=codec.container, options={"flush_packets": "1", **codec.container_options}
        )
        stream = cast(
            av.AudioStream,
            container.add_stream(codec.library, rate=rate, layout="mono", options=codec.options),
        )
        _configure(stream.codec_context, codec, asked)
        return ContainerEncoder(codec, stream, sink)


def _configure(context: av.AudioCodecContext, codec: Codec, bitrate: int) -> None:
    context.format = codec.sample_format
    if codec.bitrate:
        context.bit_rate = bitrate
