"""Checkpoints in the Hugging Face layout, opened from folders: nothing is downloaded, nothing is unpickled.

Weights come from safetensors, or from a `.bin` read as plain tensors. A checkpoint that lacks some of its
weights is refused: the library would draw them at random, and speak noise.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import torch
from transformers.utils import logging as library_logging

from engines.adapters.transformers_models.precision import EXACT, keep_exact, model_dtype, with_exact_parts
from engines.api import Place, Stop
from engines.errors import EngineFailed, SpeechError
from engines.toolkit.building import built_on
from engines.toolkit.checkpoint_kinds import (
    Architecture,
    Kind,
    architecture_name,
    find_architecture,
    supported_architectures,
)
from engines.toolkit.devices import PREFERENCE, choose_device, published_dtype
from engines.toolkit.error_text import telling_line

CONFIG_FILE = "config.json"
TRAINING_ONLY_WEIGHTS = ("masked_spec_embed",)
"""weights that only training uses: published checkpoints lack them"""
SAFETENSORS_FILES = ("model.safetensors", "model.safetensors.index.json")
BIN_FILES = ("pytorch_model.bin", "pytorch_model.bin.index.json")


class Checkpoint(msgspec.Struct, frozen=True):
    """A model's files, and how it is to be run."""

    path: Path
    config: Mapping[str, Any]
    architecture: Architecture
    model_name: str
    """by which requests name it"""
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    other_folders: tuple[Path, ...] = ()
    """with vocoders, codecs, voices"""
    remote_code: bool = False

    def exact(self) -> Checkpoint:
        """Return how a part of it is to be run that computes in float32."""
        return msgspec.structs.replace(self, dtype=EXACT)

    def find_folder(self, *model_types: str) -> Path | None:
        """Return the folder of a model of one of some types; None where there is none.

        It may be a folder within this one, one of the others, or a folder within these.
        """
        folders = (
            *_subfolders(self.path),
            *(folder for other in self.other_folders for folder in (other, *_subfolders(other))),
        )
        return next(
            (folder for folder in folders if _read_config(folder).get("model_type") in model_types), None
        )

    def find_files(self, pattern: str) -> list[Path]:
        """Return the files whose paths fit a pattern, in this folder and the others."""
        folders = (self.path, *self.other_folders)
        return [file for folder in folders for file in sorted(folder.glob(pattern))]


def open_checkpoint(
    path: str,
    kind: Kind,
    model_name: str,
    *,
    place: Place,
    others: str = "",
    remote_code: bool = False,
) -> Checkpoint:
    """Return the checkpoint in a folder, of a supported architecture of a kind, to be run at a place. Nothing
    is loaded yet.

    `others` are further folders, separated as in PATH. Raises EngineFailed.
    """
    if not path:
        raise EngineFailed(
            "Which model? Set the option `path` to the folder of a checkpoint in the Hugging Face layout."
        )
    folder = Path(path)
    if not (folder / CONFIG_FILE).is_file():
        raise EngineFailed(f"There is no model in {folder}: {CONFIG_FILE} is missing.")
    config = _read_config(folder)
    architecture = find_architecture(config)
    if architecture is None or architecture.kind != kind:
        verb = "speak" if kind == "speech" else "listen"
        raise EngineFailed(
            f"The model in {folder} is of the architecture {architecture_name(config)}, "
            f"which this engine does not {verb} with. It does with {supported_architectures(kind)}."
        )
    if not isinstance(remote_code, bool):
        raise EngineFailed("`remote_code` should be true or false.")
    device = str(choose_device(place.device, PREFERENCE, place.group))
    other_folders = tuple(Path(other) for other in others.split(os.pathsep) if other)
    if missing := [other for other in other_folders if not other.is_dir()]:
        raise EngineFailed(f"There is no folder {missing[0]}, which the option `others` names.")
    return Checkpoint(
        folder,
        config,
        architecture,
        model_name,
        device,
        model_dtype(kind, place.dtype, device, published_dtype(config)),
        other_folders,
        remote_code,
    )


def load_model(
    model_class: Any,  # noqa: ANN401 - classes without types
    folder: Path,
    checkpoint: Checkpoint,
    exact: Sequence[str] = (),
) -> Any:  # noqa: ANN401 - as above
    """Return a model of one of the library's classes, from a folder, as the checkpoint is to be run, but for
    the parts that are to be `exact`: these compute in float32.

    Raises EngineFailed.
    """
    has_safetensors = any((folder / name).is_file() for name in SAFETENSORS_FILES)
    if not has_safetensors and not any((folder / name).is_file() for name in BIN_FILES):
        raise EngineFailed(f"The model in {folder} is not whole: {SAFETENSORS_FILES[0]} is missing.")
    with as_engine_failed(f"The model in {folder} cannot be loaded"):
        model, loading_info = with_exact_parts(model_class, exact).from_pretrained(
            folder,
            dtype=checkpoint.dtype,
            local_files_only=True,
            use_safetensors=has_safetensors,
            weights_only=True,
            trust_remote_code=checkpoint.remote_code,
            output_loading_info=True,
            **built_on(checkpoint.device),
        )
        model = model.to(checkpoint.device).eval()
        keep_exact(model, exact)
    missing = sorted(key for key in loading_info["missing_keys"] if not key.endswith(TRAINING_ONLY_WEIGHTS))
    missing += sorted(str(row[0]) for row in loading_info.get("mismatched_keys", ()))
    if missing:
        raise EngineFailed(
            f"The model in {folder} is not whole: {len(missing)} weights are missing, such as {missing[0]}."
        )
    return model


def load_component(component_class: Any, checkpoint: Checkpoint) -> Any:  # noqa: ANN401 - classes without types
    """Return a checkpoint's tokenizer, processor or the like, of one of the library's classes.

    Raises EngineFailed.
    """
    with as_engine_failed(f"The {component_class.__name__} in {checkpoint.path} cannot be loaded"):
        return component_class.from_pretrained(
            checkpoint.path, local_files_only=True, trust_remote_code=checkpoint.remote_code
        )


@contextmanager
def as_engine_failed(failure: str) -> Iterator[None]:
    """Raise what the library raises as an EngineFailed that begins with `failure`, and keep it quiet."""
    library_logging.set_verbosity(logging.CRITICAL)
    library_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (SpeechError, Stop):
        raise
    except Exception as exc:  # the library raises whatever its parsers do
        raise EngineFailed(f"{failure}: {type(exc).__name__}: {telling_line(exc)}") from exc


def load_array(file: Path) -> torch.Tensor:
    """Return the one array in a file: `.npy` or `.safetensors`. Raises EngineFailed."""
    import numpy as np
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            (array,) = load_file(file).values()
        else:
            array = torch.from_numpy(np.load(file, allow_pickle=False))
    except Exception as exc:  # a file that is no array, or holds several, fails in many ways
        raise EngineFailed(
            f"{file} cannot be read: it should hold one array: {type(exc).__name__}: {telling_line(exc)}"
        ) from exc
    return array


def _read_config(folder: Path) -> Mapping[str, Any]:
    """Return what a folder's config.json holds; nothing where there is none. Raises EngineFailed."""
    file = folder / CONFIG_FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as exc:
        raise EngineFailed(f"{file} cannot be read: {exc}") from exc


def _subfolders(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())
