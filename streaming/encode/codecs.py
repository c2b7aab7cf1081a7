"""Encode PCM as a file, whose bytes leave as soon as the codec has produced them.

A FileEncoder is the codec of one file, so that each file has one header: a PcmEncoder
(`streaming.encode.file_encoders`) for `pcm` and `wav`, a PacketEncoder (`streaming.encode.packets`) for `mp3`
and `opus`, a ContainerEncoder for `aac` and `flac`. All are synchronous, for PCM at one sample rate; a
Transcoder (`streaming.encode.transcoder`) uses one.

| format | what is sent | first bytes after |
|---|---|---|
| mp3 | bare MPEG-2 Layer III frames, CBR, no ID3 tag, no Xing frame | 2 frames, 48 ms |
| opus | Ogg pages of 20 to 200 ms; the last page's granule position is the exact length | 20 ms |
| aac | ADTS, AAC-LC | 2 frames, 85 ms |
| flac | blocks of 40 ms, no total in STREAMINFO | 40 ms |
| wav | one 44-byte header with unknown sizes, then PCM | at once |
| pcm | s16le | at once |

A Xing frame contains a file's length, which a stream does not know.

What needs no more than its packets, one after the other or in Ogg pages, does without FFmpeg's containers:
their buffers take two to three times the memory of a codec.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import cast

import av
import msgspec
from av.container import OutputContainer

from streaming.audio import frames
from streaming.audio.avio import FFMPEG_ERRORS, Sink, map_encode_errors
from streaming.audio.pcm import SampleAligner
from streaming.encode.packets import Framing, OggOpusFraming, PacketEncoder, RawPackets
from streaming.formats import OutputFormat


class Codec(msgspec.Struct, frozen=True):
    """How a format is encoded, by FFmpeg's names."""

    container: str | type[Framing]
    """a container of FFmpeg's, or our own framing of the codec's packets"""
    name: str
    sample_format: str
    bitrate: int = 0
    """bits per second unless a request says otherwise; 0 where the codec has no bit rate"""
    max_bitrate: int = 320_000
    options: dict[str, str] = {}
    container_options: dict[str, str] = {}


# Costs are processor time for one second of speech at 24 kHz, on a 2.x GHz server core, next to 60 µs to 1 ms
# for its synthesis by eSpeak NG.
CODECS: dict[OutputFormat, Codec] = {
    "mp3": Codec(
        RawPackets, "libmp3lame", "s16p", bitrate=128_000,
        # Without a reservoir each frame stands alone, and can be played, or cut, as soon as it has come.
        # Level 7 costs 3.6 ms; LAME's own 5 costs 5.2 ms and 2 costs 14.6 ms for the same error and the same
        # spectrum.
        options={"reservoir": "0", "compression_level": "7"},
    ),
    "opus": Codec(
        OggOpusFraming, "libopus", "s16", bitrate=48_000, max_bitrate=256_000,
        # Complexity 5 costs 2.1 ms, 10 costs 5.6 ms and is 1 dB further from the original. "voip" costs 5.3
        # ms and is 11 dB further: it filters. Unconstrained, 48 kbit/s of eSpeak NG's voices come to 74.
        options={
            "frame_duration": "20",
            "application": "audio",
            "compression_level": "5",
            "vbr": "constrained",
        },
    ),
    # 1.8 ms; the other method, "twoloop", 4.8 ms for 5 dB that nobody notices at 45 dB. Speech comes to a
    # tenth or a fifth more than is asked of either
    "aac": Codec("adts", "aac", "fltp", bitrate=96_000, options={"aac_coder": "fast"}),
    # 0.4 ms; level 8 costs 0.7 ms and saves 2 %. An open encoder takes 7 MB, whatever its blocks
    "flac": Codec(
        "flac", "flac", "s16",
        container_options={"metadata_header_padding": "0"},  # otherwise 8 KiB of padding precede the audio
        options={"compression_level": "3", "frame_size": "960"},
    ),
}  # fmt: skip


class ContainerEncoder:
    """Encodes with a codec and a container of FFmpeg's.

    Closes itself when it is dropped: codecs are large, and the garbage collector does not know.
    """

    def __init__(self, codec: Codec, stream: av.AudioStream, sink: Sink) -> None:
        self._codec_name = codec.name
        self._stream = stream
        self._container = cast(OutputContainer, stream.container)
        self._sink = sink
        self._aligner = SampleAligner()
        self._samples = 0
        self._ended = False
        self._lock = threading.Lock()
        """FFmpeg crashes when a container is closed while another thread writes to it"""

    def push(self, pcm: bytes) -> bytes:
        """Encode PCM, and return the bytes that are ready; none after the end. Raises EngineFailed."""
        pcm = self._aligner.push(pcm)
        with self._lock, map_encode_errors(self._codec_name):
            if pcm and not self._ended:
                frame = frames.from_pcm(pcm, self._stream.rate)
                frame.pts = self._samples
                self._samples += frame.samples
                self._container.mux(self._stream.encode(frame))
            return self._sink.drain()

    def finish(self) -> bytes:
        """Drain the codec, end the file, and return its last bytes; a second call returns none. Raises
        EngineFailed.
        """
        with self._lock, map_encode_errors(self._codec_name):
            if not self._ended:
                self._ended = True
                self._container.start_encoding()
                self._container.mux(self._stream.encode(None))
                self._container.close()
            return self._sink.drain()

    def close(self) -> None:
        """Free codec and container."""
        with self._lock, suppress(*FFMPEG_ERRORS):
            self._ended = True
            self._container.close()
        self._sink.drain()

    def __del__(self) -> None:
        self.close()


def open_codec(format: OutputFormat, bitrate: int | None, rate: int) -> PacketEncoder | ContainerEncoder:
    """Return an encoder of PCM at `rate` Hertz by the format's codec. Raises EngineFailed."""
    codec = CODECS[format]
    with map_encode_errors(codec.name):
        if not isinstance(codec.container, str):
            context = cast(av.AudioCodecContext, av.CodecContext.create(codec.name, "w"))
            context.sample_rate = rate
            context.layout = "mono"
            context.options = codec.options
            _configure(context, codec, bitrate)
            context.open()
            return PacketEncoder(context, codec.container(context))
        sink = Sink()
        options = {"flush_packets": "1", **codec.container_options}
        container = av.open(sink, "w", format=codec.container, options=options)
        stream = container.add_stream(codec.name, rate=rate, layout="mono", options=codec.options)
        audio = cast(av.AudioStream, stream)
        _configure(audio.codec_context, codec, bitrate)
        return ContainerEncoder(codec, audio, sink)


def _configure(context: av.AudioCodecContext, codec: Codec, bitrate: int | None) -> None:
    context.format = codec.sample_format
    if codec.bitrate:
        context.bit_rate = min(bitrate or codec.bitrate, codec.max_bitrate)
