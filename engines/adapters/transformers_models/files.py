"""Open checkpoints in the Hugging Face layout, from folders alone: nothing is downloaded, nothing is
unpickled.

Weights come from safetensors, or from a `.bin` read as plain tensors. A checkpoint that lacks some of its
weights is refused: the library would draw them at random, and speak noise.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import torch
from transformers.utils import logging as library_logging

from engines.errors import EngineFailed, SpeechError
from engines.toolkit.checkpoint_kinds import Kind, Known, described, known, names
from engines.toolkit.devices import choose, precision
from engines.toolkit.windows import Unwanted

CONFIG = "config.json"
UNUSED = ("masked_spec_embed",)
"""weights that only training uses: published checkpoints lack them"""
SAFE = ("model.safetensors", "model.safetensors.index.json")
PLAIN = ("pytorch_model.bin", "pytorch_model.bin.index.json")


class Folder(msgspec.Struct, frozen=True):
    """A model's files, and how it is to be run."""

    path: Path
    config: Mapping[str, Any]
    known: Known
    name: str
    """the model's, as it is asked for"""
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    others: tuple[Path, ...] = ()
    """further folders: vocoders, codecs, voices"""
    remote_code: bool = False

    def beside(self, *model_types: str) -> Path | None:
        """Find a model of some type in a folder within this one, or in the others and what is right within
        them.
        """
        places = (
            *_within(self.path),
            *(place for other in self.others for place in (other, *_within(other))),
        )
        return next((place for place in places if _config(place).get("model_type") in model_types), None)

    def every(self, pattern: str) -> list[Path]:
        """Find files by a pattern of paths, in this folder and the others."""
        return [file for place in (self.path, *self.others) for file in sorted(place.glob(pattern))]


def folder(
    path: str, kind: Kind, name: str, *, device: str, dtype: str, others: str = "", remote_code: bool = False
) -> Folder:
    """Look at a model's folder: whether it is there, and of an architecture that is known. Raises
    EngineFailed.
    """
    if not path:
        raise EngineFailed(
            "Which model? Set the option `path` to the folder of a checkpoint in the Hugging Face layout."
        )
    place = Path(path)
    if not (place / CONFIG).is_file():
        raise EngineFailed(f"There is no model in {place}: {CONFIG} is missing.")
    config = _config(place)
    row = known(config)
    if row is None or row.kind != kind:
        verb = "speak" if kind == "speech" else "listen"
        raise EngineFailed(
            f"The model in {place} is of the architecture {described(config)}, which this engine does not {verb} with. "
            f"It does with {names(kind)}."
        )
    if not isinstance(remote_code, bool):
        raise EngineFailed("`remote_code` should be true or false.")
    chosen = str(choose(device))
    further = tuple(Path(other) for other in others.split(os.pathsep) if other)
    if gone := [other for other in further if not other.is_dir()]:
        raise EngineFailed(f"There is no folder {gone[0]}, which the option `others` names.")
    return Folder(place, config, row, name, chosen, precision(dtype, chosen), further, remote_code)


def weights(model: Any, place: Path, source: Folder) -> Any:  # noqa: ANN401 - classes without types
    """Load a model of a class of the library's from a folder. Raises EngineFailed."""
    safe = any((place / name).is_file() for name in SAFE)
    if not safe and not any((place / name).is_file() for name in PLAIN):
        raise EngineFailed(f"The model in {place} is not whole: {SAFE[0]} is missing.")
    with telling(f"The model in {place} cannot be loaded"):
        loaded, found = model.from_pretrained(
            place,
            dtype=source.dtype,
            local_files_only=True,
            use_safetensors=safe,
            weights_only=True,
            trust_remote_code=source.remote_code,
            output_loading_info=True,
        )
        loaded = loaded.to(source.device).eval()
    missing = (key for key in found["missing_keys"] if not key.endswith(UNUSED))
    lacking = sorted(missing) + sorted(str(row[0]) for row in found.get("mismatched_keys", ()))
    if lacking:
        raise EngineFailed(
            f"The model in {place} is not whole: {len(lacking)} weights are missing, such as {lacking[0]}."
        )
    return loaded


def part(made_by: Any, source: Folder, place: Path | None = None) -> Any:  # noqa: ANN401 - classes without types
    """Load a tokenizer, a processor or the like. Raises EngineFailed."""
    place = place or source.path
    with telling(f"The {made_by.__name__} in {place} cannot be loaded"):
        return made_by.from_pretrained(place, local_files_only=True, trust_remote_code=source.remote_code)


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Keep the library quiet, and make of what it raises an EngineFailed."""
    library_logging.set_verbosity(logging.CRITICAL)
    library_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (SpeechError, Unwanted):
        raise
    except Exception as exc:  # the library raises whatever its parsers do
        raise EngineFailed(f"{what}: {type(exc).__name__}: {str(exc).strip().partition(chr(10))[0]}") from exc


def array(file: Path) -> torch.Tensor:
    """Read a file with one array: `.npy` or `.safetensors`. Raises EngineFailed."""
    import numpy as np
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            (value,) = load_file(file).values()
        else:
            value = torch.from_numpy(np.load(file, allow_pickle=False))
    except Exception as exc:  # a file that is no array, or holds several, fails in many ways
        raise EngineFailed(
            f"{file} cannot be read: it should hold one array: {type(exc).__name__}: {exc}"
        ) from exc
    return value


def layers(*modules: torch.nn.Module) -> list[torch.nn.Module]:
    """Give the modules in lists within modules: what runs one after the other, none of which takes long."""
    lists = [
        found for module in modules for found in module.modules() if isinstance(found, torch.nn.ModuleList)
    ]
    return [layer for found in lists for layer in found]


def _config(place: Path) -> Mapping[str, Any]:
    """Read a folder's config.json; nothing where there is none. Raises EngineFailed."""
    try:
        return msgspec.json.decode((place / CONFIG).read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as exc:
        raise EngineFailed(f"{place / CONFIG} cannot be read: {exc}") from exc


def _within(place: Path) -> Iterable[Path]:
    return sorted(found for found in place.iterdir() if found.is_dir())
