"""Small models in the files that mlx-audio reads, made of the ones for torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import numpy as numpy_files
from safetensors.torch import save_file

KOKORO_WEIGHTS = "kokoro-v1_0.safetensors"


def kokoro(target: Path) -> Path:
    """Write a Kokoro into a folder, in the files of mlx-community's conversions, and return it."""
    import tiny_kokoro

    source = tiny_kokoro.folder()
    (target / "config.json").write_bytes((source / "config.json").read_bytes())
    parts = torch.load(source / "kokoro-v1_0.pth", weights_only=True)
    weights = {
        f"{part}.{key.removeprefix('module.')}": value.float().contiguous()
        for part, state in parts.items()
        for key, value in state.items()
    }
    save_file(weights, target / KOKORO_WEIGHTS)
    (target / "voices").mkdir()
    for file in (source / "voices").glob("*.pt"):
        voice = {"voice": torch.load(file, weights_only=True)}
        save_file(voice, target / "voices" / f"{file.stem}.safetensors")
    return target


def whisper(target: Path) -> Path:
    """Write a Whisper into a folder, and return it. Its inner layers are four times as wide as the others, as those of
    all that OpenAI published are and the library takes for granted: what is added to them is zero.
    """
    import tiny_whisper

    tiny_whisper.make_whisper(target)
    file, width = target / "model.safetensors", 4 * tiny_whisper.SIZE
    weights = numpy_files.load_file(file)
    numpy_files.save_file({name: _widened(name, value, width) for name, value in weights.items()}, file)
    config = json.loads((target / "config.json").read_text())
    config |= {"encoder_ffn_dim": width, "decoder_ffn_dim": width}
    (target / "config.json").write_text(json.dumps(config))
    return target


def _widened(name: str, value: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    axis = 1 if ".fc2.weight" in name else 0 if ".fc1." in name else None
    if axis is None:
        return value
    missing = [(0, width - size if index == axis else 0) for index, size in enumerate(value.shape)]
    return np.pad(value, missing)
