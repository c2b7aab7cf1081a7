"""Kokoro's network as an ONNX graph, computed by onnxruntime, one line at a time.

Graphs differ in the names of inputs and outputs, and hardly any tells how long each phoneme lasts. That is a
tensor inside of each, rounded and then clipped to one frame at least, and is made an output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from engines.adapters.kokoro.network import Check, Line, LineAudio, NetworkFacts
from engines.adapters.kokoro.onnx_files import graph_voices
from engines.adapters.kokoro.onnx_providers import choose_providers, device_of
from engines.adapters.kokoro.vocabulary import PAD, read_vocabulary
from engines.adapters.kokoro.voice_bank import WIDTH, Floats
from engines.api import Place, Stop
from engines.errors import EngineFailed
from engines.toolkit import pcm
from engines.toolkit.error_text import telling_line
from engines.toolkit.onnx_outputs import Node, add_output, nodes
from engines.toolkit.threads import cpu_threads

IDS = ("tokens", "input_ids")
STYLES = ("style", "ref_s")
SPEED = "speed"
"""names of inputs, in the exports that are known"""
TYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}
SILENT = 4
"""only what ends the process: the library's level of what it writes to stderr; errors are raised"""
SHRINK = ("memory.enable_memory_arena_shrinkage", "cpu:0")
"""gives memory back after each line: without, it keeps 700 MB behind a long one, and takes no less for short
ones
"""
ASK_SECONDS = 0.05
"""between two questions whether a line is still wanted, while it is computed"""


class Inputs(msgspec.Struct, frozen=True):
    """The names and types of a graph's inputs."""

    ids: str
    style: str
    types: dict[str, type[np.generic]]

    @property
    def has_speed(self) -> bool:
        """Whether any speed may be asked for: there are exports that take whole numbers only."""
        return issubclass(self.types.get(SPEED, np.int64), np.floating)

    def feed(self, ids: Sequence[int], row: Floats, speed: float) -> dict[str, NDArray[Any]]:
        """Return what a graph is given for a line."""
        values = {
            self.ids: np.asarray([[PAD, *ids, PAD]]),
            self.style: row.reshape(1, WIDTH),
            SPEED: np.asarray([speed]),
        }
        return {name: values[name].astype(kind) for name, kind in self.types.items()}


class OnnxNetwork:
    """The network by onnxruntime."""

    def __init__(self, graph: Path, folder: Path, place: Place) -> None:
        """Load a graph, and the rest from its folder. Raises EngineFailed."""
        self._graph = graph
        self.voices = graph_voices(folder)
        vocabulary, most = read_vocabulary(folder)
        self._session, self._has_durations, is_random = _open(graph, place)
        self._inputs = _read_inputs(self._session, graph)
        self._device = device_of(self._session.get_providers(), place.device)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kokoro-graph")
        self.facts = NetworkFacts(
            version=version("onnxruntime"),
            vocabulary=vocabulary,
            max_phonemes=most,
            device=self._device,
            words=self._has_durations,
            seed=not is_random,
            speed=(0.5, 2.0) if self._inputs.has_speed else (1.0, 1.0),
            light=True,
        )
        self._try(vocabulary)

    def _try(self, vocabulary: Mapping[str, int]) -> None:
        """Speak two phonemes, so that a graph of something else fails at once. Raises EngineFailed."""
        ids = list(vocabulary.values())[-2:]
        row = self.voices.voice(self.voices.names[0])[1]
        [spoken] = self.speak([Line(ids, row, 1.0, None)], lambda _: None)
        if not spoken.pcm or len(spoken.frames) not in (0, len(ids) + 2):
            raise EngineFailed(f"Kokoro's {self._graph} is the graph of another network: it says nothing.")

    def start_noise(self, seed: int) -> None:
        """Return nothing: the graph has its noise in itself."""

    def speak(self, lines: Sequence[Line], check: Check) -> Iterator[LineAudio]:
        """Yield the audio of lines, as Network has it."""
        for index, line in enumerate(lines):
            with suppress(Stop):
                check([index])
                sound, frames = self._run(line, check, index)
                yield LineAudio(index, pcm.from_floats(sound), frames)

    def _run(self, line: Line, check: Check, index: int) -> tuple[Floats, list[int]]:
        """Return the sound of a line and the frames of its phonemes. Raises Stop or EngineFailed."""
        options = onnxruntime.RunOptions()
        if self._device == "cpu":
            options.add_run_config_entry(*SHRINK)
        feed = self._inputs.feed(line.ids, line.voice, line.speed)
        computed = self._thread.submit(self._session.run, None, feed, options)
        _wait(computed, options, lambda: check([index]))
        try:
            sound, *others = computed.result()
        except Exception as exc:  # the library raises its own kinds, which are not exported
            raise EngineFailed(f"Kokoro's network failed: {telling_line(exc)}") from exc
        frames = np.rint(others[-1].reshape(-1)).astype(int).tolist() if self._has_durations else []
        return np.asarray(sound.reshape(-1), np.float32), frames


