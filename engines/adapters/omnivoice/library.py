"""Load an OmniVoice by its library, `omnivoice`, from a folder; nothing is downloaded, or printed.

The library cuts silences out of recordings by pydub, which is not installed: recordings come prepared, and
what it makes is left as it is.
"""

from __future__ import annotations

import functools
import io
import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import safetensors
import torch

from engines.errors import EngineFailed, SpeechError
from engines.toolkit.error_text import telling_line
from engines.toolkit.stub_modules import replaced_modules

CODEC_FOLDER = "audio_tokenizer"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""of weights in several files"""
NEEDED = (
    ("config.json",),
    (WEIGHTS, INDEX),
    ("tokenizer.json", "vocab.json"),
    ("tokenizer_config.json",),
    (f"{CODEC_FOLDER}/config.json",),
    (f"{CODEC_FOLDER}/{WEIGHTS}", f"{CODEC_FOLDER}/{INDEX}"),
    (f"{CODEC_FOLDER}/preprocessor_config.json",),
)
"""one file of each"""
NOT_ITS_FILE = ("audio_tokenizer.", "codebook_layer_offsets")
"""how what is no weight of its file begins, among the weights of a model that is loaded"""
OTHER_NAMES = {
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}
"""of weights in files that older versions of torch wrote"""


@functools.cache
def import_library() -> Any:  # noqa: ANN401 - a module without types
    """Return the library's module. Raises EngineFailed."""
    try:
        import transformers

        with replaced_modules(*_pydub()), _quiet():
            import omnivoice
    except ImportError as exc:
        raise EngineFailed(f"OmniVoice's library cannot be imported: {telling_line(exc)}") from exc
    transformers.utils.logging.set_verbosity(logging.CRITICAL)
    transformers.utils.logging.disable_progress_bar()
    return omnivoice


def _pydub() -> tuple[ModuleType, ModuleType]:
    """Return modules with the names that are imported of pydub."""
    pydub, silence = ModuleType("pydub"), ModuleType("pydub.silence")
    vars(pydub).update(AudioSegment=object, silence=silence)
    vars(silence).update(dict.fromkeys(("detect_leading_silence", "detect_nonsilent", "split_on_silence")))
    return pydub, silence


def read_config(folder: Path) -> dict[str, Any]:
    """Return a model's config.json. Raises EngineFailed where that, or another file, is missing or broken."""
    _check_files(folder)
    with _as_engine_failed(folder):
        return msgspec.json.decode((folder / "config.json").read_bytes(), type=dict[str, Any])


def load_model(folder: Path, device: torch.device, dtype: torch.dtype) -> Any:  # noqa: ANN401 - the library's OmniVoice
    """Return the model of a folder on a device; its codec computes in float32, whatever the dtype.

    Raises EngineFailed, which names what is at fault.
    """
    library = import_library()
    with _as_engine_failed(folder):
        model = library.OmniVoice.from_pretrained(
            str(folder), device_map=str(device), dtype=dtype, attn_implementation="sdpa"
        ).eval()
        model.audio_tokenizer.float().eval()
        names = model.state_dict()
        _check_weights(folder, (name for name in names if not name.startswith(NOT_ITS_FILE)))
        _check_weights(folder / CODEC_FOLDER, model.audio_tokenizer.state_dict())
    return model


def _check_files(folder: Path) -> None:
    for names in NEEDED:
        if not any((folder / name).is_file() for name in names):
            alternatives = " or ".join(str(folder / name) for name in names)
            raise EngineFailed(f"OmniVoice's files are not there: {alternatives} is missing.")


def _check_weights(folder: Path, needed: Iterable[str]) -> None:
    """Check that a folder has all weights of a network: the library would draw the others at random.

    Raises EngineFailed.
    """
    there = {_older(name) for name in _weight_names(folder)}
    missing = sorted(name for name in needed if _older(name) not in there)
    if missing:
        raise EngineFailed(
            f"OmniVoice's {folder / WEIGHTS} is not whole:"
            f" {len(missing)} weights are missing, such as {missing[0]}."
        )


def _older(name: str) -> str:
    for new, old in OTHER_NAMES.items():
        name = name.replace(new, old)
    return name


def _weight_names(folder: Path) -> set[str]:
    if (folder / INDEX).is_file():
        index = msgspec.json.decode((folder / INDEX).read_bytes(), type=dict[str, Any])
        return set(index.get("weight_map", {}))
    with safetensors.safe_open(folder / WEIGHTS, framework="pt") as file:
        return set(file.keys())


@contextmanager
def _as_engine_failed(folder: Path) -> Iterator[None]:
    """Raise what the library raises as an EngineFailed, and keep it quiet."""
    try:
        with _quiet():
            yield
    except SpeechError:
        raise
    except Exception as exc:  # a broken file, or one that does not fit, fails in many ways
        reason = f"{type(exc).__name__}: {telling_line(exc)}"
        raise EngineFailed(f"OmniVoice in {folder} cannot be loaded: {reason}") from exc


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop what the library prints and warns of."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
