"""Load a Qwen3-TTS by mlx-audio, and find what the library lets pass in silence, such as a missing codec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten

from engines.adapters.mlx.library import as_engine_failed, load_model
from engines.errors import EngineFailed

TITLE = "The Qwen3-TTS"
CODEC_FOLDER = "speech_tokenizer"
NEEDED = (
    ("model*.safetensors",),
    ("tokenizer_config.json",),
    ("vocab.json", "tokenizer.json"),
    (f"{CODEC_FOLDER}/config.json",),
    (f"{CODEC_FOLDER}/model*.safetensors",),
)
"""besides config.json: a file of each, as patterns"""


def load_qwen3(folder: Path, dtype: mx.Dtype | None) -> Any:  # noqa: ANN401 - the library's class has no types
    """Return the model of a folder; its codec and the encoder of speakers keep the numbers of their files,
    whatever the dtype. Raises EngineFailed.
    """
    for patterns in NEEDED:
        if not any(file.is_file() for pattern in patterns for file in folder.glob(pattern)):
            alternatives = " or ".join(str(folder / pattern) for pattern in patterns)
            raise EngineFailed(f"Qwen3-TTS's files are not there: {alternatives} is missing.")
    model = load_model("tts", TITLE, folder)
    if model.tokenizer is None or model.speech_tokenizer is None:
        part = "its tokenizer" if model.tokenizer is None else f"what is in its {CODEC_FOLDER}"
        raise EngineFailed(f"{TITLE} in {folder} cannot be loaded: {part} cannot be read.")
    _check_codec(folder, model)
    if dtype is not None:
        model.talker.set_dtype(dtype)
    return model


def _check_codec(folder: Path, model: Any) -> None:  # noqa: ANN401 - as above
    """Check that no weight of the codec is missing: the library would draw it at random.

    Raises EngineFailed.
    """
    codec = model.speech_tokenizer
    with as_engine_failed(TITLE, folder):
        weights: dict[str, mx.array] = {}
        for file in sorted((folder / CODEC_FOLDER).glob("*.safetensors")):
            weights.update(mx.load(str(file)))
        there = set(type(codec).sanitize(weights))
    # the encoder is for voices that are cloned with words alone
    parts = {"decoder": codec.decoder, "encoder_model": codec.encoder_model}
    missing = [
        name
        for part, module in parts.items()
        if module is not None
        for key, _ in tree_flatten(module.parameters())
        if (name := f"{part}.{key}") not in there and not _is_computed(name)
    ]
    if missing:
        raise EngineFailed(
            f"{TITLE} in {folder} is not whole: {len(missing)} weights of its {CODEC_FOLDER} are missing,"
            f" such as {missing[0]}."
        )


def _is_computed(name: str) -> bool:
    """Return whether a parameter is made of others, or of nothing, when the model is loaded."""
    return name.rpartition(".")[2].startswith("_") or name.endswith((".initialized", "inv_freq"))