def _wait(computed: Future[Any], options: Any, check: Any) -> None:  # noqa: ANN401 - the library has no types
    """Wait for a line, asking now and then whether it is wanted; where `check` raises, end it and raise."""
    while not wait([computed], ASK_SECONDS).done:
        try:
            check()
        except BaseException:  # whatever it is: nobody would take what is computed
            options.terminate = True
            wait([computed])
            raise


def _open(graph: Path, place: Place) -> tuple[Any, bool, bool]:
    """Return a graph's session, whether its last output is durations, and whether it draws random numbers.

    Raises EngineFailed.
    """
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = cpu_threads(place.threads)
    settings.inter_op_num_threads = 1
    settings.log_severity_level = SILENT
    # threads that wait awake take the cores from whatever else runs
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = choose_providers(place.device, onnxruntime.get_available_providers(), settings)
    try:
        model = graph.read_bytes()
        graph_nodes = list(nodes(memoryview(model)))
        if durations := find_durations(graph_nodes):
            model = add_output(model, durations)  # by the same name, so that one copy of it is enough
        session = onnxruntime.InferenceSession(model, settings, providers=providers)
    except Exception as exc:  # the library raises its own kinds, which are not exported
        raise EngineFailed(f"Kokoro's {graph} cannot be loaded: {telling_line(exc)}") from exc
    is_random = any(node.kind.startswith("Random") for node in graph_nodes)
    return session, bool(durations), is_random


def find_durations(graph_nodes: Sequence[Node]) -> str:
    """Return the name of the tensor of how many frames each phoneme lasts; empty where there is none.

    It is what is first rounded and then made one at least. A name would not do: each exporter has its own.
    """
    made_by = {name: node for node in graph_nodes for name in node.outputs}

    def source(name: str) -> str:
        node = made_by.get(name)
        while node and node.kind == "Cast":
            node = made_by.get(node.inputs[0])
        return node.kind if node else ""

    found = [
        node.outputs[0]
        for node in graph_nodes
        if node.kind in ("Clip", "Max") and "Round" in map(source, node.inputs)
    ]
    return found[0] if len(found) == 1 else ""


def _read_inputs(session: Any, graph: Path) -> Inputs:  # noqa: ANN401 - the library has no types
    """Return the inputs of a graph. Raises EngineFailed where they are not Kokoro's."""
    types = {one.name: TYPES.get(one.type, np.float32) for one in session.get_inputs()}
    ids = next((name for name in IDS if name in types), "")
    style = next((name for name in STYLES if name in types), "")
    if not ids or not style or set(types) - {ids, style, SPEED}:
        raise EngineFailed(f"Kokoro's {graph} is the graph of another network: it wants {', '.join(types)}.")
    return Inputs(ids, style, types)
