"""OmniVoice's voice prompts, in safetensors: the codes of recordings, their words, and how loud they were."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import safetensors.torch
import torch
from torch import Tensor

from engines.toolkit.error_text import telling_line
from engines.toolkit.voice_prompts import foreign_prompt, prompt_version

CODES = "ref_audio_tokens"
LOUDNESS = "ref_rms"
"""both by the library's names"""
WORDS = "words"
"""UTF-8"""
NAMES = frozenset({CODES, LOUDNESS, WORDS})


class Voice(msgspec.Struct, frozen=True, eq=False):
    """A voice as the library takes it."""

    codes: Tensor
    """[groups, frames], int64"""
    words: str
    rms: float
    """root mean square of the samples as they were recorded"""


def codes_version(model: Any) -> str:  # noqa: ANN401 - the library's OmniVoice
    """Return the version of the prompts that a model's codec makes."""
    quantizer = sorted(model.audio_tokenizer.quantizer.state_dict().items())
    return prompt_version((part for _, part in quantizer), str(model.config.num_audio_codebook))


def pack_prompt(voice: Any) -> bytes:  # noqa: ANN401 - the library's VoiceClonePrompt
    """Return a voice as the library has made it, as a prompt."""
    tensors = {
        CODES: voice.ref_audio_tokens.to(torch.int16).contiguous().cpu(),
        WORDS: torch.frombuffer(bytearray(voice.ref_text.encode()), dtype=torch.uint8),
        LOUDNESS: torch.tensor([voice.ref_rms], dtype=torch.float32),
    }
    return bytes(safetensors.torch.save(tensors))


def read_prompt(data: bytes, *, groups: int, codes: int, most_frames: int) -> Voice:
    """Return the voice of a prompt, for a codec with so many groups of so many codes. Raises BadInput."""
    try:
        tensors = safetensors.torch.load(data)
        words = bytes(tensors[WORDS].tolist()).decode()
    except Exception as exc:  # bytes that are no safetensors, or hold something else
        raise foreign_prompt(f"{type(exc).__name__}: {telling_line(exc)}") from exc
    if tensors.keys() != NAMES or not words or not _fits(tensors, groups, codes, most_frames):
        raise foreign_prompt("it is of another shape.")
    return Voice(tensors[CODES].long(), words, float(tensors[LOUDNESS]))


def _fits(tensors: dict[str, Tensor], groups: int, codes: int, most_frames: int) -> bool:
    """Return whether tensors are such as a model's recordings give."""
    found, rms = tensors[CODES], tensors[LOUDNESS]
    if (found.dtype, rms.dtype, tuple(rms.shape)) != (torch.int16, torch.float32, (1,)):
        return False
    if found.dim() != 2 or found.shape[0] != groups or not 0 < found.shape[1] <= most_frames:
        return False
    known = bool((found >= 0).all() and (found < codes).all())
    return known and math.isfinite(float(rms)) and 0 <= float(rms) <= 1
