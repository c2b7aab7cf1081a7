"""Voice activity detection: where in a recording somebody speaks, by Silero's network, run by onnxruntime.

The network judges frames of 32 ms, each behind the last 4 ms of the one before, and carries a state from
frame to frame. Its file comes with `silero-vad`, whose code is never imported (that brings torch along, and
leaves it with a single thread), or with `faster-whisper`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.api import BYTES_PER_SAMPLE
from engines.errors import EngineFailed
from engines.toolkit.pcm import to_floats

Floats = NDArray[np.float32]
Span = tuple[float, float]
"""seconds from the start of the recording: begin, end"""
SAMPLE_RATE = 16_000
FRAME_SAMPLES = 512
CONTEXT_SAMPLES = 64
"""samples of the frame before that go along with each frame"""
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
STATE_SIZE = 128
MAX_BATCH_FRAMES = 1000
"""frames that go through the network in one call, at most"""
SPEECH_THRESHOLD = 0.5
"""probability from which speech begins: Silero's own"""
SILENCE_THRESHOLD = 0.35
"""probability below which speech pauses: Silero's own"""
PAUSE_SECONDS = 2.0
PADDING_SECONDS = 0.4
MIN_SPEECH_SECONDS = 0.15
"""seconds of speech that a span must have: a click is no word"""
MISSING_PACKAGE = "Voice detection needs the package `{}`: install it, or set the option `vad: false`."
LOG_ERRORS_ONLY = 3
"""onnxruntime's level of logging; warnings are about how the file was exported"""
NETWORK_FILES = (
    ("silero_vad", "data/silero_vad_16k_sequence.onnx"),
    ("faster_whisper", "assets/silero_vad_v6.onnx"),
)
"""packages that bring the network, and where it lies in them"""


