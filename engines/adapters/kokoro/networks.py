"""Open the network of a folder: by torch where its files are torch's, by onnxruntime where it has a graph."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from engines.adapters.kokoro.network import TORCH_WEIGHTS, Network, Options, torch_weights
from engines.adapters.kokoro.onnx_files import find_graph
from engines.errors import EngineFailed


def open_network(folder: Path, options: Options) -> Network:
    """Return the network of a folder; nothing is imported that it does not need. Raises EngineFailed."""
    has_weights = torch_weights(folder).exists()
    graph = None if has_weights else find_graph(folder, options.precision)
    if graph:
        from engines.adapters.kokoro.onnx_network import OnnxNetwork

        return OnnxNetwork(graph, folder, options)
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

    return TorchNetwork(folder, options.device, options.batch)
