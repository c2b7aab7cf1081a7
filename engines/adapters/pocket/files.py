"""Load Pocket TTS by its own library; nothing is ever downloaded."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from engines.adapters.pocket.local_files import CONFIG, read_local_config
from engines.errors import EngineFailed
from engines.toolkit.error_text import telling_line


def read_config(folders: Sequence[Path], language: str) -> dict[str, Any]:
    """Return the configuration, with local paths for all in it. Raises EngineFailed."""
    return read_local_config(folders, language, _library_configs())


def load_model(config: dict[str, Any], device: str) -> Any:  # noqa: ANN401 - TTSModel
    """Return the model of a configuration, on a device. Raises EngineFailed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / CONFIG
        file.write_text(yaml.safe_dump(config), "utf-8")
        try:
            return import_library().TTSModel.load_model(config=str(file)).to(torch.device(device)).eval()
        except Exception as exc:  # a broken file, or one that does not fit, fails in many ways
            raise EngineFailed(
                f"Pocket TTS cannot load its files: {type(exc).__name__}: {telling_line(exc)}"
            ) from exc


def import_library() -> Any:  # noqa: ANN401 - a module without types
    """Return the library, with its log silenced, which would hold what people say.

    Importing it sets torch's threads to one; they are left as they were.
    """
    threads = torch.get_num_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pocket_tts
    torch.set_num_threads(threads)
    logging.getLogger("pocket_tts").setLevel(logging.CRITICAL)
    return pocket_tts


def _library_configs() -> Path:
    return Path(import_library().__file__).parent / "config"
