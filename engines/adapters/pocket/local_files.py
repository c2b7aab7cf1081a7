"""Find Pocket TTS's files, whatever library reads them; nothing is downloaded, and no torch is needed.

A model may lie in one folder, or as on the hub, where weights, tokenizer and voices of a language are in
`languages/<language>/` of several repositories. A path in the configuration that leads to a hub or the web is
searched in these folders, by its last part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import safetensors
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


def read_local_config(
    folders: Sequence[Path], language: str, library_configs: Path | None = None
) -> dict[str, Any]:
    """Return the configuration, with local paths for all in it; where the folders have none, the library's
    own, if it is there. Raises EngineFailed.
    """
    places = list(_language_folders(folders, language))
    own = (folder / CONFIG for folder in places if (folder / CONFIG).exists())
    file = next(own, library_configs / f"{language}.yaml" if library_configs else None)
    if file is None or not file.exists():
        missing = folders[0] / CONFIG
        otherwise = f", and the library knows no model '{language}'" if library_configs else ""
        raise EngineFailed(f"Pocket TTS's files are not there: {missing} is missing{otherwise}.")
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


def _is_state(file: Path) -> bool:
    """Return whether a file is a voice rather than weights, by what is in it.

    A file that cannot be read counts as a voice, which fails once it is used.
    """
    try:
        with safetensors.safe_open(file, framework="np") as content:
            return all("/" in key for key in content.keys())  # noqa: SIM118 - it has only this
    except (OSError, safetensors.SafetensorError):
        return True
