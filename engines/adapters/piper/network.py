"""A Piper voice's network: from the numbers of phonemes to sound, and how long each lasts.

Two things are changed in the graph when it is loaded: its random numbers become inputs, so that a seed
decides them, and how long each phoneme lasts becomes an output.
"""

from __future__ import annotations

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from engines.adapters.piper.config import VoiceFile
from engines.adapters.piper.noise_inputs import PREFIX, with_noise_inputs
from engines.api import Place
from engines.errors import EngineFailed
from engines.toolkit.error_text import telling_line
from engines.toolkit.onnx_outputs import nodes

Floats = NDArray[np.float32]
QUIET = 3
"""errors only: the library's level of what it writes to stderr"""
ONE_THREAD = 1
"""what a voice computes on where nothing is said: several jobs have a core each
"""
DURATIONS_KIND = "Ceil"
"""the only node of its kind rounds durations up to whole frames"""
NOISE_SIZE = 1 << 18
"""random numbers in an input: those of the sound are 192 for each frame of 12 ms, so they begin again after
16 seconds of a sentence
"""
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
"""onnxruntime's names of devices"""


class Scales(msgspec.Struct, frozen=True):
    """What a network is asked for."""

    noise: float
    """of the sound"""
    length: float
    """factor of all durations"""
    noise_w: float
    """of the durations"""


class Speech(msgspec.Struct, frozen=True, eq=False):
    """What a network gives."""

    sound: Floats
    starts: NDArray[np.int64]
    """the sample at which each id begins, and behind them where the last ends; nothing where the graph does
    not tell
    """


class Network:
    """The network of one voice. Safe to call from one thread at a time."""

    def __init__(self, voice: VoiceFile, place: Place) -> None:
        """Load a voice. Raises EngineFailed."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = place.threads or ONE_THREAD
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # it would keep what the longest phrase took
        options.log_severity_level = QUIET
        providers = choose_providers(place.device)
        try:
            model = memoryview(voice.graph.read_bytes())
            durations = [node.outputs[0] for node in nodes(model) if node.kind == DURATIONS_KIND]
            self.tells_durations = len(durations) == 1
            changed = with_noise_inputs(model, durations if self.tells_durations else ())
            self._session = onnxruntime.InferenceSession(changed, options, providers=providers)
        except Exception as exc:  # the library raises its own kinds, which are not exported
            raise EngineFailed(
                f"The Piper voice {voice.graph} cannot be loaded: {telling_line(exc)}"
            ) from exc
        self._inputs = [one.name for one in self._session.get_inputs()]

    def run(self, ids: list[int], scales: Scales, speaker: int, seed: int) -> Speech:
        """Return the sound of phonemes, given by their ids. Raises EngineFailed."""
        random = np.random.default_rng(seed)
        given = {
            "input": np.asarray([ids], np.int64),
            "input_lengths": np.asarray([len(ids)], np.int64),
            "scales": np.asarray([scales.noise, scales.length, scales.noise_w], np.float32),
            "sid": np.asarray([speaker], np.int64),
        }
        noise = {
            name: random.standard_normal(NOISE_SIZE, np.float32)
            for name in self._inputs
            if name.startswith(PREFIX)
        }
        inputs = {name: value for name, value in (given | noise).items() if name in self._inputs}
        try:
            outputs = self._session.run(None, inputs)
        except Exception as exc:  # as above
            raise EngineFailed(f"A Piper voice failed: {telling_line(exc)}") from exc
        sound = np.asarray(outputs[0], np.float32).reshape(-1)
        frames = np.rint(np.reshape(outputs[1:], -1)).astype(np.int64)
        samples = len(sound) // max(1, int(frames.sum()))
        return Speech(sound, samples * np.cumsum([0, *frames]))


def choose_providers(device: str) -> list[str]:
    """Return what onnxruntime calls the devices for a request: "auto" is the processor, on which these
    networks are quick. Raises EngineFailed where there is no such device.
    """
    if device in ("auto", "cpu"):
        return [PROVIDERS["cpu"]]
    available = onnxruntime.get_available_providers()
    here = [name for name, provider in PROVIDERS.items() if provider in available]
    if device not in here:
        raise EngineFailed(
            f"There is no device '{device}' for Piper here: it should be auto, {', '.join(here)}."
        )
    return [PROVIDERS[device], PROVIDERS["cpu"]]
