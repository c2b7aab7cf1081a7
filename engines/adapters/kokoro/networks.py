"""Open the network of a folder: by torch where its files are torch's, by onnxruntime where it has a graph."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from engines.adapters.kokoro.network import TORCH_WEIGHTS, Network, torch_weights
from engines.adapters.kokoro.onnx_files import find_graph
from engines.api import Place
from engines.errors import EngineFailed


def open_network(folder: Path, place: Place, *, batch: int = 0, precision: str = "") -> Network:
    """Return the network of a folder, at a place; nothing is imported that it does not need.

    `batch` is how many lines torch computes at once, 0 for what suits the device; `precision` is that of the
    graph, where a folder has several: fp32, fp16, int8. Raises EngineFailed.
    """
    has_weights = torch_weights(folder).exists()
    graph = None if has_weights else find_graph(folder, precision)
    if graph:
        from engines.adapters.kokoro.onnx_network import OnnxNetwork

        return OnnxNetwork(graph, folder, place)
    missing = [package for package in ("torch", "kokoro") if not find_spec(package)]
    if missing and has_weights:
        raise EngineFailed(
            f"Kokoro's {torch_weights(folder).name} needs {' and '.join(missing)}, not installed here:"
            " voicebox engines install main. Without torch it speaks from a graph: voicebox models pull"
            " kokoro-int8."
        )
    if missing:
        raise EngineFailed(
            f"Kokoro's files are not there: {folder} has neither an ONNX graph nor {TORCH_WEIGHTS}."
        )
    from engines.adapters.kokoro.torch_network import TorchNetwork

    return TorchNetwork(folder, place, batch)
