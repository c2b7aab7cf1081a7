"""Which numbers a model computes with: those of its checkpoint on a GPU, and float32 where they become sound.

A codec or a vocoder gives samples. bfloat16 has eight bits: their rounding alone would be heard as noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from engines.toolkit.checkpoint_kinds import Kind
from engines.toolkit.devices import choose_dtype

HALVES = (torch.float16, torch.bfloat16)
EXACT = torch.float32


def model_dtype(kind: Kind, asked: str, device: str, published: torch.dtype | None) -> torch.dtype:
    """Return the dtype of a model on a device, where `asked` is that of its place and its weights are
    `published` in one, None where that is not known. Raises EngineFailed.

    With "auto" a model that speaks is never computed with fewer bits than it was published with: what one
    that hears may round is heard in what it says.
    """
    if kind == "speech" and asked == "auto" and published not in HALVES:
        return EXACT
    return choose_dtype(asked, device, published)


def with_exact_parts(model_class: Any, parts: Sequence[str]) -> Any:  # noqa: ANN401 - classes without types
    """Return a class of the library's whose `from_pretrained` loads some parts of it as float32."""
    if not parts:
        return model_class
    kept = {*(model_class._keep_in_fp32_modules_strict or ()), *parts}
    members = {"_keep_in_fp32_modules_strict": kept, "__module__": model_class.__module__}
    return type(model_class.__name__, (model_class,), members)


def keep_exact(model: torch.nn.Module, parts: Sequence[str]) -> None:
    """Have parts of a model compute in float32, whatever they are given."""
    for name in parts:
        part = model.get_submodule(name).float()  # its buffers too, which are in no file
        cast_inputs(part, EXACT)


def cast_inputs(module: torch.nn.Module, dtype: torch.dtype) -> None:
    """Have a module get numbers with fractions as those of a dtype."""

    def cast(value: object) -> object:
        return value.to(dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    def before(_: torch.nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        return tuple(map(cast, args)), {name: cast(value) for name, value in kwargs.items()}

    module.register_forward_pre_hook(before, with_kwargs=True)
