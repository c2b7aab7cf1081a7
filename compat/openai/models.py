"""`GET /v1/models` and `GET /v1/audio/voices`: the lists, in shapes that every known client reads."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from engines.api import Voice


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


class Model(msgspec.Struct, frozen=True):
    """A model in `/v1/models`. `voices` is there for speech models: Wyoming's bridge reads it."""

    id: str
    created: int
    owned_by: str
    object: str = "model"
    task: str | UnsetType = UNSET
    voices: tuple[ListedVoice, ...] | UnsetType = UNSET


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
