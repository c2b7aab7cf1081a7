"""`python -m streaming.encode.process`: a process that encodes, for as long as its standard input stays open.

The gateway's event loop and FFmpeg's calls contend for the interpreter's lock where they share a process:
with all cores busy that costs a third of the throughput. Here one thread does nothing else.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

import msgspec

from engines.errors import SpeechError
from streaming.encode import messages as wire
from streaming.encode.codecs import CODECS
from streaming.encode.transcoder import EncodedChunk, Transcoder, TranscodeRequest

WARM_RATE = 22_050
"""not the rate of what is sent, so that the resampler is warm too"""


class Files:
    """The files under way, by number."""

    def __init__(self) -> None:
        self._chains: dict[int, Transcoder] = {}

    def call(self, call: bytes, number: int, payload: bytes) -> EncodedChunk:
        """Do what one request asks. Raises SpeechError."""
        if call == wire.OPEN:
            self._chains[number] = Transcoder(msgspec.json.decode(payload, type=TranscodeRequest))
        elif call in (wire.PUSH, wire.END):
            return self._chains[number].push(payload, ends=call == wire.END)
        elif call == wire.FINISH:
            return self._chains[number].finish()
        elif call == wire.CLOSE and (chain := self._chains.pop(number, None)):
            chain.close()
        return EncodedChunk(b"")


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer requests until the source ends."""
    files = Files()
    while len(head := source.read(wire.REQUEST.size)) == wire.REQUEST.size:
        call, number, length = wire.REQUEST.unpack(head)
        payload = source.read(length)
        try:
            coded = files.call(call, number, payload)
            answer = wire.ANSWER.pack(True, coded.seconds, len(coded.data)) + coded.data
        except Exception as exc:  # whatever is wrong with one file, the others go on
            message = (
                exc.message if isinstance(exc, SpeechError) else f"The audio could not be encoded: {exc!r}"
            ).encode()
            answer = wire.ANSWER.pack(False, 0.0, len(message)) + message
        target.write(answer)
        target.flush()


def warm_up() -> None:
    """Make a short file of each format: the first time takes tens of milliseconds, which no request should
    wait for.
    """
    for format in CODECS:
        with suppress(SpeechError):  # an FFmpeg without this codec: who asks for it is told so
            chain = Transcoder(TranscodeRequest(format, WARM_RATE))
            chain.push(bytes(WARM_RATE), ends=True)
            chain.finish()
            chain.close()


def main() -> int:
    """Serve the parent."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C in a terminal goes to the gateway, which closes our input
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    warm_up()
    gc.collect()
    gc.freeze()  # as in the gateway
    try:
        serve(sys.stdin.buffer, answers)
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
