"""Load a Whisper by mlx-audio from a folder in the Hugging Face layout; one that is not whole is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import msgspec
from mlx.utils import tree_flatten
from mlx_audio.stt.models.whisper.whisper import Model, ModelDimensions
from mlx_audio.utils import apply_quantization, load_weights
from transformers import WhisperProcessor

from engines.adapters.mlx.library import as_engine_failed
from engines.adapters.whisper.checkpoint import CONFIG_FILE, GENERATION_FILE, check_folder, has_safetensors
from engines.errors import EngineFailed

TITLE = "The Whisper model"
POSITIONS = "model.encoder.embed_positions.weight"
NOT_READ = ("proj_out.weight",)
"""weights that some files have twice: the library takes those of the tokens"""


class LoadedWhisper(msgspec.Struct, frozen=True, eq=False):
    """A checkpoint's network, and what belongs to it."""

    network: Any
    """the library's"""
    processor: WhisperProcessor
    generation: dict[str, Any]
    """its generation_config.json; empty where there is none"""


def load_whisper(folder: str, dtype: mx.Dtype | None) -> LoadedWhisper:
    """Return the model of a folder; it computes in halves unless told otherwise. Raises EngineFailed."""
    path = check_folder(folder)
    if not has_safetensors(path):
        raise EngineFailed(f"{TITLE} in {path} cannot be loaded: MLX reads weights in safetensors only.")
    with as_engine_failed(TITLE, path):
        config = _read(path / CONFIG_FILE)
        generation = _read(path / GENERATION_FILE) if (path / GENERATION_FILE).is_file() else {}
        processor = WhisperProcessor.from_pretrained(path, local_files_only=True)
        network = Model(ModelDimensions.from_dict(config), dtype or mx.float16)
        published = load_weights(path)
        weights = network.sanitize({key: value for key, value in published.items() if key not in NOT_READ})
        apply_quantization(network, config, weights)
        _check_whole(network, weights, path)
        network.load_weights(list(weights.items()))
        if POSITIONS in published:  # the library computes them, as they are in all that OpenAI published
            network.encoder._positional_embedding = published[POSITIONS].astype(network.dtype)
        mx.eval(network.parameters(), network.encoder._positional_embedding)
        network.eval()
    return LoadedWhisper(network, processor, generation)


def _read(file: Path) -> dict[str, Any]:
    return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])


def _check_whole(network: Any, weights: dict[str, mx.array], folder: Path) -> None:  # noqa: ANN401 - without types
    """Check that no weight is missing. Raises EngineFailed."""
    missing = sorted({key for key, _ in tree_flatten(network.parameters())} - set(weights))
    if missing:
        lost = f"{len(missing)} weights are missing, such as {missing[0]}"
        raise EngineFailed(f"{folder} holds no whole Whisper model: {lost}.")
