"""`GET /v1/models` and `GET /v1/audio/voices`: the lists, in shapes that every known client reads."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from engines.api import Setting, Voice


class ListedVoice(msgspec.Struct, frozen=True):
    """A voice; `name` equals `id`, since some clients send back the one and some the other."""

    id: str
    name: str
    object: str = "audio.voice"
    language: str | UnsetType = UNSET
    languages: tuple[str, ...] = ()
    gender: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    engine: str | UnsetType = UNSET
    """the engine that brings it along; not told of voices of your own"""
    created_at: int | UnsetType = UNSET
    """seconds since 1970; of voices of your own, as is all below"""
    type: Literal["audio_sample", "prompt", "preset"] | UnsetType = UNSET
    """what it was made from"""
    prompt: str | UnsetType = UNSET
    """what it was designed from, where you may change the voice"""


class ModelSetting(msgspec.Struct, frozen=True, omit_defaults=True):
    """A setting of a model's own, that `settings` of a request may change."""

    name: str
    allowed: str
    """what it may be, in words"""
    minimum: float | UnsetType = UNSET
    maximum: float | UnsetType = UNSET
    choices: tuple[str, ...] | UnsetType = UNSET
    default: float | bool | str | UnsetType = UNSET
    """not there where it is the voice's own"""
    description: str | UnsetType = UNSET


class Model(msgspec.Struct, frozen=True):
    """A model in `/v1/models`. `voices` is there for speech models: Wyoming's bridge reads it."""

    id: str
    created: int
    owned_by: str
    object: str = "model"
    task: str | UnsetType = UNSET
    voices: tuple[ListedVoice, ...] | UnsetType = UNSET
    settings: tuple[ModelSetting, ...] | UnsetType = UNSET
    """its own, where it has some"""


class ModelList(msgspec.Struct, frozen=True):
    """The answer of `/v1/models`."""

    data: tuple[Model, ...]
    object: str = "list"


class AudioModels(msgspec.Struct, frozen=True):
    """`/v1/audio/models`, which Open WebUI asks first."""

    models: tuple[Model, ...]
    data: tuple[Model, ...]
    object: str = "list"


class VoiceList(msgspec.Struct, frozen=True):
    """`/v1/audio/voices`: the same list under both names that clients look for."""

    voices: tuple[ListedVoice, ...]
    data: tuple[ListedVoice, ...]
    object: str = "list"
    has_more: bool = False
    """there are more custom voices, behind `last_id`"""
    last_id: str | None = None


def listed(name: str, voice: Voice, engine: str) -> ListedVoice:
    """List an engine's voice under the name a request would use."""
    return ListedVoice(
        id=name,
        name=name,
        language=voice.languages[0] if voice.languages else UNSET,
        languages=voice.languages,
        gender=voice.gender or UNSET,
        description=voice.description or UNSET,
        engine=engine,
    )


def model_settings(settings: tuple[Setting, ...]) -> tuple[ModelSetting, ...]:
    """Return an engine's settings as lists of models show them."""
    return tuple(
        ModelSetting(
            name=one.name,
            allowed=one.allowed,
            minimum=UNSET if one.low is None else one.low,
            maximum=UNSET if one.high is None else one.high,
            choices=one.choices or UNSET,
            default=UNSET if one.default is None else one.default,
            description=one.about or UNSET,
        )
        for one in settings
    )
