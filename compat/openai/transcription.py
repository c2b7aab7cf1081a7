"""`POST /v1/audio/transcriptions` and `/translations`: what is asked, read from a form or from JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from compat.openai import languages, loose, names, validation
from compat.openai.form_names import Fields, gather
from engines.errors import BadInput

TranscriptFormat = Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]
FORMATS: tuple[str, ...] = get_args(TranscriptFormat)
GRANULARITIES = ("word", "segment")
PLURALS = {"words": "word", "segments": "segment"}
DEEPEST_LIST = 8
"""lists and objects within each other that are looked into"""
FLAG_WORDS = frozenset({"true", "false", "1", "0", "yes", "no", "on", "off"})
"""what stands behind the names in an object of switches: `{"word": true}`"""
KNOWN = frozenset(
    {
        "model",
        "file",
        "language",
        "languages",
        "keywords",
        "prompt",
        "response_format",
        "temperature",
        "include",
        "timestamp_granularities",
        "stream",
        "chunking_strategy",
        "known_speaker_names",
        "known_speaker_references",
    }
)

LOGPROBS = "logprobs"
PROMPT_CHARACTERS = 4096
"""of a prompt that are used, its last ones: Whisper takes 224 tokens, what is before them has no effect"""


class TranscriptionRequest(msgspec.Struct, frozen=True):
    """What is asked, exact. `optional` holds the optional parameters that were set and that an engine may not
    honour.
    """

    model: str
    response_format: TranscriptFormat = "json"
    language: str | None = None
    """ISO-639-1"""
    prompt: str | None = None
    temperature: float = 0.0
    words: bool = False
    segments: bool = True
    stream: bool = False
    translate: bool = False
    logprobs: bool = False
    """log-probabilities are asked for, and have a place in the answer"""
    diarize: bool = False
    optional: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


class _TranscriptionFields(msgspec.Struct, kw_only=True):
    """What is asked of a transcription beside its recording."""

    model: str
    """OpenAI's names (`whisper-1`, `gpt-4o-transcribe` and others) get the best transcribing engine"""
    language: str | None = None
    """the language of the recording (`en`, `pt-BR`, `german`); without it, an engine that can finds it out"""
    prompt: str | None = None
    """words that may come up, or the text before, for engines that take it; the last 4,096 characters"""
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    """the format of the transcript"""
    temperature: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """how freely an engine may guess, for engines that take it"""
    timestamp_granularities: list[Literal["word", "segment"]] = []
    """with `verbose_json`: what times are told of; segments, unless asked otherwise"""
    include: list[Literal["logprobs"]] = []
    """with `json`: how sure the engine was of each token, from the models that tell it"""
    stream: bool = False
    """send the transcript in events, as it is made"""
    languages: list[str] = []
    """languages to expect; taken, and named in `x-voicebox-ignored`"""
    keywords: list[str] = []
    """words to expect; taken, and named in `x-voicebox-ignored`"""
    chunking_strategy: str | None = None
    """`auto`; another is taken, and named in `x-voicebox-ignored`"""
    known_speaker_names: list[str] = []
    """taken, and named in `x-voicebox-ignored`"""
    known_speaker_references: list[str] = []
    """taken, and named in `x-voicebox-ignored`"""


class TranscriptionForm(_TranscriptionFields, kw_only=True):
    """A recording to transcribe, and how; the API's description is made of this, what is read is more
    forgiving. Fields that are lists may be sent several times, with or without `[]` behind their names.
    """

    file: bytes
    """the recording: any common format of sound or video"""


class TranslationForm(msgspec.Struct, kw_only=True):
    """A recording to transcribe into English."""

    file: bytes
    """the recording: any common format of sound or video"""
    model: str
    """the name of a transcribing model that translates"""
    prompt: str | None = None
    """English words that may come up, for engines that take it"""
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    """the format of the transcript"""
    temperature: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """how freely an engine may guess, for engines that take it"""


class InputAudio(msgspec.Struct, kw_only=True):
    """A recording within JSON."""

    data: str
    """the recording in base64, or a `data:` URL of it"""
    format: str | None = None
    """what it is said to be; its content decides"""


class TranscriptionBody(_TranscriptionFields, kw_only=True):
    """A recording to transcribe, and how, as JSON."""

    input_audio: InputAudio


def from_form(pairs: Iterable[tuple[str, str]]) -> Fields:
    """Gather a form's text parts: `name`, `name[]`, `name[0]` and `name[sub]` alike, repeated ones in a
    list.
    """
    return gather(pairs)


def from_json(body: dict[str, Any]) -> Fields:
    """Gather the fields of a JSON body (Open WebUI's other request format) in the same shape."""
    return gather(
        (name, item) for name, value in body.items() if name != "input_audio" for item in _items(value)
    )


