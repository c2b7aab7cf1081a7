"""`/v1/audio/voices` and `/v1/audio/voice_consents`: what is asked, and the objects that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from compat.openai import loose
from engines.errors import BadInput

MIME_TYPES = (
    "audio/mpeg",
    "audio/wav",
    "audio/x-wav",
    "audio/ogg",
    "audio/aac",
    "audio/flac",
    "audio/webm",
    "audio/mp4",
)
ALIKE = frozenset(
    {
        "",
        "application/octet-stream",
        "audio/mp3",
        "audio/wave",
        "audio/vnd.wave",
        "audio/x-flac",
        "audio/opus",
        "audio/m4a",
        "audio/x-m4a",
        "audio/mp4a-latm",
        "audio/aacp",
        "audio/x-aac",
        "video/webm",
        "video/mp4",
        "application/ogg",
        "audio/x-mpeg",
    }
)
"""what clients call the same types, and what they send where they do not know"""
DEFAULT_LIMIT, HIGHEST_LIMIT = 20, 100
MOST_DIGITS = 8
LONGEST_PROMPT = 4096
LONGEST_TEXT = 10_000
"""characters of any field"""

Created = Literal["audio_sample", "prompt"]


class CreateVoice(msgspec.Struct, frozen=True):
    """A request to create a voice; the sample comes beside it."""

    name: str
    type: Created
    consent: str = ""
    prompt: str = ""
    script_hint: str | None = None
    languages: tuple[str, ...] = ()
    transcript: str = ""


class CreateVoiceForm(msgspec.Struct):
    """A voice to be made from a sample, or from a description."""

    name: str
    type: Created = "audio_sample"
    """`audio_sample` clones the voice of a recording, `prompt` designs one from words"""
    audio_sample: bytes = b""
    """the recording, for `audio_sample`"""
    consent: str = ""
    """the id of the consent of who is heard; whether it is needed, the settings say"""
    transcript: str = ""
    """what is said in the sample; found out where an engine needs it and nobody said"""
    language: str = ""
    """the language that the voice speaks"""
    prompt: Annotated[str, Meta(max_length=LONGEST_PROMPT)] = ""
    """what the voice is like, for `prompt`"""
    script_hint: Annotated[str, Meta(max_length=LONGEST_PROMPT)] = ""
    """what a designed voice says in its reference"""
    model: str = "auto"
    """taken, and of no effect: the engine is chosen when the voice speaks"""


class DesignVoiceBody(msgspec.Struct):
    """A voice to be made from a description, as JSON."""

    name: str
    type: Literal["prompt"]
    prompt: Annotated[str, Meta(max_length=LONGEST_PROMPT)]
    """what the voice is like"""
    language: str = ""
    """the language that the voice speaks"""
    script_hint: Annotated[str, Meta(max_length=LONGEST_PROMPT)] = ""
    """what the voice says in its reference"""


class ConsentForm(msgspec.Struct):
    """A recording in which a person agrees to have their voice cloned."""

    name: str
    language: str
    """the language that is spoken, as a tag"""
    recording: bytes


class ConsentName(msgspec.Struct):
    """A new name of a consent."""

    name: str


class VoiceObject(msgspec.Struct, frozen=True):
    """A custom voice as OpenAI's SDKs have it."""

    id: str
    name: str
    created_at: int
    type: Created
    object: Literal["audio.voice"] = "audio.voice"
    prompt: str | UnsetType = UNSET


class VoiceDeleted(msgspec.Struct, frozen=True):
    """The answer to the deletion of a voice."""

    id: str
    deleted: bool = True
    object: Literal["audio.voice.deleted"] = "audio.voice.deleted"


class ConsentObject(msgspec.Struct, frozen=True):
    """A voice consent as OpenAI's SDKs have it."""

    id: str
    name: str
    language: str
    created_at: int
    object: Literal["audio.voice_consent"] = "audio.voice_consent"


class ConsentList(msgspec.Struct, frozen=True):
    """A page of the list of consents."""

    data: tuple[ConsentObject, ...]
    has_more: bool
    first_id: str | None
    last_id: str | None
    object: Literal["list"] = "list"


class ConsentDeleted(msgspec.Struct, frozen=True):
    """The answer to the deletion of a consent."""

    id: str
    deleted: bool = True
    object: Literal["audio.voice_consent"] = "audio.voice_consent"


def create_voice(fields: Mapping[str, Any]) -> CreateVoice:
    """Read what a new voice is to be. Raises BadInput."""
    kind = loose.text(fields.get("type")) or "audio_sample"
    if kind not in ("audio_sample", "prompt"):
        raise BadInput("`type` should be 'audio_sample' or 'prompt'.", param="type", code="invalid_value")
    name = required(fields, "name")
    language = loose.text(fields.get("language"))
    languages = (language,) if language else ()
    if kind == "prompt":
        return CreateVoice(
            name, "prompt", prompt=_prompt(fields), script_hint=_hint(fields), languages=languages
        )
    consent, transcript = loose.text(fields.get("consent")) or "", loose.text(fields.get("transcript")) or ""
    return CreateVoice(name, "audio_sample", consent, languages=languages, transcript=transcript)


def _prompt(fields: Mapping[str, Any]) -> str:
    prompt = required(fields, "prompt")
    if len(prompt) > LONGEST_PROMPT:
        raise BadInput(f"`prompt` should have at most {LONGEST_PROMPT} characters.", param="prompt")
    return prompt


def _hint(fields: Mapping[str, Any]) -> str | None:
    hint = fields.get("script_hint")
    if hint is not None and not isinstance(hint, str):
        raise BadInput("`script_hint` should be a string.", param="script_hint")
    if hint is not None and len(hint) > LONGEST_PROMPT:
        raise BadInput(f"`script_hint` should have at most {LONGEST_PROMPT} characters.", param="script_hint")
    return None if hint is None else loose.whole(hint)


def required(fields: Mapping[str, Any], name: str) -> str:
    """Return a string that must be given and not blank. Raises BadInput."""
    value = fields.get(name)
    if value is None:
        raise missing(name)
    if not isinstance(value, str):
        raise BadInput(f"`{name}` should be a string.", param=name, code="invalid_type")
    if not value.strip():
        raise BadInput(f"`{name}` must not be blank.", param=name)
    if len(value) > LONGEST_TEXT:
        raise BadInput(f"`{name}` has {len(value)} characters, more than any.", param=name)
    return loose.whole(value)


def missing(name: str) -> BadInput:
    """Return the error of a field that is missing."""
    return BadInput(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


def check_type(content_type: str, param: str) -> None:
    """Check what a recording claims to be; what it is, its content says. Raises BadInput."""
    named = content_type.partition(";")[0].strip().casefold()
    if named not in MIME_TYPES and named not in ALIKE:
        raise BadInput(
            f"Unsupported MIME type '{named[:100]}'. Supported MIME types: {', '.join(MIME_TYPES)}.",
            param=param,
            code="unsupported_mime_type",
        )


def page_limit(value: str | None) -> int:
    """Read a page's length. Raises BadInput."""
    if value is None or value == "":
        return DEFAULT_LIMIT
    is_number = value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS
    if not is_number or not 1 <= int(value) <= HIGHEST_LIMIT:
        raise BadInput(
            f"`limit` should be a number from 1 to {HIGHEST_LIMIT}.", param="limit", code="invalid_value"
        )
    return int(value)
