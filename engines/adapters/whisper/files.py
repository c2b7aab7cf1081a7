"""Open a Whisper checkpoint: a folder in the Hugging Face layout, whole, with weights in safetensors. Nothing
is downloaded.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TypeVar

from transformers import WhisperForConditionalGeneration, WhisperProcessor
from transformers.utils import logging as library_logging

from engines.errors import EngineFailed
from engines.toolkit.devices import choose, precision

WEIGHTS = "model.safetensors"
NEEDED = ("config.json", "generation_config.json", WEIGHTS, "tokenizer.json")
FEATURES = ("preprocessor_config.json", "processor_config.json")
"""either will do"""
Model = TypeVar("Model", bound=WhisperForConditionalGeneration)


def opened(folder: str, model: type[Model], device: str, dtype: str) -> tuple[Model, WhisperProcessor, str]:
    """Give the model, its processor, and the device that it is on. Raises EngineFailed."""
    path, device = checked(folder), str(choose(device))
    chosen = precision(dtype, device)
    library_logging.set_verbosity(logging.ERROR)
    library_logging.disable_progress_bar()
    try:
        processor = WhisperProcessor.from_pretrained(path, local_files_only=True)
        weights, found = model.from_pretrained(
            path, dtype=chosen, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        weights = weights.to(device).eval()
    except Exception as exc:  # the library raises whatever its parsers do
        raise EngineFailed(
            f"The Whisper model in {path} cannot be loaded: {type(exc).__name__}: {exc}"
        ) from exc
    if lacking := sorted(found["missing_keys"]):
        raise EngineFailed(
            f"{path} holds no whole Whisper model: {len(lacking)} weights are missing, such as {lacking[0]}."
        )
    if not hasattr(weights.generation_config, "no_timestamps_token_id"):
        raise EngineFailed(
            f"{path}/generation_config.json tells nothing of timestamps: it is not that of a Whisper model."
        )
    return weights, processor, device


def checked(folder: str) -> Path:
    """Give the folder if it looks like a checkpoint. Raises EngineFailed."""
    if not folder:
        raise EngineFailed(
            "Which Whisper model? Set the option `path` to the folder of a checkpoint in the Hugging Face layout."
        )
    path = Path(folder)
    if not path.is_dir():
        raise EngineFailed(
            f"There is no folder {path}: the option `path` should name that of a Whisper checkpoint."
        )
    missing = [name for name in NEEDED if not (path / name).is_file()]
    if WEIGHTS in missing and (path / f"{WEIGHTS}.index.json").is_file():
        missing.remove(WEIGHTS)  # large ones come in several files
    if not any((path / name).is_file() for name in FEATURES):
        missing.append(FEATURES[0])
    if missing:
        raise EngineFailed(f"The Whisper model in {path} is not whole: {', '.join(missing)} is missing.")
    return path
