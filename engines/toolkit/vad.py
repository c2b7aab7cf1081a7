"""Where in a recording somebody speaks: Silero's network, run by onnxruntime, without torch.

The network looks at frames of 32 ms, each behind the last 4 ms of the one before, and carries a state from
frame to frame. Its file comes with `silero-vad`, whose code is never imported (that brings torch along, and
leaves it with a single thread), or with `faster-whisper`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import EngineFailed

Floats = NDArray[np.float32]
Span = tuple[float, float]
"""seconds from the start of the recording: begin, end"""
RATE = 16_000
FRAME, CONTEXT = 512, 64
FRAME_SECONDS = FRAME / RATE
STATE = 128
BATCH = 1000
"""frames that go through the network in one call, at most"""
SPEAKS, SILENT = 0.5, 0.35
"""probabilities above which speech begins, and below which it pauses: Silero's own"""
PAUSE = 2.0
PADDING = 0.4
LEAST = 0.15
"""seconds of speech that a stretch must have: a click is no word"""
MISSING = "Voice detection needs the package `{}`: install it, or set the option `vad: false`."
ERRORS = 3
"""onnxruntime's level of logging; warnings are about how the file was exported"""
FILES = (("silero_vad", "data/silero_vad_16k_sequence.onnx"), ("faster_whisper", "assets/silero_vad_v6.onnx"))


class Silero:
    """The network, loaded. It keeps nothing of any recording, and may serve several. Raises EngineFailed."""

    def __init__(self, path: Path | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as exc:
            raise EngineFailed(MISSING.format("onnxruntime")) from exc
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a frame is too small to be shared
        options.log_severity_level = ERRORS
        path = path or _installed()
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as exc:  # onnxruntime's exceptions have no common class of their own
            raise EngineFailed(f"The voice detector's network cannot be loaded from {path}: {exc}") from exc

    def run(self, frames: Floats, state: tuple[Floats, Floats]) -> tuple[Floats, tuple[Floats, Floats]]:
        """Give each frame's probability of speech, and the state after the last: frames are rows of CONTEXT
        and FRAME samples.
        """
        heard, hidden, cell = self._session.run(None, {"input": frames, "h": state[0], "c": state[1]})
        return np.ravel(heard), (hidden, cell)


class Probabilities:
    """Probabilities of speech, frame by frame, of one recording that comes in."""

    def __init__(self, silero: Silero) -> None:
        self._silero = silero
        self._state = (np.zeros((1, 1, STATE), np.float32), np.zeros((1, 1, STATE), np.float32))
        self._samples: Floats = np.zeros(CONTEXT, np.float32)
        self._odd = b""

    def push(self, pcm: bytes) -> Iterator[float]:
        """Take some more s16le PCM, and give the probabilities of the frames that are whole now."""
        pcm = self._odd + pcm
        whole = len(pcm) - len(pcm) % 2
        self._odd = pcm[whole:]
        self._samples = np.concatenate(
            [self._samples, np.frombuffer(pcm[:whole], "<i2").astype(np.float32) / 32768]
        )
        while len(self._samples) >= CONTEXT + FRAME:
            yield from self._take(min(BATCH, (len(self._samples) - CONTEXT) // FRAME))

    def finish(self) -> Iterator[float]:
        """Give the probability of what is left, which is less than a frame."""
        if len(self._samples) > CONTEXT:
            self._samples = np.pad(self._samples, (0, CONTEXT + FRAME - len(self._samples)))
            yield from self._take(1)

    def _take(self, count: int) -> list[float]:
        rows = np.lib.stride_tricks.sliding_window_view(self._samples, CONTEXT + FRAME)[
            : count * FRAME : FRAME
        ]
        heard, self._state = self._silero.run(np.ascontiguousarray(rows), self._state)
        self._samples = self._samples[count * FRAME :]
        return [float(one) for one in heard]


class Speech:
    """The stretches of speech in one recording that comes in: each ends at a pause, and takes `padding`
    seconds of it along.
    """

    def __init__(self, silero: Silero, *, pause: float = PAUSE, padding: float = PADDING) -> None:
        self._probabilities = Probabilities(silero)
        self._pause = round(pause / FRAME_SECONDS)
        self._padding = padding
        self._bytes = 0
        self._frames = 0
        self._first: int | None = None
        """frame at which the stretch that goes on begins"""
        self._last = 0
        """frame after its last one with speech"""
        self._spoken = 0
        """frames with speech in it"""
        self._before = 0.0
        """end of the stretch before"""

    @property
    def seconds(self) -> float:
        """How much has come in."""
        return self._bytes / (2 * RATE)

    @property
    def begun(self) -> float | None:
        """Where the stretch begins that goes on still."""
        if self._first is None or self._spoken * FRAME_SECONDS < LEAST:
            return None
        return max(self._before, self._first * FRAME_SECONDS - self._padding)

    @property
    def spoken(self) -> float:
        """Where the last speech ends that was heard."""
        return self._last * FRAME_SECONDS

    @property
    def settled(self) -> float:
        """The seconds of which it is known that no speech is in them, or in which stretch it is."""
        first = self._frames if self._first is None else self._first
        return max(self._before, first * FRAME_SECONDS - self._padding)

    def push(self, pcm: bytes) -> list[Span]:
        """Take some more s16le PCM at 16 kHz, and give the stretches that have ended."""
        self._bytes += len(pcm)
        return [span for heard in self._probabilities.push(pcm) for span in self._judge(heard)]

    def finish(self) -> list[Span]:
        """End the recording, and give the last stretch."""
        spans = [span for heard in self._probabilities.finish() for span in self._judge(heard)]
        return [*spans, *self._end()]

    def _judge(self, heard: float) -> list[Span]:
        speaks = heard >= (SPEAKS if self._first is None else SILENT)
        if speaks:
            self._first = self._frames if self._first is None else self._first
            self._last = self._frames + 1
            self._spoken += 1
        self._frames += 1
        return self._end() if self._frames - self._last >= self._pause else []

    def _end(self) -> list[Span]:
        begin = self.begun
        self._first, self._spoken = None, 0
        if begin is None:
            return []
        self._before = min(self.seconds, self._last * FRAME_SECONDS + self._padding)
        return [(begin, self._before)]


def speech_spans(pcm: bytes, silero: Silero | None = None, *, pause: float = PAUSE) -> list[Span]:
    """Find the stretches of speech in a whole recording: s16le mono PCM at 16 kHz. Raises EngineFailed."""
    speech = Speech(silero or Silero(), pause=pause)
    return [*speech.push(pcm), *speech.finish()]


def _installed() -> Path:
    """Find the network in what is installed, importing none of it. Raises EngineFailed."""
    for package, name in FILES:
        spec = find_spec(package)
        if spec and spec.origin and (path := Path(spec.origin).parent / name).is_file():
            return path
    raise EngineFailed(MISSING.format("silero-vad"))
