"""Tokens of text, by a Whisper's tokenizer as transformers has it; nothing of torch is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def prompt_tokens(tokenizer: Any, text: str) -> list[int]:  # noqa: ANN401 - the library's class has no types
    """Return the tokens of a prompt; names of control tokens in it are left out."""
    if not text.strip():
        return []
    return text_tokens(tokenizer, tokenizer(" " + text.strip(), add_special_tokens=False).input_ids)


def text_tokens(tokenizer: Any, tokens: Sequence[int]) -> list[int]:  # noqa: ANN401 - as above
    """Return the tokens of text among tokens, without those of times and control tokens."""
    return [token for token in tokens if token < tokenizer.eos_token_id]
