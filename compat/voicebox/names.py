"""Presets, aliases and pronunciations, as /v1/voicebox has them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from compat.voicebox.profiles import PronunciationBody


class Preset(msgspec.Struct, frozen=True):
    """A voice that an engine brings along."""

    id: str
    """`engine/voice`, by which a request may name it"""
    engine: str
    voice: str
    name: str
    languages: tuple[str, ...]
    gender: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    aliases: tuple[str, ...] = ()
    """OpenAI's names that lead to it"""


class Presets(msgspec.Struct, frozen=True):
    """The presets of one engine, or of all."""

    data: tuple[Preset, ...]
    object: Literal["list"] = "list"


class Alias(msgspec.Struct, frozen=True):
    """A further name of a voice, and where it comes from."""

    name: str
    target: str
    source: Literal["api", "settings", "engine"]


class Aliases(msgspec.Struct, frozen=True):
    """All further names, as they work for the caller."""

    data: tuple[Alias, ...]
    object: Literal["list"] = "list"


class AliasBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a name is to lead to: a custom voice, `engine/voice`, or a voice."""

    target: Annotated[str, Meta(min_length=1, max_length=200)]


class Dictionary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A caller's pronunciations; those of a voice go before them."""

    pronunciations: tuple[PronunciationBody, ...]


class Cleared(msgspec.Struct, frozen=True):
    """How many prompts were forgotten."""

    prompts: int
