"""Cut a recording into utterances at its silences, while it comes in.

Memory is bounded by the longest utterance.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import msgspec
from pocketsphinx import Endpointer

from engines.api import BYTES_PER_SAMPLE

RATE = 16_000
"""Hertz"""
BYTES_PER_SECOND = BYTES_PER_SAMPLE * RATE
LONGEST_SECONDS = 16.0
"""speech without any silence is cut after so long, where it is quietest; the decoder's last pass over an
utterance, which nothing can stop, takes a twentieth of its length
"""
SEARCH_SECONDS = 6.0
"""how much of its end is searched for the quietest place"""
BLOCK = RATE // 10
"""samples whose loudness is measured together: 100 ms"""
WINDOW_SECONDS = 0.6
"""what the endpointer judges at once. Shorter silences cut sentences apart, and cost accuracy"""
SILENT_RATIO = 0.9
"""of that window, without a voice: what is silence to the endpointer"""


class Utterance(msgspec.Struct, frozen=True):
    """A stretch of speech."""

    start: float
    """seconds from the start of the recording"""
    pcm: bytes
    """s16le mono at 16 kHz"""


class UtteranceSplitter:
    """Splits one recording, of which PCM comes in chunks of any size, into utterances."""

    def __init__(self) -> None:
        self._endpointer = Endpointer(sample_rate=RATE, window=WINDOW_SECONDS, ratio=SILENT_RATIO)
        self._frame_bytes: int = self._endpointer.frame_bytes
        self._pending = bytearray()
        self._speech = bytearray()
        self._start = 0.0
        self._bytes = 0

    @property
    def seconds(self) -> float:
        """Return how much has come in."""
        return self._bytes / BYTES_PER_SECOND

    @property
    def processed(self) -> float:
        """Return how much has been returned as utterances or found to be without speech, in seconds."""
        return self._start if self._speech else self.seconds

    def push(self, pcm: bytes) -> Iterator[Utterance]:
        """Add PCM, and yield the utterances that ended in it."""
        self._bytes += len(pcm)
        self._pending += pcm
        while len(self._pending) > self._frame_bytes:
            frame = bytes(self._pending[: self._frame_bytes])
            del self._pending[: self._frame_bytes]
            yield from self._add_speech(self._endpointer.process(frame))

    def finish(self) -> Iterator[Utterance]:
        """End the recording, and yield the last utterance."""
        if self._pending:
            yield from self._add_speech(self._endpointer.end_stream(bytes(self._pending)))
        if self._speech:
            yield self._cut(len(self._speech))

    def _add_speech(self, speech: bytes | None) -> Iterator[Utterance]:
        """Add what the endpointer found to be speech, and yield the utterance that ends with it."""
        if speech is None:
            return
        if not self._speech:
            self._start = self._endpointer.speech_start
        self._speech += speech
        if not self._endpointer.in_speech:
            yield self._cut(len(self._speech))
        elif len(self._speech) >= LONGEST_SECONDS * BYTES_PER_SECOND:
            yield self._cut(self._quietest())

    def _cut(self, at: int) -> Utterance:
        """Return the first `at` bytes of the speech as an utterance, and keep the rest."""
        utterance = Utterance(self._start, bytes(self._speech[:at]))
        del self._speech[:at]
        self._start += at / BYTES_PER_SECOND
        return utterance

    def _quietest(self) -> int:
        """Return the offset, in bytes, of the middle of the quietest block near the end."""
        samples = array("h", bytes(self._speech[-int(SEARCH_SECONDS * BYTES_PER_SECOND) :]))
        offset = len(self._speech) - BYTES_PER_SAMPLE * len(samples)
        starts = range(0, len(samples) - BLOCK, BLOCK)
        quietest = min(starts, key=lambda start: sum(map(abs, samples[start : start + BLOCK : 4])))
        return offset + BYTES_PER_SAMPLE * (quietest + BLOCK // 2)
