"""Profiles of voices, as /v1/voicebox has them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from streaming.formats import OutputFormat, TextFormat

FORMATS: tuple[str, ...] = get_args(OutputFormat)
Kind = Literal["preset", "cloned", "designed"]
Text = Annotated[str, Meta(max_length=4096)]
Short = Annotated[str, Meta(max_length=200)]
Tags = Annotated[tuple[str, ...], Meta(max_length=50)]


class PronunciationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A pronunciation: how a word is said, respelt, or in IPA for engines that take it."""

    word: str
    respelling: str = ""
    ipa: str = ""


class ProfileBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be set of a profile; what is not sent stays as it is."""

    name: str | UnsetType = UNSET
    voice_type: Kind | UnsetType = UNSET
    shared: bool | UnsetType = UNSET
    """every key may use the voice, not only the one that made it"""
    languages: Tags | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    engines: Tags | UnsetType = UNSET
    """the engines that may speak it; empty: all that can"""
    preset_engine: Short | UnsetType = UNSET
    preset_voice_id: Short | UnsetType = UNSET
    design_prompt: Text | UnsetType = UNSET
    design_script: Text | UnsetType = UNSET
    model: Short | UnsetType = UNSET
    speed: Annotated[float, Meta(ge=0.25, le=4.0)] | UnsetType | None = UNSET
    instructions: Text | UnsetType = UNSET
    settings: dict[str, float | bool | str] | UnsetType | None = UNSET
    """of engines' own, for requests that do not set them; an engine gets those that it has"""
    text_format: TextFormat | UnsetType | None = UNSET
    """what texts for it are written in, where a request does not say"""
    pronunciations: tuple[PronunciationBody, ...] | UnsetType = UNSET
    consent: Short | UnsetType = UNSET


class SampleObject(msgspec.Struct, frozen=True):
    """A sample of a profile."""

    id: str
    created_at: int
    seconds: float
    sample_rate: int
    media_type: str
    bytes: int
    sha256: str
    transcript: str
    transcribed_by: str | UnsetType = UNSET
    trimmed: tuple[float, float | None] | UnsetType = UNSET
    facts: dict[str, Any] = {}
    object: Literal["voicebox.sample"] = "voicebox.sample"


class ProfileObject(msgspec.Struct, frozen=True):
    """A profile: a custom voice with everything that is known of it."""

    id: str
    name: str
    voice_type: Kind
    mine: bool
    """the caller may change it"""
    shared: bool
    languages: tuple[str, ...]
    description: str
    engines: tuple[str, ...]
    model: str
    speed: float | None
    instructions: str
    pronunciations: tuple[PronunciationBody, ...]
    consent: str
    samples: tuple[SampleObject, ...]
    created_at: int
    updated_at: int
    settings: dict[str, float | bool | str] | UnsetType = UNSET
    text_format: TextFormat | UnsetType = UNSET
    preset_engine: str | UnsetType = UNSET
    preset_voice_id: str | UnsetType = UNSET
    design_prompt: str | UnsetType = UNSET
    design_script: str | UnsetType = UNSET
    designed_by: str | UnsetType = UNSET
    avatar: str | UnsetType = UNSET
    """its path"""
    object: Literal["voicebox.profile"] = "voicebox.profile"


class ProfileList(msgspec.Struct, frozen=True):
    """Profiles, oldest first."""

    data: tuple[ProfileObject, ...]
    object: Literal["list"] = "list"
    has_more: bool = False
    """there are more, behind `last_id`"""
    last_id: str | None = None
    """of the last that was looked at"""


class SampleList(msgspec.Struct, frozen=True):
    """A profile's samples, oldest first."""

    data: tuple[SampleObject, ...]
    object: Literal["list"] = "list"


class Deleted(msgspec.Struct, frozen=True):
    """The answer to a deletion."""

    id: str
    object: str
    deleted: bool = True


class EngineFit(msgspec.Struct, frozen=True):
    """Whether an engine can speak a voice; if not, why."""

    engine: str
    can: bool
    reason: str | UnsetType = UNSET
    would: bool = False
    """it could, if it were there"""


class EngineFits(msgspec.Struct, frozen=True):
    """Every engine, for one voice."""

    data: tuple[EngineFit, ...]
    object: Literal["list"] = "list"


class SampleForm(msgspec.Struct):
    """The form with which a sample is added."""

    file: bytes
    transcript: str = ""
    transcribe: bool = True
    """find out the words where they are not given"""


class FileForm(msgspec.Struct):
    """A form with a file; the file may also be the body itself."""

    file: bytes


class SampleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed of a sample."""

    transcript: Annotated[str, Meta(max_length=10_000)]


class TrimBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part of a sample's original that is to be used, in seconds."""

    start: Annotated[float, Meta(ge=0)] = 0.0
    end: Annotated[float, Meta(gt=0)] | None = None


class PreviewBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a preview says, and how; see /v1/audio/speech."""

    input: str | None = None
    model: str = "tts-1"
    response_format: Annotated[str, Meta(extra_json_schema={"enum": [*FORMATS]})] = "mp3"
    speed: Annotated[float, Meta(extra_json_schema={"minimum": 0.25, "maximum": 4.0})] = 1.0
    stream_format: str = "audio"


class AuditLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was done with a voice; seconds since 1970."""

    time: float
    event: str
    key: str = ""
    request: str = ""
    engine: str = ""
    characters: int = 0
    consent: str = ""


class AuditLines(msgspec.Struct, frozen=True):
    """All of it, oldest first."""

    data: tuple[AuditLine, ...]
    object: Literal["list"] = "list"
