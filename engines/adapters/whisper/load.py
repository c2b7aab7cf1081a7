"""Load a Whisper checkpoint from a folder in the Hugging Face layout, with weights in safetensors.

Nothing is downloaded, and a checkpoint that lacks files or weights is refused.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor
from transformers.utils import logging as library_logging

from engines.adapters.whisper.checkpoint import (
    CONFIG_FILE,
    ENGLISH_TOKENS,
    GENERATION_FILE,
    LANGUAGE_TOKEN,
    NO_TIMES,
    check_folder,
    has_safetensors,
)
from engines.api import Place
from engines.errors import EngineFailed
from engines.toolkit.building import built_on
from engines.toolkit.devices import PREFERENCE, choose_device, choose_dtype, published_dtype
from engines.toolkit.error_text import telling_line

FIRST_SECONDS = 1
"""in which a window's first words begin, as in all published models"""
TIMES_A_SECOND = 50
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
            use_safetensors=has_safetensors(path),
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