class Silero:
    """Silero's network, loaded. It keeps nothing of a recording, and may serve several.

    Raises EngineFailed.
    """

    def __init__(self, path: Path | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as exc:
            raise EngineFailed(MISSING_PACKAGE.format("onnxruntime")) from exc
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a frame is too small to be shared
        options.inter_op_num_threads = 1
        options.log_severity_level = LOG_ERRORS_ONLY
        path = path or _installed_network()
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as exc:  # onnxruntime's exceptions have no common class of their own
            raise EngineFailed(f"The voice detector's network cannot be loaded from {path}: {exc}") from exc

    def run(self, frames: Floats, state: tuple[Floats, Floats]) -> tuple[Floats, tuple[Floats, Floats]]:
        """Return each frame's probability of speech, and the state after the last.

        Frames are rows of CONTEXT_SAMPLES + FRAME_SAMPLES samples.
        """
        probabilities, hidden, cell = self._session.run(None, {"input": frames, "h": state[0], "c": state[1]})
        return np.ravel(probabilities), (hidden, cell)


class SpeechProbabilities:
    """The probabilities of speech, frame by frame, of one recording that comes in."""

    def __init__(self, silero: Silero) -> None:
        self._silero = silero
        self._state = (np.zeros((1, 1, STATE_SIZE), np.float32), np.zeros((1, 1, STATE_SIZE), np.float32))
        self._samples: Floats = np.zeros(CONTEXT_SAMPLES, np.float32)
        self._partial_sample = b""

    def push(self, pcm: bytes) -> Iterator[float]:
        """Add s16le PCM of any length, and yield the probabilities of the frames that are complete now."""
        pcm = self._partial_sample + pcm
        whole = len(pcm) - len(pcm) % BYTES_PER_SAMPLE
        self._partial_sample = pcm[whole:]
        self._samples = np.concatenate([self._samples, to_floats(pcm[:whole])])
        while len(self._samples) >= CONTEXT_SAMPLES + FRAME_SAMPLES:
            complete = (len(self._samples) - CONTEXT_SAMPLES) // FRAME_SAMPLES
            yield from self._run(min(MAX_BATCH_FRAMES, complete))

    def finish(self) -> Iterator[float]:
        """End the recording, and yield the probability of what is left, which is less than a frame."""
        if len(self._samples) > CONTEXT_SAMPLES:
            self._samples = np.pad(self._samples, (0, CONTEXT_SAMPLES + FRAME_SAMPLES - len(self._samples)))
            yield from self._run(1)

    def _run(self, count: int) -> list[float]:
        """Return the probabilities of the next `count` frames."""
        rows = np.lib.stride_tricks.sliding_window_view(self._samples, CONTEXT_SAMPLES + FRAME_SAMPLES)
        frames = np.ascontiguousarray(rows[: count * FRAME_SAMPLES : FRAME_SAMPLES])
        probabilities, self._state = self._silero.run(frames, self._state)
        self._samples = self._samples[count * FRAME_SAMPLES :]
        return [float(probability) for probability in probabilities]


class SpeechDetector:
    """Finds the spans of speech in one recording that comes in.

    A span ends at a pause of `pause` seconds; `padding` seconds of silence belong to it at either end.
    """

    def __init__(
        self, silero: Silero, *, pause: float = PAUSE_SECONDS, padding: float = PADDING_SECONDS
    ) -> None:
        self._probabilities = SpeechProbabilities(silero)
        self._pause_frames = round(pause / FRAME_SECONDS)
        self._padding = padding
        self._received_bytes = 0
        self._frame_count = 0
        self._first_frame: int | None = None
        """frame at which the current span begins"""
        self._end_frame = 0
        """frame after the last one with speech"""
        self._speech_frames = 0
        """frames with speech in the current span"""
        self._previous_end = 0.0
        """end of the span before, in seconds"""

    @property
    def received_seconds(self) -> float:
        """Seconds that have come in."""
        return self._received_bytes / (BYTES_PER_SAMPLE * SAMPLE_RATE)

    @property
    def current_start(self) -> float | None:
        """Where the span begins that has not ended yet, in seconds; None where there is none."""
        if self._first_frame is None or self._speech_frames * FRAME_SECONDS < MIN_SPEECH_SECONDS:
            return None
        return max(self._previous_end, self._first_frame * FRAME_SECONDS - self._padding)

    @property
    def last_speech_end(self) -> float:
        """Where the last speech so far ends, in seconds."""
        return self._end_frame * FRAME_SECONDS

    @property
    def decided_seconds(self) -> float:
        """Seconds from the start that are known to be in an ended span, or without speech."""
        first = self._frame_count if self._first_frame is None else self._first_frame
        return max(self._previous_end, first * FRAME_SECONDS - self._padding)

    def push(self, pcm: bytes) -> list[Span]:
        """Add s16le PCM at 16 kHz, and return the spans that have ended."""
        self._received_bytes += len(pcm)
        return [
            span for probability in self._probabilities.push(pcm) for span in self._add_frame(probability)
        ]

    def finish(self) -> list[Span]:
        """End the recording, and return the spans that are left."""
        spans = [
            span for probability in self._probabilities.finish() for span in self._add_frame(probability)
        ]
        return [*spans, *self._end_span()]

    def _add_frame(self, probability: float) -> list[Span]:
        """Add a frame by its probability of speech, and return the span that ends at it, if one does."""
        if probability >= (SPEECH_THRESHOLD if self._first_frame is None else SILENCE_THRESHOLD):
            self._first_frame = self._frame_count if self._first_frame is None else self._first_frame
            self._end_frame = self._frame_count + 1
            self._speech_frames += 1
        self._frame_count += 1
        return self._end_span() if self._frame_count - self._end_frame >= self._pause_frames else []

    def _end_span(self) -> list[Span]:
        """End the current span, and return it if it has enough speech in it."""
        start = self.current_start
        self._first_frame = None
        self._speech_frames = 0
        if start is None:
            return []
        self._previous_end = min(self.received_seconds, self._end_frame * FRAME_SECONDS + self._padding)
        return [(start, self._previous_end)]


def speech_spans(pcm: bytes, silero: Silero | None = None, *, pause: float = PAUSE_SECONDS) -> list[Span]:
    """Return the spans of speech in a whole recording: s16le mono PCM at 16 kHz. Raises EngineFailed."""
    detector = SpeechDetector(silero or Silero(), pause=pause)
    return [*detector.push(pcm), *detector.finish()]


def _installed_network() -> Path:
    """Return the network's file in an installed package, importing none of it. Raises EngineFailed."""
    for package, name in NETWORK_FILES:
        spec = find_spec(package)
        if spec and spec.origin and (path := Path(spec.origin).parent / name).is_file():
            return path
    raise EngineFailed(MISSING_PACKAGE.format("silero-vad"))
