"""Find the folders that a TADA is made of, wherever a pull has put them; nothing of torch is imported.

TADA comes in four repositories: the language model; the codec, with an encoder, a decoder and an aligner for
each language; the tokenizer of Llama 3.2; and the configuration of the wav2vec 2.0 whose shape the aligners
have. Each is known by its files, in whatever order the folders come. A folder of one's own may hold the
others in folders of any names beside its weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from engines.adapters.tada.languages import ALIGNERS, ENGLISH
from engines.errors import EngineFailed

CONFIG = "config.json"
ENCODER = "encoder"
DECODER = "decoder"
TOKENIZER = "tokenizer.json"
WAV2VEC = "wav2vec2"
"""the `model_type` of the aligners' shape"""


class TadaFolders(msgspec.Struct, frozen=True):
    """Where the parts of a TADA lie."""

    model: Path
    codec: Path
    tokenizer: Path
    wav2vec: Path


def find_folders(folders: Sequence[Path]) -> TadaFolders:
    """Return where the parts lie, the model's own folder given first. Raises EngineFailed."""
    if not folders or not (folders[0] / CONFIG).is_file():
        place = f": {folders[0] / CONFIG} is missing." if folders else ": tell their folder as `path`."
        raise EngineFailed(f"TADA's files are not there{place}")
    within = sorted(folder for folder in folders[0].iterdir() if folder.is_dir())
    others = (*folders[1:], folders[0], *within)
    return TadaFolders(
        model=folders[0],
        codec=_first(others, _is_codec, f"the codec: a folder with {ENCODER}/, {DECODER}/ and aligners"),
        tokenizer=_first(others, _has_tokenizer, f"the tokenizer: a folder with Llama 3.2's {TOKENIZER}"),
        wav2vec=_first(others, _is_wav2vec, f"the aligners' shape: a folder with wav2vec 2.0's {CONFIG}"),
    )


def read_config(folder: Path) -> dict[str, object]:
    """Return a folder's config.json; empty where it has none that is an object."""
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _first(folders: Sequence[Path], fits: Callable[[Path], bool], what: str) -> Path:
    """Return the first folder that fits. Raises EngineFailed."""
    found = next((folder for folder in folders if fits(folder)), None)
    if found is None:
        raise EngineFailed(f"TADA lacks {what}.")
    return found


def _is_codec(folder: Path) -> bool:
    parts = (ENCODER, DECODER, ALIGNERS[ENGLISH])
    return all((folder / part / CONFIG).is_file() for part in parts)


def _has_tokenizer(folder: Path) -> bool:
    return (folder / TOKENIZER).is_file()


def _is_wav2vec(folder: Path) -> bool:
    return read_config(folder).get("model_type") == WAV2VEC
