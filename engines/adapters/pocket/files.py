"""Pocket TTS's files: the configuration, with every path in it one of a local folder; nothing is ever
downloaded.

A model may lie in one folder, or as on the hub, where weights, tokenizer and voices of a language are in
`languages/<language>/` of several repositories. A path in the configuration that leads to a hub or the web is
looked for in these folders, by its last part.
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

CONFIG = "config.yaml"
PLACES = ("", "embeddings", "voices")
"""folders, within the model's own, where preset voices may be"""
PATHS = (
    ("weights_path",),
    ("flow_lm", "weights_path"),
    ("mimi", "weights_path"),
    ("flow_lm", "lookup_table", "tokenizer_path"),
)
"""where a configuration names files"""


def localized(folders: Sequence[Path], language: str) -> dict[str, Any]:
    """Read the configuration, every path in it in the folders or a local one. Raises EngineFailed."""
    places = list(_places(folders, language))
    file = next(
        (place / CONFIG for place in places if (place / CONFIG).exists()),
        _configurations() / f"{language}.yaml",
    )
    if not file.exists():
        missing = folders[0] / CONFIG
        raise EngineFailed(
            f"Pocket TTS's files are not there: {missing} is missing, and the library knows no model '{language}'."
        )
    try:
        config = yaml.safe_load(file.read_text("utf-8"))
        config.pop("weights_path_without_voice_cloning", None)
        for path in PATHS:
            if written := _at(config, path):
                _at(config, path[:-1])[path[-1]] = str(_local(places, written))
    except (OSError, ValueError, AttributeError, TypeError, KeyError, yaml.YAMLError) as exc:
        raise EngineFailed(
            f"Pocket TTS's {file} cannot be read: {type(exc).__name__}: {first_line(exc)}"
        ) from exc
    return dict(config)


def presets(folders: Sequence[Path], language: str, config: dict[str, Any]) -> dict[str, Path]:
    """Find the preset voices of a model by name."""
    weights = {_at(config, path) for path in PATHS}
    files = [
        file
        for folder in _places(folders, language)
        for place in PLACES
        for file in sorted((folder / place).glob("*.safetensors"))
        if str(file.absolute()) not in weights and _is_state(file)
    ]
    return {file.stem: file for file in files}


def _places(folders: Sequence[Path], language: str) -> Iterator[Path]:
    """Give where a language's files may be."""
    for folder in folders:
        yield from (folder, folder / "languages" / language)


def _at(config: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - what YAML holds
    for part in path:
        config = config.get(part) if config else None
    return config


def _local(places: Sequence[Path], written: str) -> Path:
    """Find the file that a path of a configuration means. Raises EngineFailed."""
    name = written.partition("@")[0].rpartition("/")[2] if "://" in written else written
    found = next((place / name for place in places if (place / name).is_file()), None)
    if found is None:
        raise EngineFailed(f"Pocket TTS's files are not there: {places[0] / name} is missing.")
    return found.absolute()


def loaded(config: dict[str, Any], device: str) -> Any:  # noqa: ANN401 - TTSModel
    """Load the model of a configuration. Raises EngineFailed."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / CONFIG
        file.write_text(yaml.safe_dump(config), "utf-8")
        try:
            return library().TTSModel.load_model(config=str(file)).to(torch.device(device)).eval()
        except Exception as exc:  # a broken file, or one that does not fit, fails in many ways
            raise EngineFailed(
                f"Pocket TTS cannot load its files: {type(exc).__name__}: {first_line(exc)}"
            ) from exc


def library() -> Any:  # noqa: ANN401 - a module without types
    """Import the library, and leave torch's threads as they were; its log would hold what people say."""
    threads = torch.get_num_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pocket_tts
    torch.set_num_threads(threads)
    logging.getLogger("pocket_tts").setLevel(logging.CRITICAL)
    return pocket_tts


def _configurations() -> Path:
    return Path(library().__file__).parent / "config"


def _is_state(file: Path) -> bool:
    """Tell a voice from weights by what is in it; a file that cannot be read is a voice that cannot be spoken
    with.
    """
    try:
        with safetensors.safe_open(file, framework="pt") as content:
            return all("/" in key for key in content.keys())  # noqa: SIM118 - it has only this
    except (OSError, safetensors.SafetensorError):
        return True


def first_line(exc: BaseException) -> str:
    """Give what an error says first."""
    return str(exc).strip().partition("\n")[0]
