"""Encode with a codec of FFmpeg's and a framing of ours, without FFmpeg's containers."""

from __future__ import annotations

import threading
from typing import Protocol

import av

from streaming.audio import frames
from streaming.audio.avio import map_encode_errors
from streaming.audio.pcm import SampleAligner
from streaming.encode import ogg


class Framing(Protocol):
    """Puts a codec's packets into a file."""

    def __init__(self, codec: av.AudioCodecContext) -> None:
        """Begin a file for an open codec."""
        ...

    def push(self, packets: list[bytes]) -> bytes:
        """Return the file's bytes for packets that are not the last."""
        ...

    def finish(self, packets: list[bytes], samples: int) -> bytes:
        """Return the file's bytes for the last packets; `samples` went into the codec in all."""
        ...


class RawPackets:
    """Framing of formats whose packets are the file."""

    def __init__(self, codec: av.AudioCodecContext) -> None:
        """Need nothing of the codec."""

    def push(self, packets: list[bytes]) -> bytes:
        """Return the packets as they are."""
        return b"".join(packets)

    def finish(self, packets: list[bytes], samples: int) -> bytes:
        """Return the packets as they are."""
        return b"".join(packets)


class OggOpusFraming:
    """Framing of Opus in Ogg pages.

    The codec keeps what does not fill a packet to the end, so that there is always a last packet.
    """

    def __init__(self, codec: av.AudioCodecContext) -> None:
        self._rate = codec.sample_rate
        self._pages = ogg.PageWriter(codec.extradata or b"")
        self.push = self._pages.push

    def finish(self, packets: list[bytes], samples: int) -> bytes:
        """Return the last pages, which end the file where its audio ends."""
        return self._pages.finish(packets, samples * ogg.OPUS_RATE // self._rate)


class PacketEncoder:
    """Encodes with a codec of FFmpeg's, and puts its packets into a framing of ours."""

    def __init__(self, codec: av.AudioCodecContext, framing: Framing) -> None:
        self._codec_name = codec.name
        self._rate = codec.sample_rate
        self._sample_format: frames.MonoFormat = "s16p" if codec.format.name == "s16p" else "s16"
        """the codec's own: FFmpeg would open a filter to give the same samples another name"""
        self._codec: av.AudioCodecContext | None = codec
        self._framing = framing
        self._aligner = SampleAligner()
        self._samples = 0
        self._lock = threading.Lock()
        """a codec may be closed from another thread than the one that encodes"""

    def push(self, pcm: bytes) -> bytes:
        """Encode PCM, and return the bytes that are ready; none after the end. Raises EngineFailed."""
        pcm = self._aligner.push(pcm)
        with self._lock, map_encode_errors(self._codec_name):
            if not pcm or self._codec is None:
                return b""
            frame = frames.from_pcm(pcm, self._rate, self._sample_format)
            frame.pts = self._samples
            self._samples += frame.samples
            return self._framing.push([bytes(packet) for packet in self._codec.encode(frame)])

    def finish(self) -> bytes:
        """Drain the codec, end the file, and return its last bytes; a second call returns none. Raises
        EngineFailed.
        """
        with self._lock, map_encode_errors(self._codec_name):
            codec = self._codec
            self._codec = None
            if codec is None:
                return b""
            last = [bytes(packet) for packet in codec.encode(None)]
            return self._framing.finish(last, self._samples)

    def close(self) -> None:
        """Free the codec."""
        with self._lock:
            self._codec = None
