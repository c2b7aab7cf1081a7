"""Voice prompts: which weights they belong to, and what to say of those that belong to others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engines.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor


def prompt_version(weights: Iterable[Tensor], settings: str = "") -> str:
    """Return the version of prompts that these weights make, with these settings: others make another."""
    digest = hashlib.sha256(settings.encode())
    for weight in weights:
        digest.update(weight.detach().cpu().float().numpy().tobytes())
    return f"1-{digest.hexdigest()[:12]}"


def foreign_prompt(reason: str) -> BadInput:
    """Return the error for a voice prompt that the model at hand did not make."""
    return BadInput(f"This voice prompt is none of this model's: {reason}", param="voice")
