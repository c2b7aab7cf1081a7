"""Load a Whisper checkpoint from a folder in the Hugging Face layout, with weights in safetensors.

Nothing is downloaded, and a checkpoint that lacks files or weights is refused.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor
from transformers.utils import logging as library_logging

from engines.api import Place
from engines.errors import EngineFailed
from engines.toolkit.building import built_on
from engines.toolkit.devices import PREFERENCE, choose_device, choose_dtype, published_dtype
from engines.toolkit.error_text import telling_line

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
OLDER_WEIGHTS = ("pytorch_model.bin", "pytorch_model.bin.index.json")
"""read as plain tensors where there are no safetensors"""
TOKENIZER_FILE = "tokenizer.json"
OLDER_TOKENIZER = ("vocab.json", "merges.txt")
"""what fine-tuning often leaves in its place"""
REQUIRED_FILES = (CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE)
GENERATION_FILE = "generation_config.json"
FEATURE_FILES = ("preprocessor_config.json", "processor_config.json")
"""either will do"""
NO_TIMES = "<|notimestamps|>"
LANGUAGE_TOKEN = re.compile(r"<\|[a-z]{2,3}\|>")
FIRST_SECONDS = 1
"""in which a window's first words begin, as in all published models"""
TIMES_A_SECOND = 50
ENGLISH_TOKENS = 51_864
"""in the vocabulary of the Whispers that know English only: one less than the others have"""
Model = TypeVar("Model", bound=WhisperForConditionalGeneration)


def load_whisper(folder: str, model_class: type[Model], place: Place) -> tuple[Model, WhisperProcessor, str]:
    """Return the model in a folder, its processor, and the device that it is on. Raises EngineFailed."""
    path = check_folder(folder)
    device = str(choose_device(place.device, PREFERENCE, place.group))
    torch_dtype = choose_dtype(place.dtype, device, _published_dtype(path))
    library_logging.set_verbosity(logging.ERROR)
    library_logging.disable_progress_bar()
    try:
        processor = WhisperProcessor.from_pretrained(path, local_files_only=True)
        model, loading_info = model_class.from_pretrained(
            path,
            dtype=torch_dtype,
            local_files_only=True,
            use_safetensors=_has_safetensors(path),
            weights_only=True,
            output_loading_info=True,
            **built_on(device),
        )
        model = model.to(device).eval()
    except Exception as exc:  # the library raises whatever its parsers do
        raise EngineFailed(
            f"The Whisper model in {path} cannot be loaded: {type(exc).__name__}: {telling_line(exc)}"
        ) from exc
    if missing := sorted(loading_info["missing_keys"]):
        raise EngineFailed(
            f"{path} holds no whole Whisper model: {len(missing)} weights are missing, such as {missing[0]}."
        )
    if not (path / GENERATION_FILE).is_file():
        _set_generation(model, processor.tokenizer)
    if not hasattr(model.generation_config, "no_timestamps_token_id"):
        raise EngineFailed(
            f"{path}/generation_config.json tells nothing of timestamps: it is not that of a Whisper model."
        )
    return model, processor, device


def _published_dtype(path: Path) -> torch.dtype | None:
    """Return the dtype of the weights, as far as the library will be able to read what says so."""
    try:
        config = msgspec.json.decode((path / CONFIG_FILE).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        return None
    return published_dtype(config)


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
    if WEIGHTS_FILE in missing and (
        _has_safetensors(path) or any((path / name).is_file() for name in OLDER_WEIGHTS)
    ):
        missing.remove(WEIGHTS_FILE)
    if TOKENIZER_FILE in missing and all((path / name).is_file() for name in OLDER_TOKENIZER):
        missing.remove(TOKENIZER_FILE)
    if not any((path / name).is_file() for name in FEATURE_FILES):
        missing.append(FEATURE_FILES[0])
    if missing:
        raise EngineFailed(f"The Whisper model in {path} is not whole: {', '.join(missing)} is missing.")
    return path


def _has_safetensors(path: Path) -> bool:
    """Return whether a folder has its weights in safetensors; large ones come in several files."""
    return any((path / name).is_file() for name in (WEIGHTS_FILE, f"{WEIGHTS_FILE}.index.json"))


def _set_generation(model: WhisperForConditionalGeneration, tokenizer: Any) -> None:  # noqa: ANN401 - without types
    """Tell a model how it is prompted by its tokenizer's words, where a fine-tuned one came without the file
    that says so. It then finds no times of words, which only that file could tell.
    """
    tokens: dict[str, int] = tokenizer.get_added_vocab()
    if NO_TIMES not in tokens:
        return
    settings = model.generation_config
    languages = {word: number for word, number in tokens.items() if LANGUAGE_TOKEN.fullmatch(word)}
    settings.no_timestamps_token_id = tokens[NO_TIMES]
    settings.decoder_start_token_id = tokens["<|startoftranscript|>"]
    settings.prev_sot_token_id = tokens["<|startofprev|>"]
    settings.max_initial_timestamp_index = FIRST_SECONDS * TIMES_A_SECOND
    settings.is_multilingual = model.config.vocab_size != ENGLISH_TOKENS
    if settings.is_multilingual:
        settings.lang_to_id = languages
        settings.task_to_id = {task: tokens[f"<|{task}|>"] for task in ("transcribe", "translate")}
    settings.forced_decoder_ids = None
