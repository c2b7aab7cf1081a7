"""What encodes one response's file, whatever its format; PCM itself needs no more than a header.

FFmpeg is loaded with the first file that needs a codec: it takes 16 MB, and in a server whose files are
encoded by other processes it may never be wanted.
"""

from __future__ import annotations

from typing import Protocol

from streaming.audio import wav
from streaming.audio.pcm import SampleAligner
from streaming.formats import OutputFormat


class FileEncoder(Protocol):
    """The codec of one file: encodes s16le mono PCM, one call at a time."""

    def push(self, pcm: bytes) -> bytes:
        """Encode PCM, cut anywhere, and return the bytes that are ready. Raises EngineFailed."""
        ...

    def finish(self) -> bytes:
        """End the file, and return its last bytes. Raises EngineFailed."""
        ...

    def close(self) -> None:
        """Free the codec, whether the file is finished or not."""
        ...


def open_file_encoder(format: OutputFormat, *, bitrate: int | None = None, rate: int = 24_000) -> FileEncoder:
    """Return an encoder of PCM at `rate` Hertz; `bitrate` is in bits per second, where the format has one.

    Raises EngineFailed.
    """
    if format == "pcm":
        return PcmEncoder(b"")
    if format == "wav":
        return PcmEncoder(wav.header(rate))
    from streaming.encode.codecs import open_codec  # not before: it loads FFmpeg

    return open_codec(format, bitrate, rate)


class PcmEncoder:
    """Encodes as PCM: the samples as they are, after a header or none."""

    def __init__(self, header: bytes) -> None:
        self._header = header
        self._aligner = SampleAligner()

    def push(self, pcm: bytes) -> bytes:
        """Return the whole samples, after the header if they are the first."""
        pcm = self._aligner.push(pcm)
        return self._header_once() + pcm if pcm else b""

    def finish(self) -> bytes:
        """Return the header if there was no audio to put it before."""
        return self._header_once()

    def close(self) -> None:
        """Do nothing: there is no codec."""

    def _header_once(self) -> bytes:
        header = self._header
        self._header = b""
        return header