def _items(value: object) -> list[Any]:
    """Return the values of a list, which PHP writes as an object with numbers for names; else the value."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and value and all(name.isdigit() for name in value):
        return list(value.values())
    return [value]


def parse(fields: Fields, *, translate: bool = False) -> TranscriptionRequest:
    """Read what is asked. Raises BadInput in OpenAI's wording, for the first thing that is wrong."""
    model = loose.text(_last(fields, "model"))
    if model is None:
        raise validation.no_model()
    model = loose.name(model, "model")
    granularities = _granularities(fields)
    response_format = _format(fields)
    include = _many(fields, "include")
    return TranscriptionRequest(
        model=model,
        response_format=response_format,
        language=None if translate else _language(fields),
        prompt=(loose.text(_last(fields, "prompt")) or "")[-PROMPT_CHARACTERS:] or None,
        temperature=_temperature(fields),
        words="word" in granularities,
        segments="segment" in granularities or not granularities,
        stream=not translate and loose.truth(_last(fields, "stream")),
        translate=translate,
        logprobs=LOGPROBS in include and _can_have_logprobs(model, response_format),
        diarize=response_format == "diarized_json" or names.diarizes(model),
        optional=_optional(fields, model, response_format, include),
        unknown=tuple(name for name in fields if name not in KNOWN),
    )


def _last(fields: Fields, name: str) -> object:
    values = fields.get(name)
    return values[-1] if values else None


def _many(fields: Fields, name: str) -> list[str]:
    """Return a list however it is written: repeated parts, one JSON array, words with commas between, lists
    within lists, or objects whose names or values are its words.
    """
    words: list[str] = []
    for value in fields.get(name, []):
        words += _words(value, name)
    return words


def _words(value: object, name: str, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        value = loose.name(value, name)
        if value.startswith(("[", "{")) and depth < DEEPEST_LIST:
            yield from _words(_json(value), name, depth + 1)
        else:
            yield from filter(None, (word.strip(" \t\r\n\"'").casefold() for word in value.split(",")))
    elif isinstance(value, list) and depth < DEEPEST_LIST:
        for item in value:
            yield from _words(item, name, depth + 1)
    elif isinstance(value, dict) and depth < DEEPEST_LIST:
        for key, item in value.items():
            is_flag = isinstance(item, bool) or item in (0, 1) or _is_flag_word(item)
            yield from _words(
                key if is_flag and loose.truth(item) else None if is_flag else item, name, depth + 1
            )
    elif value is not None:
        raise validation.invalid("string_type", name, "Input should be a list of words")


def _is_flag_word(value: object) -> bool:
    return isinstance(value, str) and loose.word(value) in FLAG_WORDS


def _json(value: str) -> object:
    """Return the value of JSON; what is none is a word that nothing knows."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return "".join(char for char in value if char not in "[]{}")


def _granularities(fields: Fields) -> list[str]:
    found = [PLURALS.get(value, value) for value in _many(fields, "timestamp_granularities")]
    for value in found:
        if value not in GRANULARITIES:
            raise validation.not_one_of("timestamp_granularities", GRANULARITIES)
    return found


def _format(fields: Fields) -> TranscriptFormat:
    name = loose.word(loose.text(_last(fields, "response_format")) or "json").replace("-", "_")
    if name not in FORMATS:
        raise validation.not_one_of("response_format", FORMATS)
    return name  # type: ignore[return-value]


def _language(fields: Fields) -> str | None:
    value = _last(fields, "language")
    if not isinstance(value, str):
        return None
    return languages.to_code(loose.name(value, "language"))


def _temperature(fields: Fields) -> float:
    value = loose.number(_last(fields, "temperature"), "temperature")
    if value is None:
        return 0.0
    if not 0 <= value <= 1:
        raise validation.invalid(
            "less_than_equal", "temperature", "Input should be between 0 and 1", ge=0.0, le=1.0
        )
    return value


def _optional(
    fields: Fields, model: str, response_format: TranscriptFormat, include: list[str]
) -> tuple[str, ...]:
    """Name what was set beside the common fields; `chunking_strategy: auto` asks for nothing in
    particular.
    """
    given = []
    for name in ("languages", "keywords", "known_speaker_names", "known_speaker_references"):
        if fields.get(name):
            given.append(name)
    strategy = fields.get("chunking_strategy", [])
    if any(value not in ("auto", "", None, {"type": "auto"}) for value in strategy):
        given.append("chunking_strategy")
    if _granularities(fields) and response_format != "verbose_json":
        given.append("timestamp_granularities")
    has_logprobs = _can_have_logprobs(model, response_format)
    if any(value != LOGPROBS or not has_logprobs for value in include):
        given.append("include")
    return tuple(given)


def _can_have_logprobs(model: str, response_format: TranscriptFormat) -> bool:
    """Return whether there is a place for log-probabilities: with `json`, and not from the models of OpenAI's
    that have none.
    """
    return response_format == "json" and not names.lacks_logprobs(model)


def no_speakers(request: TranscriptionRequest) -> BadInput:
    """Return the error that nothing here tells speakers apart, as a model or a response format asks."""
    reason = "nothing here tells speakers apart (diarization)"
    if names.diarizes(request.model):
        return BadInput(
            f"The model '{request.model}' cannot be used: {reason}. 'gpt-4o-transcribe' transcribes without"
            " speakers.",
            param="model",
            code="unsupported_value",
        )
    return BadInput(
        f"response_format '{request.response_format}' is not compatible with model '{request.model}', and"
        f" {reason}. 'json' and 'verbose_json' give the text without speakers.",
        param="response_format",
        code="unsupported_value",
    )
