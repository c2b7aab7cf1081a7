"""`python -m streaming.encode.process`: an encoder process, which lives while its standard input is open.

The gateway's event loop and FFmpeg's calls contend for the interpreter's lock where they share a process:
with all cores busy that costs a third of the throughput. Here one thread does nothing else.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import av
import msgspec

from engines.errors import SpeechError
from streaming.encode import messages
from streaming.encode.codecs import CODECS
from streaming.encode.transcoder import EncodedChunk, Transcoder, TranscodeRequest

WARM_RATE = 22_050
"""not the rate of what is sent, so that the resampler is warm too"""


class Sessions:
    """The transcoders of the responses that are encoded here, by session id."""

    def __init__(self) -> None:
        self._transcoders: dict[int, Transcoder] = {}

    def handle(self, operation: bytes, session_id: int, payload: bytes) -> EncodedChunk:
        """Carry out one request, and return what was encoded. Raises SpeechError."""
        if operation == messages.OPEN:
            request = msgspec.json.decode(payload, type=TranscodeRequest)
            self._transcoders[session_id] = Transcoder(request)
        elif operation in (messages.PUSH, messages.PUSH_LAST):
            ends_segment = operation == messages.PUSH_LAST
            return self._transcoders[session_id].push(payload, ends_segment=ends_segment)
        elif operation == messages.FINISH:
            return self._transcoders[session_id].finish()
        elif session_id == messages.NO_SESSION:
            return EncodedChunk(messages.COUNT.pack(len(self._transcoders)))
        elif operation == messages.CLOSE and (transcoder := self._transcoders.pop(session_id, None)):
            transcoder.close()
        return EncodedChunk(b"")


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Reply to requests until the source ends."""
    sessions = Sessions()
    while len(head := source.read(messages.REQUEST.size)) == messages.REQUEST.size:
        operation, session_id, length = messages.REQUEST.unpack(head)
        target.write(_reply(sessions, operation, session_id, source.read(length)))
        target.flush()


def _reply(sessions: Sessions, operation: bytes, session_id: int, payload: bytes) -> bytes:
    try:
        chunk = sessions.handle(operation, session_id, payload)
        return messages.REPLY.pack(True, chunk.seconds, len(chunk.data)) + chunk.data
    except Exception as exc:  # whatever is wrong with one file, the others go on
        told = exc.message if isinstance(exc, SpeechError) else "The audio could not be encoded."
        message = f"{told}{messages.DETAIL}{'' if isinstance(exc, SpeechError) else repr(exc)}"
        return messages.REPLY.pack(False, 0.0, len(message.encode())) + message.encode()


def warm_up() -> None:
    """Encode a short file of each format: the first takes tens of milliseconds, which no request should wait
    for.
    """
    for format in CODECS:
        with suppress(SpeechError):  # an FFmpeg without this codec: the request for it gets the error
            transcoder = Transcoder(TranscodeRequest(format, WARM_RATE))
            transcoder.push(bytes(WARM_RATE), ends_segment=True)
            transcoder.finish()
            transcoder.close()


def have_one_core() -> None:
    """Have FFmpeg take this machine for one with a single core.

    PyAV opens a graph of filters with each encoder, and the graph a thread for each core, which is waited for
    and has nothing to do ever. PyAV's wheels bring their FFmpeg; another one is left as it is.
    """
    package = Path(av.__file__).parent
    libraries = [*package.parent.glob("av.libs/*avutil*"), *package.glob(".dylibs/*avutil*")]
    with suppress(OSError, AttributeError):  # a library that cannot be loaded, or is too old for this
        for library in libraries:
            ctypes.CDLL(str(library)).av_cpu_force_count(1)


def main() -> int:
    """Serve the parent, and return the exit status."""
    # what stops the whole group, Ctrl-C or `timeout`, goes to the gateway too, which stops us in order
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    have_one_core()
    warm_up()
    gc.collect()
    gc.freeze()  # as in the gateway
    try:
        serve(sys.stdin.buffer, replies)
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
