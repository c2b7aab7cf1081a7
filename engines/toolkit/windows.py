"""Windows of a recording that comes in: 30 seconds or less, which a model transcribes at once.

A window begins where the text of the one before ended, which only the model can tell (`advance`). With voice
detection it begins where somebody speaks, and ends at the latest at a pause: silence, of which Whisper makes
words that nobody said, is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from engines.api import BYTES_PER_SAMPLE
from engines.toolkit.pcm import to_floats
from engines.toolkit.vad import SAMPLE_RATE, Floats, Silero, SpeechDetector

HOP_LENGTH = 160
"""samples from one frame of Whisper's spectrum to the next; windows begin on a multiple of it, as in the
whole recording's spectrum
"""
MAX_WINDOW_SAMPLES = 30 * SAMPLE_RATE
CONTEXT_SAMPLES = 2 * HOP_LENGTH
"""samples known on either side of a window, so that its spectrum is that of the whole recording"""
PAUSE_SECONDS = 3.0
"""seconds of silence that end a window. Each window costs as much as 30 s of speech: shorter pauses are left
to the model
"""
MIN_REMAINDER_SAMPLES = round(0.25 * SAMPLE_RATE)
"""samples at the end of a span of speech that are a window of their own; fewer are dropped, as the model has
had their beginning, and ended before
"""
PADDING_SAMPLES = round(0.4 * SAMPLE_RATE)
"""samples of silence at either end of a span of speech that belong to its windows"""


class Window(msgspec.Struct):
    """A stretch of a recording that is transcribed at once."""

    start: float
    """seconds from the start of the recording"""
    samples_with_context: Floats
    """its samples, and some of those before and after it"""
    context_before: int
    """samples of these that are before the window"""
    context_after: int
    """samples of these that are after the window"""

    @property
    def samples(self) -> Floats:
        """The window's samples, without context."""
        return self.samples_with_context[
            self.context_before : len(self.samples_with_context) - self.context_after
        ]

    def recording_time(self, seconds: float) -> float:
        """Return the time in the recording of a time in the window.

        A model may name one behind the window's end, which becomes the end.
        """
        return round(self.start + min(float(seconds), len(self.samples) / SAMPLE_RATE), 2)


class Windows:
    """The windows of one recording.

    `report_progress` is called with the seconds that are processed whenever more audio has come in; it may
    raise.
    """

    def __init__(
        self,
        audio: Iterator[bytes],
        silero: Silero | None,
        report_progress: Callable[[float], None],
    ) -> None:
        self._audio = audio
        self._report_progress = report_progress
        self._detector = SpeechDetector(silero, pause=PAUSE_SECONDS, padding=0.0) if silero else None
        self._speech_spans: list[tuple[int, int]] = []
        self._pcm = bytearray()
        self._pcm_start = 0
        """position of the first sample that is kept; positions count samples from the recording's start"""
        self._position = 0
        """where the next window begins at the earliest"""
        self._processed = 0
        self._ended = False

    @property
    def duration(self) -> float:
        """Seconds that have come in."""
        return self._received / SAMPLE_RATE

    @property
    def processed_seconds(self) -> float:
        """Seconds that are transcribed, or found to be without speech. It never goes back."""
        silent = 0
        if self._detector and not self._speech_spans:
            silent = round(self._detector.decided_seconds * SAMPLE_RATE) - PADDING_SAMPLES
        self._processed = max(self._processed, self._position, min(self._received, silent))
        return self._processed / SAMPLE_RATE

    def advance(self, seconds: float) -> None:
        """Set how much of the window is transcribed: the next one begins there."""
        hops = max(1, round(seconds * SAMPLE_RATE / HOP_LENGTH))
        self._position = min(self._position + hops * HOP_LENGTH, self._received)

    def next_window(self) -> Window | None:
        """Wait for the next window and return it; None at the recording's end."""
        while True:
            if window := self._complete_window():
                return window
            if self._ended:
                return None
            self._read()
            self._report_progress(self.processed_seconds)

    @property
    def _received(self) -> int:
        """Samples that have come in."""
        return self._pcm_start + len(self._pcm) // BYTES_PER_SAMPLE

    def _read(self) -> None:
        """Wait for the next chunk of audio, and find the spans of speech that end in it."""
        chunk = next(self._audio, None)
        if chunk is None:
            self._ended = True
            found = self._detector.finish() if self._detector else []
        else:
            self._pcm += chunk
            found = self._detector.push(chunk) if self._detector else []
        self._speech_spans += [(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)) for start, end in found]

    def _complete_window(self) -> Window | None:
        """Return the next window if all of it has come in."""
        speech = self._next_speech()
        if speech is None:
            self._discard_before(round(self.processed_seconds * SAMPLE_RATE) - CONTEXT_SAMPLES - HOP_LENGTH)
            return None
        start, end, is_over = speech
        self._position = start
        self._discard_before(start - CONTEXT_SAMPLES)
        if not is_over and end < start + MAX_WINDOW_SAMPLES:
            return None
        end = min(end, start + MAX_WINDOW_SAMPLES)
        return self._make_window(start, end - (end - start) % HOP_LENGTH)

    def _next_speech(self) -> tuple[int, int, bool] | None:
        """Return where the next window begins, where its span of speech ends so far, and if that is over.

        None where no speech is known of. Without voice detection the whole recording counts as speech.
        """
        end_so_far = self._received - CONTEXT_SAMPLES
        if self._detector is None:
            if not self._ended:
                return self._position, end_so_far, False
            is_left = self._position + HOP_LENGTH <= self._received
            return (self._position, self._received, True) if is_left else None
        while self._speech_spans and self._is_processed(*self._speech_spans[0]):
            self._speech_spans.pop(0)
        if self._speech_spans:
            start, end = self._speech_spans[0]
            return self._window_start(start), min(self._received, end + PADDING_SAMPLES), True
        if self._detector.current_start is None:
            return None
        return (
            self._window_start(round(self._detector.current_start * SAMPLE_RATE)),
            min(end_so_far, round(self._detector.last_speech_end * SAMPLE_RATE) + PADDING_SAMPLES),
            False,
        )

    def _is_processed(self, start: int, end: int) -> bool:
        """Tell whether a span of speech is transcribed."""
        return (
            self._position > max(0, start - PADDING_SAMPLES) and self._position + MIN_REMAINDER_SAMPLES > end
        )

    def _window_start(self, speech_start: int) -> int:
        """Return where the window begins in which speech begins, or goes on."""
        start = max(0, speech_start - PADDING_SAMPLES)
        return max(self._position, start - start % HOP_LENGTH)

    def _make_window(self, start: int, end: int) -> Window:
        """Return the window between two positions, with its context."""
        first = max(self._pcm_start, start - CONTEXT_SAMPLES)
        last = min(self._received, end + CONTEXT_SAMPLES)
        first_byte = BYTES_PER_SAMPLE * (first - self._pcm_start)
        last_byte = BYTES_PER_SAMPLE * (last - self._pcm_start)
        samples = to_floats(bytes(self._pcm[first_byte:last_byte]))
        return Window(start / SAMPLE_RATE, samples, start - first, last - end)

    def _discard_before(self, position: int) -> None:
        """Discard the audio before a position, if there is any."""
        if position > self._pcm_start:
            del self._pcm[: BYTES_PER_SAMPLE * (position - self._pcm_start)]
            self._pcm_start = position
