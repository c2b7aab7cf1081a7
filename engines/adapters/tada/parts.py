"""Load a part of TADA by the library's own loader: whole, or not at all, and with nothing downloaded."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from engines.errors import EngineFailed
from engines.toolkit.error_text import telling_line

MASK = "_precomputed_mask"
"""a buffer of 64 MB in each layer of the codec, for calls without a mask, of which the library has none"""

transformers.logging.set_verbosity_error()


def load_part(load: Callable[..., Any], folder: Path, **options: Any) -> Any:  # noqa: ANN401 - a library's
    """Return what a `from_pretrained` makes of a folder.

    transformers leaves weights that are missing as chance made them: here that is an error. Raises
    EngineFailed, which names the folder.
    """
    place = folder / str(options.get("subfolder", ""))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            part, report = load(str(folder), local_files_only=True, output_loading_info=True, **options)
    except Exception as exc:  # a broken file, or one that does not fit, fails in many ways
        raise EngineFailed(f"TADA cannot load {place}: {type(exc).__name__}: {telling_line(exc)}") from exc
    if lacking := sorted(key for key in report["missing_keys"] if not key.endswith(MASK)):
        raise EngineFailed(f"{place} is not whole: {len(lacking)} weights are missing, such as {lacking[0]}.")
    for module in part.modules():
        if isinstance(getattr(module, MASK, None), torch.Tensor):
            setattr(module, MASK, torch.empty(0, dtype=torch.bool))
    return part
