"""Load a Whisper checkpoint from a folder in the Hugging Face layout, with weights in safetensors.

Nothing is downloaded, and a checkpoint that lacks files or weights is refused.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TypeVar

from transformers import WhisperForConditionalGeneration, WhisperProcessor
from transformers.utils import logging as library_logging

from engines.errors import EngineFailed
from engines.toolkit.devices import choose_device, choose_dtype

WEIGHTS_FILE = "model.safetensors"
REQUIRED_FILES = ("config.json", "generation_config.json", WEIGHTS_FILE, "tokenizer.json")
FEATURE_FILES = ("preprocessor_config.json", "processor_config.json")
"""either will do"""
Model = TypeVar("Model", bound=WhisperForConditionalGeneration)


def load_whisper(
    folder: str, model_class: type[Model], device: str, dtype: str
) -> tuple[Model, WhisperProcessor, str]:
    """Return the model in a folder, its processor, and the device that it is on. Raises EngineFailed."""
    path = check_folder(folder)
    device = str(choose_device(device))
    torch_dtype = choose_dtype(dtype, device)
    library_logging.set_verbosity(logging.ERROR)
    library_logging.disable_progress_bar()
    try:
        processor = WhisperProcessor.from_pretrained(path, local_files_only=True)
        model, loading_info = model_class.from_pretrained(
            path, dtype=torch_dtype, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        model = model.to(device).eval()
    except Exception as exc:  # the library raises whatever its parsers do
        raise EngineFailed(
            f"The Whisper model in {path} cannot be loaded: {type(exc).__name__}: {exc}"
        ) from exc
    if missing := sorted(loading_info["missing_keys"]):
        raise EngineFailed(
            f"{path} holds no whole Whisper model: {len(missing)} weights are missing, such as {missing[0]}."
        )
    if not hasattr(model.generation_config, "no_timestamps_token_id"):
        raise EngineFailed(
            f"{path}/generation_config.json tells nothing of timestamps: it is not that of a Whisper model."
        )
    return model, processor, device


def check_folder(folder: str) -> Path:
    """Return the path of a folder that has all files of a checkpoint. Raises EngineFailed."""
    if not folder:
        raise EngineFailed(
            "Which Whisper model? "
            "Set the option `path` to the folder of a checkpoint in the Hugging Face layout."
        )
    path = Path(folder)
    if not path.is_dir():
        raise EngineFailed(
            f"There is no folder {path}: the option `path` should name that of a Whisper checkpoint."
        )
    missing = [name for name in REQUIRED_FILES if not (path / name).is_file()]
    if WEIGHTS_FILE in missing and (path / f"{WEIGHTS_FILE}.index.json").is_file():
        missing.remove(WEIGHTS_FILE)  # large ones come in several files
    if not any((path / name).is_file() for name in FEATURE_FILES):
        missing.append(FEATURE_FILES[0])
    if missing:
        raise EngineFailed(f"The Whisper model in {path} is not whole: {', '.join(missing)} is missing.")
    return path
