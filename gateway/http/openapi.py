"""Request bodies at /schema: routes read them more forgivingly than a schema can say, so they are documented
here.
"""

from __future__ import annotations

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema

from compat.openai.speech import SpeechBody
from compat.openai.transcription import TranscriptionForm


def _schema(struct: type) -> Schema:
    """Return the JSON Schema of a Struct, without references."""
    import msgspec

    (top,), parts = msgspec.json.schema_components([struct], ref_template="{name}")
    described = parts[top["$ref"]] if "$ref" in top else top
    properties = {name: _property(value, parts) for name, value in described.get("properties", {}).items()}
    return Schema(type="object", properties=properties, required=described.get("required", []))  # type: ignore[arg-type]


def _property(value: dict[str, object], parts: dict[str, dict[str, object]]) -> Schema:
    options = value.get("anyOf")
    if isinstance(options, list):
        return Schema(one_of=[_property(option, parts) for option in options])
    if "$ref" in value:
        return _property(parts[str(value["$ref"])], parts)
    known = {name: value[name] for name in ("type", "enum", "default", "format") if name in value}
    if value.get("contentEncoding") == "base64":
        known["format"] = "binary"
    return Schema(**known)  # type: ignore[arg-type]


def _body(struct: type, media_type: str) -> RequestBody:
    return RequestBody(required=True, content={media_type: OpenAPIMediaType(schema=_schema(struct))})


def documented(struct: type, media_type: str = "application/json") -> type[Operation]:
    """Return an operation class that documents a body: Litestar leaves out those that handlers read
    themselves.
    """

    @dataclass
    class Documented(Operation):
        def __post_init__(self) -> None:
            self.request_body = _body(struct, media_type)

    return Documented


FORM = "multipart/form-data"
SpeechOperation = documented(SpeechBody)
TranscriptionOperation = documented(TranscriptionForm, FORM)
