"""Voice prompts: which weights they belong to, and what to say of those that belong to others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engines.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor


def prompt_version(weights: Iterable[Tensor], settings: str = "") -> str:
    """Return the version of prompts that these weights make, with these settings: others make another."""
    return version_of((weight.detach().cpu().float().numpy() for weight in weights), settings)


def version_of(weights: Iterable[NDArray[np.float32]], settings: str = "") -> str:
    """Return the version of prompts as `prompt_version` does, of weights as numpy has them."""
    digest = hashlib.sha256(settings.encode())
    for weight in weights:
        digest.update(weight.tobytes())
    return f"1-{digest.hexdigest()[:12]}"


def foreign_prompt(reason: str) -> BadInput:
    """Return the error for a voice prompt that the model at hand did not make."""
    return BadInput(f"This voice prompt is none of this model's: {reason}", param="voice")
