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

from engines.adapters.kokoro.voices import is_name
from engines.errors import EngineFailed, UnknownVoice

REPOSITORY = "hexgrad/Kokoro-82M"
CONFIG, WEIGHTS, VOICES = "config.json", "kokoro-v1_0.pth", "voices"
WRAPPED = "module."
"""what the published weights' names begin with"""
NOT_PUBLISHED = (".norm.weight", ".norm.bias")
"""of the network's weights, those that its authors added later and left at one and zero"""


def network(folder: Path, device: torch.device) -> KModel:
    """Load the network. Raises EngineFailed."""
    config, weights = _config(folder / CONFIG), _weights(folder / WEIGHTS)
    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layers that torch would have written otherwise
            made = KModel(repo_id=REPOSITORY, config=config, model=nothing)
    except Exception as exc:  # what is missing or wrong in it fails wherever it is needed
        raise EngineFailed(
            f"Kokoro's {folder / CONFIG} describes no network: {type(exc).__name__}: {exc}"
        ) from exc
    for name, part in made.named_children():
        _fill(name, part, weights.get(name), folder / WEIGHTS)
    _fold_norms(made)
    return made.to(device).eval()


class VoiceFiles:
    """The voices of a folder, each read when it is first wanted: [lengths, 1, 256], a row for each number of
    phonemes.
    """

    def __init__(self, folder: Path, width: int) -> None:
        self._files = {
            file.stem: file for file in sorted((folder / VOICES).glob("*.pt")) if is_name(file.stem)
        }
        self._width = width
        self._read: dict[str, Tensor] = {}
        if not self._files:
            raise EngineFailed(f"Kokoro has no voices: there is no {folder / VOICES}/*.pt.")

    @property
    def names(self) -> tuple[str, ...]:
        """Name the voices."""
        return tuple(self._files)

    def voice(self, name: str) -> Tensor:
        """Give a voice. Raises UnknownVoice or EngineFailed."""
        if name not in self._files:
            raise UnknownVoice(f"Kokoro has no voice '{name}'.", param="voice")
        if name not in self._read:
            self._read[name] = self._load(self._files[name])
        return self._read[name]

    def mixed(self, parts: Sequence[tuple[str, float]]) -> Tensor:
        """Give the weighted sum of voices. Raises UnknownVoice or EngineFailed."""
        voices = [self.voice(name) * weight for name, weight in parts]
        rows = min(len(voice) for voice in voices)
        return torch.stack([voice[:rows] for voice in voices]).sum(0)

    def _load(self, file: Path) -> Tensor:
        made = _tensors(file, "voice")
        if (
            not isinstance(made, Tensor)
            or made.ndim != 3
            or tuple(made.shape[1:]) != (1, self._width)
            or not len(made)
        ):
            raise EngineFailed(f"Kokoro's voice {file} has another shape than voices have.")
        return made.float()


def _config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise EngineFailed(f"Kokoro's files are not there: {file} is missing.") from None
    except (OSError, ValueError) as exc:
        raise EngineFailed(f"Kokoro's {file} cannot be read: {exc}") from exc
    if not isinstance(config, dict):
        raise EngineFailed(f"Kokoro's {file} is not an object.")
    return config


def _weights(file: Path) -> dict[str, Any]:
    weights = _tensors(file, "weights file")
    if not isinstance(weights, dict):
        raise EngineFailed(f"Kokoro's weights file {file} holds something else.")
    return weights


def _tensors(file: Path, what: str) -> object:
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise EngineFailed(f"Kokoro's files are not there: {file} is missing.") from None
    except Exception as exc:  # a broken file fails in many ways
        reason = str(exc).partition("\n")[0]
        raise EngineFailed(f"Kokoro's {what} {file} cannot be read: {type(exc).__name__}: {reason}") from exc


def _fill(name: str, part: torch.nn.Module, given: object, file: Path) -> None:
    """Load a part's weights. The library would take a file that lacks some, and speak with whatever was in
    memory.
    """
    if not isinstance(given, dict):
        raise EngineFailed(f"Kokoro's weights file {file} has no part '{name}'.")
    try:
        absent = part.load_state_dict(
            {key.removeprefix(WRAPPED): value for key, value in given.items()}, strict=False
        ).missing_keys
    except Exception as exc:  # tensors of other shapes, or things that are none
        reason = str(exc).strip().rpartition("\n")[2].strip()
        raise EngineFailed(f"Kokoro's weights file {file} does not fit its {CONFIG}: {reason}") from exc
    own = {key for key, _ in part.named_parameters()}
    if lost := [key for key in absent if key in own and not key.endswith(NOT_PUBLISHED)]:
        raise EngineFailed(
            f"Kokoro's weights file {file} lacks {len(lost)} weights, such as '{name}.{lost[0]}'."
        )


def _fold_norms(made: KModel) -> None:
    """Make plain weights of those kept as length and direction, which would be put together again for every
    utterance.
    """
    for part in made.modules():
        if hasattr(part, "weight_g"):
            torch.nn.utils.remove_weight_norm(part)
