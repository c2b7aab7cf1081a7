"""TADA's voice prompts, in safetensors: the words of the recordings, where each of their tokens is, and how
it sounds: two kilobytes for each token.
"""

from __future__ import annotations

import math
from typing import Any

import safetensors.torch
import torch
from tada.modules.encoder import EncoderOutput
from torch import Tensor

from engines.adapters.tada.cloning import RATE
from engines.toolkit.error_text import telling_line
from engines.toolkit.voice_prompts import foreign_prompt

WORDS = "words"
"""UTF-8"""
LENGTH = "audio_len"
POSITIONS = "token_positions"
VALUES = "token_values"
NAMES = frozenset({WORDS, LENGTH, POSITIONS, VALUES})
FRAMES_PER_SECOND = 50


def pack_prompt(voice: EncoderOutput) -> bytes:
    """Return a voice as the encoder has made it, as a prompt."""
    words = torch.frombuffer(bytearray(voice.text[0].encode()), dtype=torch.uint8)
    tensors = {
        WORDS: words,
        LENGTH: voice.audio_len.long(),
        POSITIONS: voice.token_positions.long(),
        VALUES: voice.token_values.float(),
    }
    return bytes(safetensors.torch.save({name: one.contiguous().cpu() for name, one in tensors.items()}))


class PromptReader:
    """Reads the prompts of one model, whose encoder has `width` numbers for each token.

    Voices are given on a device and in a dtype, as the model computes with them; `longest` is in seconds.
    """

    def __init__(
        self,
        tokenizer: Any,  # noqa: ANN401 - transformers'
        width: int,
        longest: float,
        device: str,
        dtype: torch.dtype,
    ) -> None:
        self._tokenizer = tokenizer
        self._width = width
        self._most_frames = math.ceil((longest + 1) * FRAMES_PER_SECOND)
        self._device = device
        self._dtype = dtype

    def read(self, data: bytes) -> EncoderOutput:
        """Return the voice of a prompt. Raises BadInput."""
        try:
            tensors = safetensors.torch.load(data)
            words = bytes(tensors[WORDS].tolist()).decode()
        except Exception as exc:  # bytes that are no safetensors, or hold something else
            raise foreign_prompt(f"{type(exc).__name__}: {telling_line(exc)}") from exc
        tokens = self._tokenizer.encode(words, add_special_tokens=False)
        if tensors.keys() != NAMES or not self._fits(tensors, len(tokens)):
            raise foreign_prompt("it is of another shape.")
        return EncoderOutput(
            audio=torch.zeros(1, 0),
            audio_len=tensors[LENGTH].to(self._device),
            text=[words],
            token_positions=tensors[POSITIONS].to(self._device),
            token_values=tensors[VALUES].to(self._device, self._dtype),
            sample_rate=RATE,
            text_tokens=torch.tensor([tokens], device=self._device),
            text_tokens_len=torch.tensor([len(tokens)], device=self._device),
        )

    def _fits(self, tensors: dict[str, Tensor], tokens: int) -> bool:
        """Return whether tensors are those of so many tokens, one behind the other, within a recording."""
        length, positions, values = tensors[LENGTH], tensors[POSITIONS], tensors[VALUES]
        shapes = (tuple(length.shape), tuple(positions.shape), tuple(values.shape))
        types = (length.dtype, positions.dtype, values.dtype)
        if shapes != ((1,), (1, tokens), (1, tokens, self._width)) or not tokens:
            return False
        if types != (torch.int64, torch.int64, torch.float32) or not values.isfinite().all():
            return False
        frames = math.ceil(int(length) / RATE * FRAMES_PER_SECOND)
        ordered = bool((positions.diff(dim=1) > 0).all())
        first, last = int(positions[0, 0]), int(positions[0, -1])
        return ordered and first >= 1 and last <= frames <= self._most_frames
