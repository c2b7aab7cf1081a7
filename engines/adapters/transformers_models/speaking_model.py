"""What the models of an architecture for speech offer, and what they have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch

from engines.adapters.transformers_models.checkpoint import Checkpoint
from engines.api import CloningCapabilities, RequestOptions, Sample, SpeechJob, Voice
from engines.errors import UnknownVoice

BASE_SECONDS = 5.0
"""how long any text may take. Models that run on token by token at times never end"""
SECONDS_PER_CHARACTER = 0.25
"""how much longer it may take for each of its characters"""


class SpeakingModel(Protocol):
    """A model for speech, of one architecture, made from its checkpoint.

    Raises EngineFailed where that is not whole.
    """

    sample_rate: int
    """Hertz"""
    voices: tuple[Voice, ...]
    """at least one, the default first"""
    languages: tuple[str, ...]
    """BCP-47 tags, as far as known"""
    speed: tuple[float, float]
    """the range of speeds that it speaks at by itself"""
    options: RequestOptions
    """what a job may set of it, and what its text may hold besides words"""
    stop_points: Sequence[torch.nn.Module]
    """modules that run often while it speaks: the work can be stopped before each"""

    def __init__(self, checkpoint: Checkpoint) -> None: ...

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Return the speech of a job: samples between -1 and 1.

        `voice` is one of `voices`. Raises BadInput.
        """
        ...


@runtime_checkable
class CloningModel(SpeakingModel, Protocol):
    """A model that speaks with cloned voices too: a job may have a prompt."""

    cloning: CloningCapabilities

    def first_speaker(self, text: str, voice: str) -> str:
        """Return the preset that speaks first: a text may name its speakers itself."""
        ...

    def create_prompt(self, samples: Sequence[Sample]) -> bytes:
        """Return a voice made of samples, as safetensors. Raises BadAudio."""
        ...

    def open_prompt(self, data: bytes) -> Any:  # noqa: ANN401 - each model has its own
        """Return what `speak` needs of a voice. Raises BadInput where it is none of this model's."""
        ...


def select_voice(voices: Sequence[Voice], name: str, model_name: str) -> str:
    """Return the voice of a job, the first where it names none. Raises UnknownVoice."""
    if not name:
        return voices[0].id
    if all(voice.id != name for voice in voices):
        raise UnknownVoice(f"The model '{model_name}' has no voice '{name}'.", param="voice")
    return name


def numbered_voices(count: int, languages: tuple[str, ...]) -> tuple[Voice, ...]:
    """Return voices for a model's speakers, which have numbers only."""
    return tuple(Voice(f"speaker-{number}", f"Speaker {number}", languages) for number in range(count))


def speaker_number(voice: str) -> int:
    """Return the number in a voice's name."""
    return int(voice.rpartition("-")[2])


def given_settings(job: SpeechJob, **names: str) -> dict[str, float]:
    """Return the arguments of a library's call for the settings that a job has: `names` are the settings' by
    those of the arguments.
    """
    found = {argument: job.settings.get(name) for argument, name in names.items()}
    return {argument: float(value) for argument, value in found.items() if value is not None}


def max_frames(text: str, frames_per_second: float) -> int:
    """Return how many frames the speech of a text may have."""
    return math.ceil(frames_per_second * (BASE_SECONDS + SECONDS_PER_CHARACTER * len(text)))


def to_device(inputs: Any, checkpoint: Checkpoint) -> dict[str, Any]:  # noqa: ANN401 - a dictionary of several classes
    """Return inputs on the model's device, those with fractions in its dtype."""
    return {
        key: value.to(checkpoint.device, checkpoint.dtype if value.is_floating_point() else None)
        if torch.is_tensor(value)
        else value
        for key, value in inputs.items()
    }
