"""How speech travels from a worker: frames of one tag byte, a 32-bit big-endian length, and that many bytes.

`A` holds PCM (s16le mono), `W` words, `P` a sign that the work goes on, `V` a voice prompt (safetensors), `E`
an error, `Z` the end; words, signs, errors and the end are JSON. A stream that ends without `E` or `Z` is a
broken one. `P` and `V` came with version 1.1 of the provider API.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import msgspec

from engines.api import Audio, Beat, Prompt, SpeechEvent, Word

HEADER = struct.Struct(">cI")
AUDIO = b"A"
WORDS = b"W"
BEAT = b"P"
PROMPT = b"V"
ERROR = b"E"
END = b"Z"
MAX_LENGTH = 64 * 1024 * 1024
MEDIA_TYPE = "application/octet-stream"


class ErrorFrame(msgspec.Struct, frozen=True):
    """What went wrong; `kind` names a class of `engines.errors`."""

    kind: str
    message: str
    param: str | None = None
    code: str | None = None
    detail: str = ""
    """what a library said, for the log only"""
    retry_after: float = 0.0
    """seconds until another try may succeed; 0 where that is not known"""
    elsewhere: bool = False
    """a try on another worker may succeed at once"""


class EndFrame(msgspec.Struct, frozen=True):
    """The end of the audio: how many samples there were."""

    samples: int


class BadFrame(Exception):
    """The bytes are no frames of ours."""


WorkEvent = SpeechEvent | Beat
"""what comes of a job while it goes on"""
Frame = WorkEvent | Prompt | ErrorFrame | EndFrame


def encode_frame(tag: bytes, payload: bytes) -> bytes:
    """Return one frame."""
    return HEADER.pack(tag, len(payload)) + payload


def encode_error(error: ErrorFrame) -> bytes:
    """Return the frame of an error."""
    return encode_frame(ERROR, msgspec.json.encode(error))


def encode_prompt(data: bytes) -> bytes:
    """Return the frame of a voice prompt."""
    return encode_frame(PROMPT, data)


def encode_end(samples: int) -> bytes:
    """Return the frame that ends a stream of so many samples."""
    return encode_frame(END, msgspec.json.encode(EndFrame(samples)))


def encode_events(events: Sequence[WorkEvent]) -> bytes:
    """Return the frames of events in their order; neighbouring audio goes into one frame."""
    frames: list[bytes] = []
    pcm: list[bytes] = []
    words: list[Word] = []

    def flush() -> None:
        if words:
            frames.append(encode_frame(WORDS, msgspec.json.encode(words)))
            words.clear()
        if pcm:
            audio = b"".join(pcm)
            frames.extend(
                encode_frame(AUDIO, audio[start : start + MAX_LENGTH])
                for start in range(0, len(audio), MAX_LENGTH)
            )
            pcm.clear()

    for event in events:
        if isinstance(event, Audio):
            pcm.append(event.pcm)
        elif isinstance(event, Beat):
            frames.append(encode_frame(BEAT, msgspec.json.encode(event)))
        else:
            if pcm:
                flush()
            words.append(event)
    flush()
    return b"".join(frames)


class FrameParser:
    """A parser of frames that arrive in pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that are complete with `data`. Raises BadFrame."""
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
            yield from _decode_frame(tag, payload)


def _decode_frame(tag: bytes, payload: bytes) -> Iterator[Frame]:
    try:
        if tag == AUDIO:
            yield Audio(payload)
        elif tag == WORDS:
            yield from msgspec.json.decode(payload, type=list[Word])
        elif tag == BEAT:
            yield msgspec.json.decode(payload, type=Beat)
        elif tag == PROMPT:
            yield Prompt("", payload)
        elif tag == ERROR:
            yield msgspec.json.decode(payload, type=ErrorFrame)
        elif tag == END:
            yield msgspec.json.decode(payload, type=EndFrame)
        else:
            raise BadFrame(f"unknown tag {tag!r}")
    except msgspec.DecodeError as exc:
        raise BadFrame(f"a {tag!r} frame that does not decode: {exc}") from exc
