"""What a family of speech models offers, and what they have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch

from engines.adapters.transformers_models.files import Folder
from engines.api import CloningCapabilities, Sample, SpeechJob, Voice
from engines.errors import UnknownVoice

LEAST_SECONDS, SECONDS_EACH = 5.0, 0.25
"""how long a text may be spoken at most: some seconds, and so many for each character. Models that run on
token by token at times never end
"""


class SpeakingModel(Protocol):
    """Models of one architecture. Made with its folder; raises EngineFailed where that is not whole."""

    rate: int
    """Hertz"""
    voices: tuple[Voice, ...]
    """at least one, the default first"""
    languages: tuple[str, ...]
    """BCP-47 tags, as far as known"""
    speed: tuple[float, float]
    steps: Sequence[torch.nn.Module]
    """what runs often while it speaks: the work can be stopped before each"""

    def __init__(self, source: Folder) -> None: ...

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Speak: samples between -1 and 1. `voice` is one of `voices`. Raises BadInput."""
        ...


@runtime_checkable
class Cloning(SpeakingModel, Protocol):
    """A family that speaks with voices made of samples: a job may have a prompt."""

    cloning: CloningCapabilities

    def begins(self, text: str, voice: str) -> str:
        """Name the preset that begins to speak: a text may name its speakers itself."""
        ...

    def create_prompt(self, samples: Sequence[Sample]) -> bytes:
        """Make a voice of samples, in safetensors. Raises BadAudio."""
        ...


def chosen(voices: Sequence[Voice], name: str, model: str) -> str:
    """Give the voice of a job, the first where it names none. Raises UnknownVoice."""
    if not name:
        return voices[0].id
    if all(voice.id != name for voice in voices):
        raise UnknownVoice(f"The model '{model}' has no voice '{name}'.", param="voice")
    return name


def numbered(count: int, languages: tuple[str, ...], *, first: int = 0) -> tuple[Voice, ...]:
    """Make voices of a model's speakers, which have numbers only."""
    return tuple(
        Voice(f"speaker-{number}", f"Speaker {number}", languages) for number in range(first, first + count)
    )


def number(voice: str) -> int:
    """Give the number in a voice's name."""
    return int(voice.rpartition("-")[2])


def most(text: str, each_second: float) -> int:
    """Give how many frames a text may take."""
    return math.ceil(each_second * (LEAST_SECONDS + SECONDS_EACH * len(text)))


def on(inputs: Any, source: Folder) -> dict[str, Any]:  # noqa: ANN401 - a dictionary of several classes
    """Put inputs where the model is, those with fractions in its precision."""
    return {
        key: value.to(source.device, source.dtype if value.is_floating_point() else None)
        if torch.is_tensor(value)
        else value
        for key, value in inputs.items()
    }
