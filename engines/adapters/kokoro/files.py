"""Kokoro's files, from a local folder only: `config.json`, `kokoro-v1_0.pth` and `voices/*.pt`, as they are
published.

Nothing is unpickled but tensors, and nothing is ever downloaded.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from kokoro import KModel
from torch import Tensor

from engines.adapters.kokoro.voices import is_voice_name
from engines.errors import EngineFailed, UnknownVoice
from engines.toolkit.error_text import first_line

REPOSITORY = "hexgrad/Kokoro-82M"
CONFIG = "config.json"
WEIGHTS = "kokoro-v1_0.pth"
VOICES = "voices"
PUBLISHED_PREFIX = "module."
"""what the published weights' names begin with"""
NOT_PUBLISHED = (".norm.weight", ".norm.bias")
"""of the network's weights, those that its authors added later and left at one and zero"""


def load_network(folder: Path, device: torch.device) -> KModel:
    """Return the network of a folder, on a device. Raises EngineFailed."""
    config = _read_config(folder / CONFIG)
    weights = _read_weights(folder / WEIGHTS)
    no_weights = io.BytesIO()
    torch.save({}, no_weights)
    no_weights.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layers that torch would have written otherwise
            network = KModel(repo_id=REPOSITORY, config=config, model=no_weights)
    except Exception as exc:  # what is missing or wrong in it fails wherever it is needed
        raise EngineFailed(
            f"Kokoro's {folder / CONFIG} describes no network: {type(exc).__name__}: {exc}"
        ) from exc
    for name, part in network.named_children():
        _load_part(name, part, weights.get(name), folder / WEIGHTS)
    _fold_weight_norms(network)
    return network.to(device).eval()


class VoiceFiles:
    """The voices of a folder, each read when it is first used.

    A voice is [lengths, 1, 256], a row for each number of phonemes. Raises EngineFailed where there are none.
    """

    def __init__(self, folder: Path, width: int) -> None:
        self._files = {
            file.stem: file for file in sorted((folder / VOICES).glob("*.pt")) if is_voice_name(file.stem)
        }
        self._width = width
        self._loaded: dict[str, Tensor] = {}
        if not self._files:
            raise EngineFailed(f"Kokoro has no voices: there is no {folder / VOICES}/*.pt.")

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the voices."""
        return tuple(self._files)

    def voice(self, name: str) -> Tensor:
        """Return a voice. Raises UnknownVoice or EngineFailed."""
        if name not in self._files:
            raise UnknownVoice(f"Kokoro has no voice '{name}'.", param="voice")
        if name not in self._loaded:
            self._loaded[name] = self._load(self._files[name])
        return self._loaded[name]

    def mix(self, parts: Sequence[tuple[str, float]]) -> Tensor:
        """Return the weighted sum of voices. Raises UnknownVoice or EngineFailed."""
        voices = [self.voice(name) * weight for name, weight in parts]
        rows = min(len(voice) for voice in voices)
        return torch.stack([voice[:rows] for voice in voices]).sum(0)

    def _load(self, file: Path) -> Tensor:
        voice = _read_tensors(file, "voice")
        fits = isinstance(voice, Tensor) and voice.ndim == 3 and tuple(voice.shape[1:]) == (1, self._width)
        if not isinstance(voice, Tensor) or not fits or not len(voice):
            raise EngineFailed(f"Kokoro's voice {file} has another shape than voices have.")
        return voice.float()


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
        reason = f"{type(exc).__name__}: {first_line(exc)}"
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
        reason = str(exc).strip().rpartition("\n")[2].strip()
        raise EngineFailed(f"Kokoro's weights file {file} does not fit its {CONFIG}: {reason}") from exc
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
