"""What the config.json of a Qwen3-TTS says of it, read without its library."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast, get_args

import msgspec

from engines.adapters.qwen3_tts.languages import language_tags
from engines.errors import EngineFailed

Kind = Literal["base", "custom_voice", "voice_design"]
NAMES: dict[Kind, str] = {
    "base": "qwen3-tts",
    "custom_voice": "qwen3-tts-custom",
    "voice_design": "qwen3-tts-design",
}
"""the engine of each kind"""
CONFIG = "config.json"
MODEL_TYPE = "qwen3_tts"
CODEC = "qwen3_tts_tokenizer_12hz"
"""the one codec of which frames can be decoded one after another"""
SMALL = "0b6"
"""the size of models that take no instructions, as the library writes 0.6B"""
DIALECT = "dialect"
"""what is in the names of languages that only some voices speak"""


class TalkerConfig(msgspec.Struct, frozen=True):
    """What it says of the network that speaks."""

    spk_id: dict[str, Any] | None = None
    """its voices"""
    codec_language_id: dict[str, int] | None = None
    """its languages, by the library's names, and dialects"""


class Config(msgspec.Struct, frozen=True):
    """What it says of the model."""

    model_type: str = ""
    tts_model_type: str = ""
    tts_model_size: str | None = None
    tokenizer_type: str = ""
    talker_config: TalkerConfig = TalkerConfig()
    dtype: str | None = None
    torch_dtype: str | None = None

    @property
    def kind(self) -> Kind:
        """Which of the three kinds of models it is."""
        return cast(Kind, self.tts_model_type)

    @property
    def follows_instructions(self) -> bool:
        """Whether it follows instructions: the models of 0.6B do not, and the library drops them."""
        return self.kind != "base" and self.tts_model_size != SMALL

    @property
    def speakers(self) -> tuple[str, ...]:
        """Its preset voices, in small letters."""
        return tuple(name.lower() for name in self.talker_config.spk_id or {})

    @property
    def languages(self) -> tuple[str, ...]:
        """Its languages by the library's names, without dialects."""
        return tuple(name for name in self.talker_config.codec_language_id or {} if DIALECT not in name)

    @property
    def tags(self) -> tuple[str, ...]:
        """The BCP-47 tags of its languages."""
        return language_tags(self.languages)


def read_config(folder: Path) -> Config:
    """Return what a model's config.json says. Raises EngineFailed where it is missing or another model's."""
    file = folder / CONFIG
    try:
        config = msgspec.json.decode(file.read_bytes(), type=Config)
    except FileNotFoundError as exc:
        raise EngineFailed(f"Qwen3-TTS's files are not there: {file} is missing.") from exc
    except (OSError, msgspec.DecodeError) as exc:
        raise EngineFailed(f"Qwen3-TTS's {file} cannot be read: {exc}") from exc
    if config.model_type != MODEL_TYPE or config.tts_model_type not in get_args(Kind):
        is_what = " ".join(filter(None, (config.model_type, config.tts_model_type))) or "without a type"
        raise EngineFailed(f"{file} is that of a model `{is_what}`; this engine runs `{MODEL_TYPE}` only.")
    if config.tokenizer_type != CODEC:
        raise EngineFailed(
            f"{file} is of a model with the codec `{config.tokenizer_type}`; this engine runs `{CODEC}` only."
        )
    return config
