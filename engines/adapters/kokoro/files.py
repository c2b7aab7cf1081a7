"""Kokoro's files for torch, from a local folder only: `config.json`, `kokoro-v1_0.pth` and `voices/*.pt`, as
they are published.

Nothing is unpickled but tensors, and nothing is ever downloaded.
"""

from __future__ import annotations

import io
import json
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
from kokoro import KModel
from torch import Tensor

from engines.adapters.kokoro.network import torch_weights
from engines.adapters.kokoro.voice_bank import Floats, VoiceBank, check_shape
from engines.errors import EngineFailed
from engines.toolkit.error_text import telling_line

REPOSITORY = "hexgrad/Kokoro-82M"
CONFIG = "config.json"
VOICES = "voices"
PUBLISHED_PREFIX = "module."
"""what the published weights' names begin with"""
NOT_PUBLISHED = (".norm.weight", ".norm.bias")
"""of the network's weights, those that its authors added later and left at one and zero"""


def load_network(folder: Path, device: torch.device) -> KModel:
    """Return the network of a folder, on a device. Raises EngineFailed."""
    config = _read_config(folder / CONFIG)
    weights_file = torch_weights(folder)
    weights = _read_weights(weights_file)
    no_weights = io.BytesIO()
    torch.save({}, no_weights)
    no_weights.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layers that torch would have written otherwise
            network = KModel(repo_id=REPOSITORY, config=config, model=no_weights)
    except Exception as exc:  # what is missing or wrong in it fails wherever it is needed
        raise EngineFailed(
            f"Kokoro's {folder / CONFIG} describes no network: {type(exc).__name__}: {telling_line(exc)}"
        ) from exc
    for name, part in network.named_children():
        _load_part(name, part, weights.get(name), weights_file)
    _fold_weight_norms(network)
    return network.to(device).eval()


def published_voices(folder: Path) -> VoiceBank:
    """Return the voices of a folder. Raises EngineFailed where there are none."""
    files = sorted((folder / VOICES).glob("*.pt"))
    return VoiceBank({file.stem: partial(_read_voice, file) for file in files}, f"{folder / VOICES}/*.pt")


def _read_voice(file: Path) -> Floats:
    voice = _read_tensors(file, "voice")
    return check_shape(voice.float().numpy() if isinstance(voice, Tensor) else voice, file)


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise EngineFailed(f"Kokoro's files are not there: {file} is missing.") from None
    except (OSError, ValueError) as exc:
        raise EngineFailed(f"Kokoro's {file} cannot be read: {exc}") from exc
    if not isinstance(config, dict):
        raise EngineFailed(f"Kokoro's {file} is not an object.")
    return config


def _read_weights(file: Path) -> dict[str, Any]:
    weights = _read_tensors(file, "weights file")
    if not isinstance(weights, dict):
        raise EngineFailed(f"Kokoro's weights file {file} holds something else.")
    return weights


def _read_tensors(file: Path, what: str) -> object:
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise EngineFailed(f"Kokoro's files are not there: {file} is missing.") from None
    except Exception as exc:  # a broken file fails in many ways
        reason = f"{type(exc).__name__}: {telling_line(exc)}"
        raise EngineFailed(f"Kokoro's {what} {file} cannot be read: {reason}") from exc


def _load_part(name: str, part: torch.nn.Module, given: object, file: Path) -> None:
    """Load the weights of a part of the network. Raises EngineFailed where some are missing.

    The library would accept a file that lacks some, and speak with whatever was in memory.
    """
    if not isinstance(given, dict):
        raise EngineFailed(f"Kokoro's weights file {file} has no part '{name}'.")
    try:
        state = {key.removeprefix(PUBLISHED_PREFIX): value for key, value in given.items()}
        missing = part.load_state_dict(state, strict=False).missing_keys
    except Exception as exc:  # tensors of other shapes, or things that are none
        raise EngineFailed(
            f"Kokoro's weights file {file} does not fit its {CONFIG}: {telling_line(exc)}"
        ) from exc
    own = {key for key, _ in part.named_parameters()}
    if lacking := [key for key in missing if key in own and not key.endswith(NOT_PUBLISHED)]:
        raise EngineFailed(
            f"Kokoro's weights file {file} lacks {len(lacking)} weights, such as '{name}.{lacking[0]}'."
        )


def _fold_weight_norms(network: KModel) -> None:
    """Make plain weights of those kept as length and direction.

    They would be put together again for every utterance.
    """
    for part in network.modules():
        if hasattr(part, "weight_g"):
            torch.nn.utils.remove_weight_norm(part)
