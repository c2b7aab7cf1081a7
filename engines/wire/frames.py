"""How speech travels from a worker: frames of one tag byte, a 32-bit big-endian length, and that many bytes.

`A` holds PCM (s16le mono), `W` words, `E` an error, `Z` the end; the latter three are JSON. A stream that
ends without `E` or `Z` is a broken one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from engines.api import Audio, SpeechEvent, Word

HEADER = struct.Struct(">cI")
AUDIO, WORDS, ERROR, END = b"A", b"W", b"E", b"Z"
MAX_LENGTH = 64 * 1024 * 1024
MEDIA_TYPE = "application/octet-stream"


class ErrorFrame(msgspec.Struct, frozen=True):
    """What went wrong; `kind` names a class of `engines.api`."""

    kind: str
    message: str
    param: str | None = None
    code: str | None = None


class EndFrame(msgspec.Struct, frozen=True):
    """How much was made, in samples."""

    samples: int


class BadFrame(Exception):
    """The bytes are no frames of ours."""


Frame = SpeechEvent | ErrorFrame | EndFrame


def frame(tag: bytes, payload: bytes) -> bytes:
    """Put one frame together."""
    return HEADER.pack(tag, len(payload)) + payload


def pack(events: list[SpeechEvent]) -> bytes:
    """Frame events in their order; neighbouring audio goes into one frame."""
    out: list[bytes] = []
    pcm: list[bytes] = []
    words: list[Word] = []

    def flush() -> None:
        if words:
            out.append(frame(WORDS, msgspec.json.encode(words)))
            words.clear()
        if pcm:
            whole = b"".join(pcm)
            out.extend(frame(AUDIO, whole[at : at + MAX_LENGTH]) for at in range(0, len(whole), MAX_LENGTH))
            pcm.clear()

    for event in events:
        if isinstance(event, Audio):
            pcm.append(event.pcm)
        else:
            if pcm:
                flush()
            words.append(event)
    flush()
    return b"".join(out)


class FrameParser:
    """Takes bytes as they come, gives frames as they are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Give the frames that are whole now. Raises BadFrame."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            tag, length = HEADER.unpack_from(self._buffer)
            if length > MAX_LENGTH:
                raise BadFrame(f"a frame of {length} bytes")
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(memoryview(self._buffer)[HEADER.size : end])
            del self._buffer[:end]
            yield from _read(tag, payload)


def _read(tag: bytes, payload: bytes) -> Iterator[Frame]:
    try:
        if tag == AUDIO:
            yield Audio(payload)
        elif tag == WORDS:
            yield from msgspec.json.decode(payload, type=list[Word])
        elif tag == ERROR:
            yield msgspec.json.decode(payload, type=ErrorFrame)
        elif tag == END:
            yield msgspec.json.decode(payload, type=EndFrame)
        else:
            raise BadFrame(f"unknown tag {tag!r}")
    except msgspec.DecodeError as exc:
        raise BadFrame(f"a {tag!r} frame that does not decode: {exc}") from exc
