"""Load a Qwen3-TTS by its library, `qwen-tts`, from a folder; nothing is downloaded, or printed.

The package imports three others for its codec of 25 frames a second, which no published model has: `sox`,
`torchaudio` and `onnxruntime`. Stubs replace them while it is imported.
"""

from __future__ import annotations

import functools
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import safetensors
import torch

from engines.errors import EngineFailed, SpeechError
from engines.toolkit.error_text import telling_line
from engines.toolkit.stub_modules import StubModule, replaced_modules

CODEC_FOLDER = "speech_tokenizer"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""of weights in several files"""
NEEDED = (
    ("generation_config.json",),
    (WEIGHTS, INDEX),
    ("tokenizer_config.json",),
    ("vocab.json", "tokenizer.json"),
    ("preprocessor_config.json", "processor_config.json"),
    (f"{CODEC_FOLDER}/config.json",),
    (f"{CODEC_FOLDER}/{WEIGHTS}", f"{CODEC_FOLDER}/{INDEX}"),
    (f"{CODEC_FOLDER}/preprocessor_config.json",),
)
"""besides config.json: one file of each"""
STUBS = ("sox", "torchaudio", "torchaudio.compliance", "torchaudio.compliance.kaldi", "onnxruntime")
SIZE_UNKNOWN = "unknown"
"""what a model is told of its size where its config.json says nothing: the library takes nothing for 0.6B"""


@functools.cache
def import_library() -> Any:  # noqa: ANN401 - a module without types
    """Return the library's module. Raises EngineFailed."""
    try:
        # before the stubs, as these look which packages are there
        import accelerate  # noqa: F401
        import transformers
        from transformers import (  # noqa: F401
            AutoProcessor,
            EncodecFeatureExtractor,
            GenerationMixin,
            MimiModel,
        )

        with replaced_modules(*(StubModule(name, "qwen-tts") for name in STUBS)), _quiet():
            import qwen_tts
    except ImportError as exc:
        raise EngineFailed(f"Qwen3-TTS's library cannot be imported: {telling_line(exc)}") from exc
    transformers.utils.logging.set_verbosity(logging.CRITICAL)
    transformers.utils.logging.disable_progress_bar()
    return qwen_tts


def load_model(folder: Path, device: torch.device, dtype: torch.dtype) -> Any:  # noqa: ANN401 - Qwen3TTSModel
    """Return the model of a folder on a device; its codec computes in float32, whatever the dtype.

    Raises EngineFailed, which names the file at fault.
    """
    _check_files(folder)
    library = import_library()
    with _as_engine_failed(folder):
        loaded = library.Qwen3TTSModel.from_pretrained(
            str(folder), device_map=str(device), dtype=dtype, attn_implementation="sdpa"
        )
        if dtype != torch.float32:
            codec = library.Qwen3TTSTokenizer.from_pretrained(
                str(folder / CODEC_FOLDER), device_map=str(device), dtype=torch.float32
            )
            loaded.model.load_speech_tokenizer(codec)
        model, codec = loaded.model.eval(), loaded.model.speech_tokenizer.model.eval()
        _check_weights(folder, model)
        _check_weights(folder / CODEC_FOLDER, codec)
    model.tts_model_size = model.tts_model_size or SIZE_UNKNOWN
    return loaded


def _check_files(folder: Path) -> None:
    """Check that no file is missing. Raises EngineFailed."""
    for names in NEEDED:
        if not any((folder / name).is_file() for name in names):
            alternatives = " or ".join(str(folder / name) for name in names)
            raise EngineFailed(f"Qwen3-TTS's files are not there: {alternatives} is missing.")


def _check_weights(folder: Path, module: torch.nn.Module) -> None:
    """Check that a folder has all weights of a network: the library would draw the others at random.

    Raises EngineFailed.
    """
    needed = [name for name, _ in module.named_parameters()]
    missing = sorted(set(needed) - _weight_names(folder))
    if missing:
        raise EngineFailed(
            f"Qwen3-TTS's {folder / WEIGHTS} is not whole:"
            f" {len(missing)} weights are missing, such as {missing[0]}."
        )


def _weight_names(folder: Path) -> set[str]:
    """Return the names of the weights in a folder."""
    if (folder / INDEX).is_file():
        index = msgspec.json.decode((folder / INDEX).read_bytes(), type=dict[str, Any])
        return set(index.get("weight_map", {}))
    with safetensors.safe_open(folder / WEIGHTS, framework="pt") as file:
        return set(file.keys())


@contextmanager
def _as_engine_failed(folder: Path) -> Iterator[None]:
    """Raise what the library raises as an EngineFailed that names the file at fault, and keep it quiet."""
    try:
        with _quiet():
            yield
    except SpeechError:
        raise
    except Exception as exc:  # a broken file, or one that does not fit, fails in many ways
        at_fault = next((file for file in _files(folder) if not _is_readable(file)), folder)
        reason = f"{type(exc).__name__}: {telling_line(exc)}"
        raise EngineFailed(f"Qwen3-TTS cannot load {at_fault}: {reason}") from exc


def _files(folder: Path) -> list[Path]:
    """Return the files that a model may be made of."""
    return [file for names in NEEDED for name in names if (file := folder / name).is_file()]


def _is_readable(file: Path) -> bool:
    """Return whether a file can be read by itself."""
    try:
        if file.suffix == ".json":
            msgspec.json.decode(file.read_bytes())
        else:
            with safetensors.safe_open(file, framework="pt"):
                pass
    except Exception:  # whatever its parser raises
        return False
    return True


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop what the library prints and warns of: flash-attn, which is not missed, among it."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
