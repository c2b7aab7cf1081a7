"""WAV files of s16le mono PCM: written and read whole, and as streams of open length."""

from __future__ import annotations

import io
import wave

from engines.api import BYTES_PER_SAMPLE
from engines.errors import BadAudio, BadInput

MAX_HEADER = 4096
"""bytes in which a WAV's PCM must begin"""
OPEN_SIZE = b"\xff\xff\xff\xff"
"""the size of a chunk whose length is not known yet"""


def encode_wav(pcm: bytes, rate: int) -> bytes:
    """Return a WAV file of s16le mono PCM at `rate` Hertz."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(BYTES_PER_SAMPLE)
        file.setframerate(rate)
        file.writeframes(pcm)
    return buffer.getvalue()


def open_wav_header(rate: int) -> bytes:
    """Return the header of a WAV of s16le mono PCM at `rate` Hertz, whose length is left open."""
    header = encode_wav(b"", rate)
    return header[:4] + OPEN_SIZE + header[8:-4] + OPEN_SIZE


def decode_wav(content: bytes, rate: int) -> bytes:
    """Return the PCM of a WAV file. Raises BadAudio unless it is 16-bit mono at `rate` Hertz."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            form = (file.getframerate(), file.getnchannels(), file.getsampwidth())
            if form != (rate, 1, BYTES_PER_SAMPLE):
                raise BadAudio(f"`audio` should be 16-bit mono at {rate} Hz.", param="audio")
            return bytes(file.readframes(file.getnframes()))
    except (wave.Error, EOFError) as exc:
        raise BadAudio(f"`audio` should be a WAV file: {exc}", param="audio") from exc


class WavStream:
    """A WAV that arrives in pieces, such as one of open length, which `wave` cannot read.

    Its PCM is everything behind the header of the `data` chunk.
    """

    def __init__(self) -> None:
        self._header: bytes | None = b""
        """what has arrived before the PCM; None once the PCM has begun"""
        self._partial_sample = b""

    def feed(self, data: bytes) -> bytes:
        """Return the PCM in the next bytes, in whole samples. Raises BadInput when this is no WAV."""
        if self._header is not None:
            self._header += data
            start = self._header.find(b"data")
            if start < 0 or len(self._header) < start + 8:
                if len(self._header) > MAX_HEADER or not b"RIFF".startswith(self._header[:4]):
                    raise BadInput("`audio` should be a WAV file.", param="audio")
                return b""
            data = self._header[start + 8 :]
            self._header = None
        data = self._partial_sample + data
        whole = len(data) - len(data) % BYTES_PER_SAMPLE
        self._partial_sample = data[whole:]
        return data[:whole]
