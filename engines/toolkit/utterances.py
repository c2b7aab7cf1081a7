"""Cut a recording into utterances at its silences, while it comes in; memory is bounded by the longest
utterance.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import msgspec
from pocketsphinx import Endpointer

RATE = 16_000
LONGEST_SECONDS = 16.0
"""speech without any silence is cut after so long, where it is quietest; the decoder's last pass over an
utterance, which nothing can stop, takes a twentieth of its length
"""
SEARCH_SECONDS = 6.0
"""how much of its end is searched for the quietest place"""
BLOCK = RATE // 10
"""samples looked at together: 100 ms"""
WINDOW_SECONDS, RATIO = 0.6, 0.9
"""the endpointer's own terms: silence is 90 % of 0.6 s without a voice. Shorter ones cut sentences apart, and
cost accuracy
"""


class Utterance(msgspec.Struct, frozen=True):
    """A stretch of speech: where it starts, in seconds, and its PCM (s16le mono, 16 kHz)."""

    start: float
    pcm: bytes


class Utterances:
    """Takes PCM in any chunks; `seconds` counts what has come in."""

    def __init__(self) -> None:
        self._endpointer = Endpointer(sample_rate=RATE, window=WINDOW_SECONDS, ratio=RATIO)
        self._frame_bytes: int = self._endpointer.frame_bytes
        self._pending = bytearray()
        self._speech = bytearray()
        self._start = 0.0
        self._bytes = 0

    @property
    def seconds(self) -> float:
        """How much has come in."""
        return self._bytes / (2 * RATE)

    @property
    def settled(self) -> float:
        """How much has been given out or found to be without speech, in seconds."""
        return self._start if self._speech else self.seconds

    def push(self, pcm: bytes) -> Iterator[Utterance]:
        """Take some more, and give the utterances that ended in it."""
        self._bytes += len(pcm)
        self._pending += pcm
        while len(self._pending) > self._frame_bytes:
            frame = bytes(self._pending[: self._frame_bytes])
            del self._pending[: self._frame_bytes]
            yield from self._take(self._endpointer.process(frame))

    def finish(self) -> Iterator[Utterance]:
        """End the recording, and give the last utterance."""
        if self._pending:
            yield from self._take(self._endpointer.end_stream(bytes(self._pending)))
        if self._speech:
            yield self._cut(len(self._speech))

    def _take(self, speech: bytes | None) -> Iterator[Utterance]:
        if speech is None:
            return
        if not self._speech:
            self._start = self._endpointer.speech_start
        self._speech += speech
        if not self._endpointer.in_speech:
            yield self._cut(len(self._speech))
        elif len(self._speech) >= LONGEST_SECONDS * 2 * RATE:
            yield self._cut(self._quietest())

    def _cut(self, at: int) -> Utterance:
        utterance = Utterance(self._start, bytes(self._speech[:at]))
        del self._speech[:at]
        self._start += at / (2 * RATE)
        return utterance

    def _quietest(self) -> int:
        """Find the quietest block near the end; give the offset of its middle, in bytes."""
        samples = array("h", bytes(self._speech[-int(SEARCH_SECONDS * 2 * RATE) :]))
        offset = len(self._speech) - 2 * len(samples)
        starts = range(0, len(samples) - BLOCK, BLOCK)
        quietest = min(starts, key=lambda start: sum(map(abs, samples[start : start + BLOCK : 4])))
        return offset + 2 * (quietest + BLOCK // 2)
