"""Cut a recording that comes in into the windows that Whisper hears, each of 30 seconds or less.

A window begins where the last one's words ended, which only the model can tell (`advance`). With voice
detection it begins where somebody speaks, and ends at the latest at a pause: silence, in which Whisper hears
words that nobody said, is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.api import EmitTranscription, TranscriptionEvent
from engines.toolkit.vad import Silero, Speech

Floats = NDArray[np.float32]
RATE = 16_000
STEP = 160
"""samples to a frame of Whisper's spectrum; windows begin on a multiple of it, as in the whole recording's
spectrum
"""
LONGEST = 30 * RATE
CONTEXT = 2 * STEP
"""samples known on either side of a window, so that its spectrum is that of the whole recording"""
PAUSE = 3.0
"""seconds of silence that end a window. Each window costs as much as 30 s of speech: shorter pauses are left
to the model
"""
REST = round(0.25 * RATE)
"""a stretch's last samples of speech that are no window of their own: the model has heard their beginning,
and ended before
"""
PADDING = round(0.4 * RATE)
"""samples of silence that a stretch of speech takes along at either end"""


class Unwanted(Exception):
    """Nobody wants the rest."""


def telling(emit: EmitTranscription) -> Callable[[TranscriptionEvent], None]:
    """Give an `emit` that raises Unwanted instead of answering False."""

    def tell(event: TranscriptionEvent) -> None:
        if not emit(event):
            raise Unwanted

    return tell


class Window(msgspec.Struct):
    """What is heard at once. `samples` are its own, with `before` and `after` samples of what surrounds it."""

    start: float
    """seconds from the start of the recording"""
    samples: Floats
    before: int
    after: int

    @property
    def own(self) -> Floats:
        """Its own samples alone."""
        return self.samples[self.before : len(self.samples) - self.after]

    def time(self, seconds: float) -> float:
        """Give the recording's time for one of the window. A model may name one behind the window's end: it
        is taken for that.
        """
        return round(self.start + min(float(seconds), len(self.own) / RATE), 2)


class Windows:
    """The windows of one recording. `tell` is told the seconds that are done with whenever more has come in,
    and may raise.
    """

    def __init__(self, audio: Iterator[bytes], silero: Silero | None, tell: Callable[[float], None]) -> None:
        self._audio = audio
        self._tell = tell
        self._speech = Speech(silero, pause=PAUSE, padding=0.0) if silero else None
        self._stretches: list[tuple[int, int]] = []
        self._pcm = bytearray()
        self._base = 0
        """position of the first sample that is kept; positions count samples from the recording's start"""
        self._seek = 0
        self._done = 0
        self._ended = False

    @property
    def duration(self) -> float:
        """Seconds that have come in."""
        return self._length / RATE

    @property
    def done(self) -> float:
        """Seconds that are done with: heard, or without speech. It never goes back."""
        quiet = round(self._speech.settled * RATE) - PADDING if self._speech and not self._stretches else 0
        self._done = max(self._done, self._seek, min(self._length, quiet))
        return self._done / RATE

    def advance(self, seconds: float) -> None:
        """Say how much of the window has been heard: the next one begins there."""
        self._seek = min(self._seek + max(1, round(seconds * RATE / STEP)) * STEP, self._length)

    def next(self) -> Window | None:
        """Wait for the next window; None at the recording's end."""
        while True:
            if window := self._known():
                return window
            if self._ended:
                return None
            self._read()
            self._tell(self.done)

    @property
    def _length(self) -> int:
        return self._base + len(self._pcm) // 2

    def _read(self) -> None:
        chunk = next(self._audio, None)
        if chunk is None:
            self._ended = True
            found = self._speech.finish() if self._speech else []
        else:
            self._pcm += chunk
            found = self._speech.push(chunk) if self._speech else []
        self._stretches += [(round(start * RATE), round(end * RATE)) for start, end in found]

    def _known(self) -> Window | None:
        """Give the next window if all of it has come in."""
        stretch = self._stretch()
        if stretch is None:
            self._forget(round(self.done * RATE) - CONTEXT - STEP)
            return None
        start, end, over = stretch
        self._seek = start
        self._forget(start - CONTEXT)
        if not over and end < start + LONGEST:
            return None
        end = min(end, start + LONGEST)
        return self._cut(start, end - (end - start) % STEP)

    def _stretch(self) -> tuple[int, int, bool] | None:
        """Give where to go on, if that is known, where that stretch of speech ends so far, and whether it is
        over.
        """
        so_far = self._length - CONTEXT
        if self._speech is None:
            if not self._ended:
                return self._seek, so_far, False
            return (self._seek, self._length, True) if self._seek + STEP <= self._length else None
        while self._stretches and self._heard(*self._stretches[0]):
            self._stretches.pop(0)
        if self._stretches:
            start, end = self._stretches[0]
            return self._from(start), min(self._length, end + PADDING), True
        if self._speech.begun is None:
            return None
        return (
            self._from(round(self._speech.begun * RATE)),
            min(so_far, round(self._speech.spoken * RATE) + PADDING),
            False,
        )

    def _heard(self, start: int, end: int) -> bool:
        """Tell whether a stretch of speech is done with."""
        return self._seek > max(0, start - PADDING) and self._seek + REST > end

    def _from(self, start: int) -> int:
        start = max(0, start - PADDING)
        return max(self._seek, start - start % STEP)

    def _cut(self, start: int, end: int) -> Window:
        first, last = max(self._base, start - CONTEXT), min(self._length, end + CONTEXT)
        pcm = bytes(self._pcm[2 * (first - self._base) : 2 * (last - self._base)])
        samples: Floats = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
        return Window(start / RATE, samples, start - first, last - end)

    def _forget(self, before: int) -> None:
        if before > self._base:
            del self._pcm[: 2 * (before - self._base)]
            self._base = before
