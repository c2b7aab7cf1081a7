"""JSON Schemas of Structs, by msgspec, as a description of an API needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from compat import errors
from compat.openai import models, speech, transcript, transcription, voices
from gateway.http.openapi import examples
from gateway.http.openapi.field_docs import field_docs, sentence
from gateway.http.openapi.operation import Content

Json = dict[str, Any]
Value = Any
"""any value of JSON"""
PREFIX = "#/components/schemas/"
PUBLIC_NAMES: Mapping[type, str] = {
    errors.Envelope: "ErrorResponse",
    errors.ErrorBody: "Error",
    models.ListedVoice: "Voice",
    speech.SpeechBody: "SpeechRequest",
    speech.SpeechDelta: "SpeechAudioDeltaEvent",
    speech.SpeechDone: "SpeechAudioDoneEvent",
    speech.Usage: "SpeechUsage",
    transcript.Delta: "TranscriptTextDeltaEvent",
    transcript.Done: "TranscriptTextDoneEvent",
    transcript.Duration: "DurationUsage",
    transcript.Tokens: "TokenUsage",
    transcript.InputTokens: "InputTokenDetails",
    transcript.Segment: "TranscriptSegment",
    transcript.Spoken: "SpokenLanguage",
    transcript.SpokenWord: "TranscriptWord",
    transcript.Verbose: "VerboseTranscription",
    transcription.TranscriptionForm: "TranscriptionForm",
    transcription.TranscriptionBody: "TranscriptionRequest",
    voices.VoiceObject: "CreatedVoice",
}
"""names under which generated clients have a Struct, where its own says too little outside its module"""


def name_of(struct: type) -> str:
    """Return the name of a Struct in the description."""
    return PUBLIC_NAMES.get(struct, struct.__name__)


def schema_of(content: Content) -> Json:
    """Return the schema of a body: a reference, alternatives, or what it is if it is no Struct."""
    if isinstance(content, tuple):
        return {"anyOf": [schema_of(one) for one in content]}
    if content is bytes:
        return {"type": "string", "format": "binary"}
    if content is str:
        return {"type": "string"}
    if content is dict:
        return {"type": "object"}
    return {"$ref": PREFIX + name_of(content)}


def structs_in(contents: Iterable[Content]) -> set[type[msgspec.Struct]]:
    """Return the Structs among some contents."""
    flat = [one for content in contents for one in (content if isinstance(content, tuple) else (content,))]
    return {one for one in flat if issubclass(one, msgspec.Struct)}


def components(
    taken: set[type[msgspec.Struct]], forms: set[type[msgspec.Struct]], answered: set[type[msgspec.Struct]]
) -> Json:
    """Return the schemas of all Structs that are taken as JSON, as forms, or answered, and of their parts."""
    schemas = _generated(answered, are_answers=True) | _generated(taken | forms)
    for form in forms:
        schemas[name_of(form)] = _as_form(schemas[name_of(form)], examples.form_values(form))
    return dict(sorted(schemas.items()))


def _generated(structs: set[type[msgspec.Struct]], *, are_answers: bool = False) -> Json:
    ordered = sorted(structs, key=lambda struct: struct.__qualname__)
    _, found = msgspec.json.schema_components(ordered, ref_template=PREFIX + "{name}")
    known = {struct.__name__: struct for struct in _with_parts(ordered)}
    public = {name: name_of(known[name]) for name in found}
    tidied = {name: _tidy(schema, known[name], public) for name, schema in found.items()}
    return {
        public[name]: _always_there(schema) if are_answers and _is_whole(known[name]) else schema
        for name, schema in tidied.items()
    }


def _is_whole(struct: type[msgspec.Struct]) -> bool:
    """Return whether a Struct is sent with the fields that have their defaults."""
    return not struct.__struct_config__.omit_defaults


def _with_parts(structs: Iterable[type[msgspec.Struct]]) -> set[type[msgspec.Struct]]:
    """Return Structs, and those that their fields are made of."""
    found: set[type[msgspec.Struct]] = set()
    waiting: list[Any] = list(msgspec.inspect.multi_type_info(structs))
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in found:
                continue
            found.add(info.cls)
        waiting += [part for part in _parts(info) if isinstance(part, msgspec.Struct)]
    return found


def _parts(info: msgspec.Struct) -> list[Any]:
    """Return what a type is made of, as msgspec tells it."""
    parts: list[Any] = []
    for name in info.__struct_fields__:
        value = getattr(info, name)
        parts += value if isinstance(value, tuple) else [value]
    return parts


def _tidy(schema: Json, struct: type[msgspec.Struct], public: Mapping[str, str]) -> Json:
    """Return a schema with public names, and with what stands below its fields."""
    tidied: Json = _renamed(schema, public)
    tidied["title"] = name_of(struct)
    for name, text in field_docs(struct).items():
        if name in tidied["properties"]:
            tidied["properties"][name].setdefault("description", text)
    if "description" in tidied:
        tidied["description"] = sentence(tidied["description"])
    return tidied


def _renamed(value: Value, public: Mapping[str, str]) -> Value:
    """Return a schema with public names wherever it refers to others, in mappings too."""
    if isinstance(value, str) and value.startswith(PREFIX):
        return PREFIX + public[value.removeprefix(PREFIX)]
    if isinstance(value, list):
        return [_renamed(one, public) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _renamed(one, public)
        for key, one in value.items()
        if one is not False or key != "items"  # `maxItems` says the same, in words that generators know
    }


def _always_there(schema: Json) -> Json:
    """Return the schema of what is answered: fields with a default are always there.

    msgspec tells the default of all fields but those that are left out when they are unset.
    """
    properties = schema["properties"]
    required = [name for name, one in properties.items() if name in schema["required"] or "default" in one]
    undefaulted = {name: _undefaulted(one) for name, one in properties.items()}
    return {**schema, "required": required, "properties": undefaulted}


def _undefaulted(schema: Json) -> Json:
    return {key: value for key, value in schema.items() if key != "default"}


def _as_form(schema: Json, values: Json) -> Json:
    """Return the schema of a form: its files are bytes, none of its fields is null, some have examples."""
    properties = {name: _form_field(one) for name, one in schema["properties"].items()}
    for name, value in values.items():
        properties[name]["examples"] = [value]
    return {**schema, "properties": properties}


def _form_field(schema: Json) -> Json:
    if schema.get("contentEncoding") == "base64":
        kept = {key: value for key, value in schema.items() if key not in ("contentEncoding", "default")}
        return {**kept, "format": "binary"}
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if not options:
        return schema
    kept = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**kept, **(options[0] if len(options) == 1 else {"anyOf": options})}
