"""LuxTTS's voice prompts, in safetensors: the sounds of the recordings' words, their spectrum, and how loud
they were.
"""

from __future__ import annotations

import math

import msgspec
import safetensors.torch
import torch
from torch import Tensor

from engines.toolkit.error_text import telling_line
from engines.toolkit.voice_prompts import foreign_prompt

TOKENS = "tokens"
FEATURES = "features"
LOUDNESS = "rms"
NAMES = frozenset({TOKENS, FEATURES, LOUDNESS})


class Voice(msgspec.Struct, frozen=True, eq=False):
    """A voice as the model takes it."""

    tokens: list[int]
    """the sounds of the words"""
    features: Tensor
    """spectrum [frames, bands], on the model's device"""
    rms: float
    """root mean square of the samples as they were recorded"""


def pack_prompt(voice: Voice) -> bytes:
    """Return a voice as a prompt."""
    tensors = {
        TOKENS: torch.tensor(voice.tokens, dtype=torch.int64),
        FEATURES: voice.features.float().contiguous().cpu(),
        LOUDNESS: torch.tensor([voice.rms], dtype=torch.float32),
    }
    return bytes(safetensors.torch.save(tensors))


def read_prompt(data: bytes, *, vocabulary: int, bands: int, most_frames: int, device: str) -> Voice:
    """Return the voice of a prompt, for a model with so many tokens and bands. Raises BadInput."""
    try:
        tensors = safetensors.torch.load(data)
    except Exception as exc:  # bytes that are no safetensors
        raise foreign_prompt(f"{type(exc).__name__}: {telling_line(exc)}") from exc
    if tensors.keys() != NAMES or not _fits(tensors, vocabulary, bands, most_frames):
        raise foreign_prompt("it is of another shape.")
    features = tensors[FEATURES].to(device)
    return Voice(tensors[TOKENS].tolist(), features, float(tensors[LOUDNESS]))


def _fits(tensors: dict[str, Tensor], vocabulary: int, bands: int, most_frames: int) -> bool:
    """Return whether tensors are such as a model's recordings give."""
    tokens, features, rms = tensors[TOKENS], tensors[FEATURES], tensors[LOUDNESS]
    if (tokens.dtype, features.dtype, rms.dtype) != (torch.int64, torch.float32, torch.float32):
        return False
    if (tokens.dim(), features.dim(), tuple(rms.shape)) != (1, 2, (1,)) or features.shape[1] != bands:
        return False
    if not len(tokens) or not 0 < len(features) <= most_frames:
        return False
    known = bool((tokens >= 0).all() and (tokens < vocabulary).all())
    return known and bool(features.isfinite().all()) and math.isfinite(float(rms)) and 0 < float(rms) <= 1
