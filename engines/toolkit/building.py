"""Build a model of transformers where it is to compute, instead of on the processor first."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

PLACING_PACKAGE = "accelerate"
"""without it transformers builds on the processor only; environments of before lack it"""


def built_on(device: str) -> dict[str, Any]:
    """Return the arguments of transformers' `from_pretrained` that build a model on a device at once.

    Else it takes the memory of the machine first, all of it, and then that of the device. They are none for a
    processor, and where the package is missing by which the library does that: move the model afterwards all
    the same.
    """
    if device == "cpu" or find_spec(PLACING_PACKAGE) is None:
        return {}
    return {"device_map": {"": device}}
