"""The files of a Whisper checkpoint in the Hugging Face layout, and which are missing, without torch."""

from __future__ import annotations

import re
from pathlib import Path

from engines.errors import EngineFailed

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
ENGLISH_TOKENS = 51_864
"""in the vocabulary of the Whispers that know English only: one less than the others have"""


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
        has_safetensors(path) or any((path / name).is_file() for name in OLDER_WEIGHTS)
    ):
        missing.remove(WEIGHTS_FILE)
    if TOKENIZER_FILE in missing and all((path / name).is_file() for name in OLDER_TOKENIZER):
        missing.remove(TOKENIZER_FILE)
    if not any((path / name).is_file() for name in FEATURE_FILES):
        missing.append(FEATURE_FILES[0])
    if missing:
        raise EngineFailed(f"The Whisper model in {path} is not whole: {', '.join(missing)} is missing.")
    return path


def has_safetensors(path: Path) -> bool:
    """Return whether a folder has its weights in safetensors; large ones come in several files."""
    return any((path / name).is_file() for name in (WEIGHTS_FILE, f"{WEIGHTS_FILE}.index.json"))
