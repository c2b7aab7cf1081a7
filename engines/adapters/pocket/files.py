"""Find and load Pocket TTS's files; nothing is ever downloaded.

A model may lie in one folder, or as on the hub, where weights, tokenizer and voices of a language are in
`languages/<language>/` of several repositories. A path in the configuration that leads to a hub or the web is
searched in these folders, by its last part.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import safetensors
import torch
import yaml

from engines.errors import EngineFailed
from engines.toolkit.error_text import telling_line

CONFIG = "config.yaml"
VOICE_FOLDERS = ("", "embeddings", "voices")
"""folders, within the model's own, where preset voices may be"""
PATH_KEYS = (
    ("weights_path",),
    ("flow_lm", "weights_path"),
    ("mimi", "weights_path"),
    ("flow_lm", "lookup_table", "tokenizer_path"),
)
"""where a configuration names files"""


def read_config(folders: Sequence[Path], language: str) -> dict[str, Any]:
    """Return the configuration, with local paths for all in it. Raises EngineFailed."""
    places = list(_language_folders(folders, language))
    own = (folder / CONFIG for folder in places if (folder / CONFIG).exists())
    file = next(own, _library_configs() / f"{language}.yaml")
    if not file.exists():
        missing = folders[0] / CONFIG
        raise EngineFailed(
            f"Pocket TTS's files are not there: {missing} is missing, "
            f"and the library knows no model '{language}'."
        )
    try:
        config = yaml.safe_load(file.read_text("utf-8"))
        config.pop("weights_path_without_voice_cloning", None)
        for path in PATH_KEYS:
            if written := _value_at(config, path):
                _value_at(config, path[:-1])[path[-1]] = str(_find_file(places, written))
    except (OSError, ValueError, AttributeError, TypeError, KeyError, yaml.YAMLError) as exc:
        raise EngineFailed(
            f"Pocket TTS's {file} cannot be read: {type(exc).__name__}: {telling_line(exc)}"
        ) from exc
    return dict(config)


def find_presets(folders: Sequence[Path], language: str, config: dict[str, Any]) -> dict[str, Path]:
    """Return the files of a model's preset voices, by name."""
    weights = {_value_at(config, path) for path in PATH_KEYS}
    files = [
        file
        for folder in _language_folders(folders, language)
        for subfolder in VOICE_FOLDERS
        for file in sorted((folder / subfolder).glob("*.safetensors"))
        if str(file.absolute()) not in weights and _is_state(file)
    ]
    return {file.stem: file for file in files}


def _language_folders(folders: Sequence[Path], language: str) -> Iterator[Path]:
    """Yield where a language's files may be."""
    for folder in folders:
        yield from (folder, folder / "languages" / language)


def _value_at(config: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - what YAML holds
    for part in path:
        config = config.get(part) if config else None
    return config


def _find_file(folders: Sequence[Path], written: str) -> Path:
    """Return the local file that a path of a configuration means. Raises EngineFailed."""
    name = written.partition("@")[0].rpartition("/")[2] if "://" in written else written
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if found is None:
        raise EngineFailed(f"Pocket TTS's files are not there: {folders[0] / name} is missing.")
    return found.absolute()


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


def _is_state(file: Path) -> bool:
    """Return whether a file is a voice rather than weights, by what is in it.

    A file that cannot be read counts as a voice, which fails once it is used.
    """
    try:
        with safetensors.safe_open(file, framework="pt") as content:
            return all("/" in key for key in content.keys())  # noqa: SIM118 - it has only this
    except (OSError, safetensors.SafetensorError):
        return True
