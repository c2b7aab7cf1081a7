"""Encoders that are a codec of FFmpeg's and nothing more: its packets are the file, but for what is put
around them.
"""

from __future__ import annotations

import threading
from typing import Protocol

import av

from streaming.audio import frames
from streaming.audio.avio import encoding
from streaming.encode import ogg


class Framing(Protocol):
    """Puts around packets what makes them a file."""

    def __init__(self, codec: av.AudioCodecContext) -> None:
        """Begin a file for an open codec."""
        ...

    def push(self, packets: list[bytes]) -> bytes:
        """Frame packets that are not the last."""
        ...

    def finish(self, packets: list[bytes], samples: int) -> bytes:
        """Frame the last packets, after so many samples that went into the codec."""
        ...


class Bare:
    """Nothing around packets."""

    def __init__(self, codec: av.AudioCodecContext) -> None:
        """Need nothing of the codec."""

    def push(self, packets: list[bytes]) -> bytes:
        """Give them as they are."""
        return b"".join(packets)

    def finish(self, packets: list[bytes], samples: int) -> bytes:
        """Give them as they are."""
        return b"".join(packets)


class OggOpus:
    """Ogg pages. The codec keeps what does not fill a packet to the end, so that there is always a last
    packet.
    """

    def __init__(self, codec: av.AudioCodecContext) -> None:
        self._rate = codec.sample_rate
        self._pages = ogg.Pages(codec.extradata or b"")
        self.push = self._pages.push

    def finish(self, packets: list[bytes], samples: int) -> bytes:
        """End the file where its sound ends."""
        return self._pages.finish(packets, samples * ogg.OPUS_RATE // self._rate)


class PacketEncoder:
    """A codec and a framing."""

    def __init__(self, media_type: str, codec: av.AudioCodecContext, framing: Framing) -> None:
        self.media_type = media_type
        self._name = codec.name
        self._rate = codec.sample_rate
        self._codec: av.AudioCodecContext | None = codec
        self._framing = framing
        self._odd = b""
        self._position = 0
        self._lock = threading.Lock()
        """a codec may be closed from another thread than the one that encodes"""

    def push(self, pcm: bytes) -> bytes:
        """Take PCM, and give what can be sent; nothing once it has ended."""
        pcm = self._odd + pcm
        whole = len(pcm) - len(pcm) % frames.SAMPLE_BYTES
        self._odd = pcm[whole:]
        with self._lock, encoding(self._name):
            if not whole or self._codec is None:
                return b""
            frame = frames.frame(pcm[:whole], self._rate)
            frame.pts = self._position
            self._position += frame.samples
            return self._framing.push([bytes(packet) for packet in self._codec.encode(frame)])

    def finish(self) -> bytes:
        """Drain the codec and end the file; again: nothing."""
        with self._lock, encoding(self._name):
            codec, self._codec = self._codec, None
            if codec is None:
                return b""
            last = [bytes(packet) for packet in codec.encode(None)]
            return self._framing.finish(last, self._position)

    def close(self) -> None:
        """Drop the codec."""
        with self._lock:
            self._codec = None
