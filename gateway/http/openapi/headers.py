"""The headers of requests and answers, as the API's description has them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
COMMON = ("x-request-id", "openai-processing-ms", "openai-version")
"""that every answer has"""
RATE_LIMITS = tuple(
    f"x-ratelimit-{what}-{kind}"
    for kind in ("requests", "tokens")
    for what in ("limit", "remaining", "reset")
)
CHOICE = ("x-voicebox-engine", "x-voicebox-ignored", "x-voicebox-mapped")
"""of answers that an engine makes"""
FILE = ("accept-ranges", "etag")
"""of answers that are stored files"""
SPEECH = (*CHOICE, "x-voicebox-voice", "x-voicebox-language", "x-voicebox-verify")

STRING, INTEGER = {"type": "string"}, {"type": "integer"}
ANSWERED: dict[str, tuple[Json, str]] = {
    "x-request-id": (STRING, "The request's id, which the server's log has too."),
    "openai-processing-ms": (INTEGER, "Milliseconds until the answer began."),
    "openai-version": (STRING, "The version of OpenAI's API that this follows."),
    "retry-after": (INTEGER, "Seconds after which to try again."),
    "x-should-retry": (STRING, "Tells OpenAI's SDKs whether to try again."),
    "www-authenticate": (STRING, "How to send a key."),
    "content-disposition": (STRING, "The file's name."),
    "accept-ranges": (STRING, "`bytes`: the file can be asked for in ranges."),
    "content-range": (STRING, "Which bytes these are, or, of an error, how many there are."),
    "etag": (STRING, "Names this content of the file."),
    "x-voicebox-engine": (STRING, "The engine that did it."),
    "x-voicebox-voice": (STRING, "The voice that spoke."),
    "x-voicebox-language": (STRING, "The language that was spoken, where it was given or found."),
    "x-voicebox-verify": (STRING, "The engine that listens to what is spoken, where that was asked for."),
    "x-voicebox-ignored": (STRING, "Parameters that had no effect, with commas between."),
    "x-voicebox-mapped": (STRING, "Names that were taken for others, as `asked->used`, with commas between."),
    "x-voicebox-warning": (STRING, "What the caller should know of what was done."),
    **{
        name: (STRING if "reset" in name else INTEGER, "A limit of the caller's, as OpenAI tells it.")
        for name in RATE_LIMITS
    },
}
"""schema and description of answers' headers"""
ASKED: tuple[Json, ...] = (
    {
        "name": "x-voicebox-priority",
        "in": "header",
        "description": "`batch` goes behind what somebody waits for, `interactive` does not.",
        "schema": {"type": "string", "enum": ["batch", "interactive"]},
    },
    {
        "name": "x-voicebox-deadline",
        "in": "header",
        "description": "Seconds after which the answer is of no use where its making has not begun.",
        "schema": {"type": "number", "exclusiveMinimum": 0},
    },
)
"""headers of requests that wait for an engine"""
RANGED: tuple[Json, ...] = (
    {
        "name": "range",
        "in": "header",
        "description": "Bytes of the file, as RFC 9110 has them: `bytes=0-1023`.",
        "schema": {"type": "string"},
    },
    {
        "name": "if-match",
        "in": "header",
        "description": "The tags of contents that the file must have one of, or `*`; else 412 is answered.",
        "schema": {"type": "string"},
    },
)
"""headers of requests for stored files"""


def components() -> Json:
    """Return the components of all headers of answers."""
    return {name: {"description": text, "schema": schema} for name, (schema, text) in ANSWERED.items()}


def references(*names: str) -> Json:
    """Return references to headers by name."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(names)}
