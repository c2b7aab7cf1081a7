"""`POST /v1/audio/speech`: what is asked, and the events that answer it."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from compat.openai import engine_settings, loose, validation
from engines.api import Settings
from engines.errors import BadInput
from engines.languages import is_unset, read_language
from streaming.formats import TEXT_FORMATS, OutputFormat, TextFormat

FORMATS: tuple[str, ...] = get_args(OutputFormat)
MISSPELT = {"acc": "aac", "ogg": "opus", "mpeg": "mp3", "wave": "wav", "raw": "pcm"}
"""formats as some clients spell them (epub_to_audiobook's own list has "acc")"""
SLOWEST, FASTEST = 0.25, 4.0
OPENAI_INPUT = 4096
TOKENS_PER_SECOND = 20
"""output tokens per second of audio: the rate that OpenAI's recorded usage figures show"""
KNOWN = frozenset(
    {
        "model",
        "input",
        "voice",
        "instructions",
        "response_format",
        "speed",
        "stream_format",
        "language",
        "seed",
        "text_format",
        "verify",
        "settings",
    }
)


class Bounds(msgspec.Struct, frozen=True):
    """What one request may hold."""

    input_characters: int
    instructions_characters: int
    strict: bool


class SpeechRequest(msgspec.Struct, frozen=True):
    """What is asked, exact. `unknown` names the fields that nobody knows; `clamped` says what was moved into
    range.
    """

    model: str
    input: str
    voice: str | None
    response_format: OutputFormat
    speed: float = 1.0
    speed_given: bool = False
    sse: bool = False
    instructions: str | None = None
    language: str | None = None
    seed: int | None = None
    text_format: TextFormat | None = None
    """what `input` is written in; None leaves it to voice and settings"""
    verify: bool | None = None
    """transcribe what is spoken before it is sent; None leaves it to the settings"""
    settings: Settings = {}
    """of the engine's own, by name; not checked against any engine"""
    unknown: tuple[str, ...] = ()
    clamped: tuple[str, ...] = ()


class VoiceReference(msgspec.Struct):
    """A voice given as an object with its id."""

    id: str


class SpeechBody(msgspec.Struct):
    """A text to speak, and how; the API's description is made of this, what is read is more forgiving."""

    model: str
    """OpenAI's names (`tts-1`, `gpt-4o-mini-tts` and others) get the best speaking engine; `/v1/models` lists
    all
    """
    input: Annotated[str, Meta(min_length=1)]
    """the text to speak"""
    voice: str | VoiceReference | None = None
    """a name that `/v1/audio/voices` lists, or the name or id of a voice of your own"""
    instructions: str | None = None
    """how it is to be spoken, for engines that take instructions"""
    response_format: OutputFormat = "mp3"
    """the format of the audio"""
    speed: Annotated[float, Meta(ge=SLOWEST, le=FASTEST)] = 1.0
    """1 is the voice's own pace; what lies outside is moved inside, or refused in strict mode"""
    stream_format: Literal["audio", "sse"] = "audio"
    """`sse` sends the audio in events, `audio` as it is; both as it is made"""
    language: str | None = None
    """ours: the language of the text (`de`, `pt-BR`, `german`); without it, it is found in the text"""
    seed: int | None = None
    """ours: a number that makes an engine of chance speak alike twice"""
    text_format: TextFormat | None = None
    """ours: what the text is written in; marks, tags and links are left out or said sensibly"""
    verify: bool | None = None
    """ours: whether what is spoken is heard before it is sent, and made again where words are missing"""
    settings: dict[str, float | bool | str] | None = None
    """ours: settings of the engine's own, such as a temperature; `/v1/models` lists those of each model with
    their limits
    """


class Usage(msgspec.Struct, frozen=True):
    """Tokens, estimated: four characters of text are one, and so is a twentieth of a second of audio."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class SpeechDelta(msgspec.Struct, frozen=True, tag="speech.audio.delta", tag_field="type"):
    """Some bytes of the file."""

    audio: str
    """base64"""


class SpeechDone(msgspec.Struct, frozen=True, tag="speech.audio.done", tag_field="type", omit_defaults=True):
    """The event after the last audio of a stream."""

    usage: Usage
    voicebox_verified: dict[str, int] | None = None
    """ours: how many segments were clean, mended, doubtful or unheard, where they were verified"""


def parse(body: bytes, bounds: Bounds) -> SpeechRequest:
    """Read a request's body. Raises BadInput in OpenAI's wording, for the first thing that is wrong."""
    fields = loose.json_object(body)
    model = _model(fields)
    text = _input(fields, bounds)
    speed, clamped = _speed(fields, bounds)
    return SpeechRequest(
        model=model,
        input=text,
        voice=_voice(fields),
        response_format=_format(fields),
        speed=speed,
        speed_given=loose.number(fields.get("speed"), "speed") is not None,
        sse=_sse(fields),
        instructions=_instructions(fields, bounds),
        language=_language(fields),
        seed=_seed(fields),
        text_format=_text_format(fields),
        verify=loose.flag(fields.get("verify"), "verify"),
        settings=engine_settings.read(fields.get("settings")),
        unknown=tuple(name for name, value in fields.items() if name not in KNOWN and value is not None),
        clamped=clamped,
    )


def _model(fields: dict[str, Any]) -> str:
    model = fields.get("model")
    if model is None or model == "":
        raise validation.no_model()
    if not isinstance(model, str):
        raise BadInput(f"{loose.UNPARSEABLE} (`model` should be a string.)")
    return loose.name(model, "model")


def _input(fields: dict[str, Any], bounds: Bounds) -> str:
    if "input" not in fields:
        raise validation.missing("input")
    text = fields["input"]
    if not isinstance(text, str):
        raise validation.invalid("string_type", "input", "Input should be a valid string")
    if not text:
        raise validation.invalid(
            "string_too_short", "input", "String should have at least 1 character", min_length=1
        )
    limit = min(bounds.input_characters, OPENAI_INPUT) if bounds.strict else bounds.input_characters
    if len(text) > limit:
        raise validation.too_long("input", limit)
    return loose.whole(text)


def _voice(fields: dict[str, Any]) -> str | None:
    voice = fields.get("voice")
    if isinstance(voice, dict):
        voice = voice.get("id")
        if not isinstance(voice, str):
            raise validation.invalid("missing", "voice", "Field required: a voice object has an `id`")
    if voice is not None and not isinstance(voice, str):
        raise validation.invalid(
            "string_type", "voice", "Input should be a valid string, or an object with an `id`"
        )
    return loose.text(None if voice is None else loose.name(voice, "voice"))


def _format(fields: dict[str, Any]) -> OutputFormat:
    asked = fields.get("response_format")
    if asked is None or asked == "":
        return "mp3"
    name = loose.name(asked, "response_format").casefold() if isinstance(asked, str) else ""
    name = MISSPELT.get(name, name)
    if name not in FORMATS:
        message = f"Invalid response_format. It may be {validation.one_of(FORMATS)}."
        raise BadInput(message, param="response_format", code="unsupported_value")
    return name  # type: ignore[return-value]


def _speed(fields: dict[str, Any], bounds: Bounds) -> tuple[float, tuple[str, ...]]:
    speed = loose.number(fields.get("speed"), "speed")
    if speed is None:
        return 1.0, ()
    if speed < SLOWEST and (bounds.strict or speed <= 0):
        raise validation.invalid(
            "greater_than_equal", "speed", "Input should be greater than or equal to 0.25", ge=0.25
        )
    if speed > FASTEST and bounds.strict:
        raise validation.invalid(
            "less_than_equal", "speed", "Input should be less than or equal to 4", le=4.0
        )
    within = min(FASTEST, max(SLOWEST, speed))
    return within, () if within == speed else (f"speed={speed:g}->{within:g}",)


def _sse(fields: dict[str, Any]) -> bool:
    value = fields.get("stream_format")
    if value in (None, "", "audio"):
        return False
    if value != "sse":
        raise validation.not_one_of("stream_format", ("sse", "audio"))
    return True


def _instructions(fields: dict[str, Any], bounds: Bounds) -> str | None:
    text = fields.get("instructions")
    if isinstance(text, str) and len(text) > bounds.instructions_characters:
        raise validation.too_long("instructions", bounds.instructions_characters)
    return loose.text(text)


def _language(fields: dict[str, Any]) -> str | None:
    given = fields.get("language")
    language = loose.text(loose.name(given, "language")) if isinstance(given, str) else None
    if language is None or is_unset(language):
        return None
    return read_language(language) or language


def _text_format(fields: dict[str, Any]) -> TextFormat | None:
    value = fields.get("text_format")
    if value is None or value == "":
        return None
    name = value.casefold() if isinstance(value, str) else ""
    if name not in TEXT_FORMATS:
        raise validation.not_one_of("text_format", TEXT_FORMATS)
    return name  # type: ignore[return-value]


def _seed(fields: dict[str, Any]) -> int | None:
    seed = loose.number(fields.get("seed"), "seed")
    return None if seed is None else int(seed)


def usage(characters: int, seconds: float) -> Usage:
    """Estimate the tokens of a text of that many characters and of that much audio."""
    text, audio = math.ceil(characters / 4), max(1, round(seconds * TOKENS_PER_SECOND))
    return Usage(text, audio, text + audio)
