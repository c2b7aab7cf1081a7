"""The voices of models that transformers runs, as their settings tell them; nothing of torch is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from engines.adapters.transformers_models.languages import TWO_LETTER_CODES
from engines.api import Voice
from engines.toolkit.preset_voices import IsInstalled, PresetVoices, spread_over

SPEAKER_COUNTS = {"csm": 4, "vibevoice": 4}
"""speakers that have numbers only, by model type"""
DIA_SPEAKERS = ("s1", "s2")
BARK_RANDOM = "random"
"""a voice that the model makes up, for each text another"""
EMBEDDINGS = "speaker_embeddings"
BARK_ENDING = "_semantic_prompt"
"""of the first of the three files of one voice of Bark's"""


class ModelConfig(msgspec.Struct, frozen=True):
    """The fields that are read of a model's config.json."""

    model_type: str = ""
    num_speakers: int = 1


class TokenizerConfig(msgspec.Struct, frozen=True):
    """The fields that are read of a model's tokenizer_config.json."""

    language: str | None = None


def read_voices(
    folders: Sequence[Path], options: Mapping[str, object], is_installed: IsInstalled
) -> PresetVoices:
    """Return the voices of a model's folders. Raises OSError, or ValueError for settings that are none."""
    config = msgspec.json.decode((folders[0] / "config.json").read_bytes(), type=ModelConfig)
    language = _language(folders[0])
    names = list(_names(config, folders))
    voices = tuple(Voice(name, name.replace("-", " ").title(), language) for name in names)
    return PresetVoices(voices, spread_over(voices))


def _names(config: ModelConfig, folders: Sequence[Path]) -> Iterator[str]:
    kind = config.model_type
    count = config.num_speakers if kind == "vits" else SPEAKER_COUNTS.get(kind, 1)
    if kind == "dia":
        yield from DIA_SPEAKERS
    elif kind == "bark":
        yield from sorted(_bark_names(folders[0]), key=bark_order)
        yield BARK_RANDOM
    elif kind == "speecht5":
        yield from sorted({file.stem for folder in folders for file in folder.glob(f"{EMBEDDINGS}/*")})
    elif count > 1:
        yield from (f"speaker-{number}" for number in range(count))
    else:
        yield "default"


def _bark_names(folder: Path) -> Iterator[str]:
    """Yield the names of Bark's voices: those of the newer ones begin with the folder that they are in."""
    for file in (folder / EMBEDDINGS).rglob(f"*{BARK_ENDING}.npy"):
        yield file.relative_to(folder / EMBEDDINGS).with_suffix("").as_posix().removesuffix(BARK_ENDING)


def bark_order(name: str) -> tuple[bool, bool, str]:
    """Return what sorts the newer voices first, and English ones first among these."""
    return (not name.startswith("v2/"), "en_speaker" not in name, name)


def _language(folder: Path) -> tuple[str, ...]:
    """Return the language that a tokenizer names; nothing where it names none."""
    try:
        written = (folder / "tokenizer_config.json").read_bytes()
        named = msgspec.json.decode(written, type=TokenizerConfig).language or ""
    except (OSError, msgspec.DecodeError):
        return ()
    code = named.partition("-")[0]
    return (TWO_LETTER_CODES.get(code, code),) if code else ()
