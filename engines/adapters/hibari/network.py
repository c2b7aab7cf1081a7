"""Hibari's network: from phonemes to frames, and from frames to sound.

The network is an ONNX graph, which onnxruntime runs on one thread: with more the sums come out in another
order, a seed would not give the same samples everywhere, and it is no quicker. It gives five spectra for each
frame of 12.5 ms; the package's `dsp` makes the sound of them.

How long each phoneme lasts is computed in the graph too, but is none of its outputs: it is made one.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import onnxruntime
from hibari import dsp
from numpy.typing import NDArray

from engines.errors import EngineFailed
from engines.toolkit.error_text import telling_line
from engines.toolkit.onnx_outputs import add_output

Floats = NDArray[np.float32]
RATE = 24_000
"""Hertz"""
BIN_HERTZ = 20.0
"""between two bins of a spectrum"""
SAMPLES_PER_STEP = 600
"""in which durations are counted: 25 ms, two frames"""
DURATIONS = "/Clip_output_0"
"""the tensor of durations in steps, [1, phonemes], in the graphs of all of Hibari's voices that were seen"""
EDGE = 0
"""the id before the first and behind the last phoneme"""
QUIET = 3
"""errors only: the library's level of what it writes to stderr"""


class Frames(msgspec.Struct, frozen=True, eq=False):
    """What the network gives for a chunk; spectra are [601, frames], of natural logarithms where so named."""

    harmonic_log: Floats
    harmonic_phase: Floats
    """before tanh, which gives it in half turns"""
    noise_log: Floats
    free_log: Floats
    free_phase: Floats
    fundamental: Floats
    """[frames], Hertz; 0 where there is no voice"""
    durations: NDArray[np.int64]
    """in steps of 25 ms, one for each id"""


class Network:
    """The network of one voice. Safe to call from one thread at a time."""

    def __init__(self, file: Path) -> None:
        """Load a voice's file. Raises EngineFailed."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # it would keep what the longest phrase took
        options.log_severity_level = QUIET
        try:
            model = add_output(file.read_bytes(), DURATIONS)
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as exc:  # the library raises its own kinds, which are not exported
            raise EngineFailed(f"Hibari's voice {file} cannot be loaded: {telling_line(exc)}") from exc

    def run(self, ids: list[int], speed: float) -> Frames:
        """Return the frames of some phonemes, given by their ids. Raises EngineFailed."""
        inputs = {
            "ids": np.asarray([[EDGE, *ids, EDGE]], np.int64),
            "speed": np.asarray([speed], np.float32),
        }
        try:
            *spectra, durations = self._session.run(None, inputs)
        except Exception as exc:  # as above
            raise EngineFailed(f"Hibari's network failed: {telling_line(exc)}") from exc
        log, phase, noise_log, free_log, free_phase, fundamental = (spectrum[0] for spectrum in spectra)
        steps = np.rint(durations.reshape(-1)).astype(np.int64)
        return Frames(log, phase, noise_log, free_log, free_phase, fundamental, steps)


def render(frames: Frames, noise: np.random.Generator) -> Floats:
    """Return the sound of frames, as floats that hardly ever leave [-1, 1]."""
    sound = dsp.synth(
        frames.harmonic_log,
        frames.harmonic_phase,
        frames.noise_log,
        frames.free_log,
        frames.free_phase,
        frames.fundamental,
        noise,
    )
    return np.asarray(sound, np.float32)
