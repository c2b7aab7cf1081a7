"""What Chatterbox keeps of a voice: how it is told to speak, and by what its sound is made.

It is 170 kB at most: a vector of the speaker, tokens of the way somebody speaks (six seconds, fifteen for
Turbo), and for the sound the tokens, the spectrogram and a second vector of ten seconds. It goes to disk in
safetensors, and each job gets a copy, as the library changes what it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import safetensors.torch
import torch
from torch import Tensor

SPEAKER = "speaker_emb"
TOKENS = "cond_prompt_speech_tokens"
FEATURES = "prompt_feat"
SOUND_TOKENS = "prompt_token"
SOUND_LENGTH = "prompt_token_len"
SOUND_VECTOR = "embedding"
NAMES = (SPEAKER, TOKENS, SOUND_TOKENS, FEATURES, SOUND_VECTOR)
"""of the tensors, in the order of Conditioning's"""
VOCABULARY = 6561
"""tokens of speech; those above begin and end it"""
FRAMES_PER_TOKEN = 2
"""of the spectrogram"""
MOST_FRAMES_MORE = 3
"""that the spectrogram may have beyond its tokens'"""
MOST_SOUND_TOKENS = 260
"""ten seconds at 25 a second, and some for rounding"""


class ForeignConditioning(ValueError):
    """Tensors are no conditioning of this model."""


class Conditioning(msgspec.Struct, frozen=True):
    """A voice's conditioning; all tensors have a first dimension of one."""

    speaker: Tensor
    """[1, width], float32"""
    tokens: Tensor
    """[1, n], int64: how somebody speaks"""
    sound_tokens: Tensor
    """[1, m], int64"""
    features: Tensor
    """[1, 2m and some, bands], float32: the spectrogram of these"""
    sound_vector: Tensor
    """[1, width], float32"""

    @classmethod
    def of(cls, conditionals: Any) -> Conditioning:  # noqa: ANN401 - the library's Conditionals
        """Return the conditioning that the library made."""
        sound = conditionals.gen
        return cls(
            conditionals.t3.speaker_emb,
            conditionals.t3.cond_prompt_speech_tokens.long(),
            sound[SOUND_TOKENS].long(),
            sound[FEATURES],
            sound[SOUND_VECTOR],
        )

    def for_speech(self, conditioning: Any, exaggeration: float) -> Any:  # noqa: ANN401 - the library's module, its T3Cond
        """Return what tells the model how to speak, in an object of its own."""
        return conditioning.T3Cond(
            speaker_emb=self.speaker,
            cond_prompt_speech_tokens=self.tokens,
            emotion_adv=torch.full((1, 1, 1), exaggeration, device=self.speaker.device),
        )

    def for_sound(self) -> dict[str, Any]:
        """Return what the sound is made by, in a dictionary of its own."""
        return {
            SOUND_TOKENS: self.sound_tokens,
            SOUND_LENGTH: torch.tensor([self.sound_tokens.shape[1]], device=self.sound_tokens.device),
            FEATURES: self.features,
            "prompt_feat_len": None,
            SOUND_VECTOR: self.sound_vector,
        }

    def to_bytes(self) -> bytes:
        """Return it as safetensors."""
        values = (self.speaker, self.tokens, self.sound_tokens, self.features, self.sound_vector)
        tensors = {name: value.contiguous().cpu() for name, value in zip(NAMES, values, strict=True)}
        return bytes(safetensors.torch.save(tensors))


def read_conditioning(data: bytes, like: Mapping[str, int], device: torch.device) -> Conditioning:
    """Return the conditioning in safetensors, on a device.

    `like` is what this model's has: the widths of `speaker_emb`, `embedding` and `prompt_feat`, and the most
    tokens of `cond_prompt_speech_tokens`. Raises ForeignConditioning, and what safetensors raises.
    """
    tensors = safetensors.torch.load(data)
    if set(tensors) != set(NAMES):
        raise ForeignConditioning("it holds something else.")
    for name in (SPEAKER, SOUND_VECTOR, FEATURES):
        _check_floats(name, tensors[name], like[name])
    _check_tokens(TOKENS, tensors[TOKENS], like[TOKENS])
    _check_tokens(SOUND_TOKENS, tensors[SOUND_TOKENS], MOST_SOUND_TOKENS)
    more = tensors[FEATURES].shape[1] - FRAMES_PER_TOKEN * tensors[SOUND_TOKENS].shape[1]
    if not 0 <= more <= MOST_FRAMES_MORE:
        raise ForeignConditioning("its spectrogram is not as long as its tokens.")
    return Conditioning(*(tensors[name].to(device) for name in NAMES))


def _check_floats(name: str, value: Tensor, width: int) -> None:
    rank = 3 if name == FEATURES else 2
    if value.dtype != torch.float32 or value.dim() != rank or value.shape[0] != 1 or value.shape[-1] != width:
        raise ForeignConditioning(f"its {name} is of another shape.")
    if not bool(value.isfinite().all()):
        raise ForeignConditioning(f"its {name} has numbers that are none.")


def _check_tokens(name: str, value: Tensor, most: int) -> None:
    if value.dtype != torch.int64 or value.dim() != 2 or value.shape[0] != 1:
        raise ForeignConditioning(f"its {name} is of another shape.")
    if not 0 < value.shape[1] <= most or int(value.min()) < 0 or int(value.max()) >= VOCABULARY:
        raise ForeignConditioning(f"its {name} are not the model's.")
