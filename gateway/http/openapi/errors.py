"""The answers that are errors, by status, in OpenAI's envelope: which a route may give, with an example."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from compat.errors import (
    Envelope,
    NotPermitted,
    PreconditionFailed,
    RangeNotSatisfiable,
    RateLimited,
    SlowBody,
    TooLarge,
    WrongRoute,
    refusal,
    row_of,
)
from engines.errors import BadInput, Forbidden, NotFound, Overloaded, SpeechError, StorageFull
from gateway.http.openapi import headers
from gateway.http.openapi.operation import JSON_TYPE, Documented
from gateway.http.openapi.schemas import schema_of

Json = dict[str, Any]
OTHER = "default"
"""OpenAPI's word for all statuses that are not listed"""


class ErrorAnswer(msgspec.Struct, frozen=True):
    """An error as it is documented: its name among the components, when it comes, and one that is real."""

    name: str
    description: str
    example: SpeechError
    headers: tuple[str, ...] = ()


ERRORS: dict[str, ErrorAnswer] = {
    "400": ErrorAnswer(
        "BadRequest",
        "Something in the request is wrong: `param` names the field where it can.",
        BadInput("Invalid response_format.", param="response_format", code="unsupported_value"),
    ),
    "401": ErrorAnswer(
        "Unauthorized",
        "No API key came, or one that is wrong or has expired.",
        NotPermitted("Incorrect API key provided: ***.", status=401, code="invalid_api_key"),
        headers=("www-authenticate",),
    ),
    "403": ErrorAnswer(
        "Forbidden",
        "The voice is another key's, or the request's host or origin is not let in.",
        Forbidden("This voice belongs to another key."),
    ),
    "404": ErrorAnswer(
        "NotFound",
        "There is nothing of that name or id, or no such model.",
        NotFound("No voice found with id 'voice_0'.", code="voice_not_found"),
    ),
    "408": ErrorAnswer(
        "BodyTimeout",
        "The body stopped coming before its end.",
        SlowBody("The body stopped coming for 60 seconds."),
    ),
    "412": ErrorAnswer(
        "PreconditionFailed",
        "The file is not the one that `If-Match` names: it was changed since.",
        PreconditionFailed('"0123456789abcdef"'),
        headers=("etag",),
    ),
    "413": ErrorAnswer(
        "BodyTooLarge",
        "The body, or the file in it, is larger than the server takes.",
        TooLarge("413: Maximum content size limit (4000000) exceeded (5000000 bytes read)"),
    ),
    "416": ErrorAnswer(
        "RangeNotSatisfiable",
        "None of the bytes that are asked for are in the file.",
        RangeNotSatisfiable(1000),
        headers=("content-range",),
    ),
    "429": ErrorAnswer(
        "RateLimited",
        "The caller is over a limit of its own.",
        RateLimited(
            "Rate limit reached for tts-1 on requests per min (RPM).",
            kind="requests",
            retry_after=2.0,
            headers={},
        ),
        headers=("retry-after", "x-should-retry"),
    ),
    "500": ErrorAnswer(
        "ServerError",
        "The server failed; its log says how.",
        SpeechError("The server had an error while processing your request."),
        headers=("x-should-retry",),
    ),
    "503": ErrorAnswer(
        "Unavailable",
        "No engine that could do it is ready, the server is busy, or it is closing: try again.",
        Overloaded("The server is currently overloaded, please try again later.", retry_after=2.0),
        headers=("retry-after", "x-should-retry"),
    ),
    "507": ErrorAnswer(
        "StorageFull",
        "The server has no room left on its disk.",
        StorageFull("The server has no room left on its disk. Nothing was kept."),
    ),
    OTHER: ErrorAnswer(
        "OtherError",
        "Any other error: a method that the path does not take (405), a URL that is too long (414).",
        WrongRoute("Not allowed to PUT on /v1/models.", status=405),
    ),
}


def statuses(documented: Documented, *, needs_key: bool) -> set[str]:
    """Return the statuses of the errors that a route may answer."""
    found = {"403", "500", "503", OTHER}
    if needs_key:
        found.add("401")
    if documented.body:
        found |= {"400", "408", "413"}
    if documented.query or documented.is_queued:
        found.add("400")
    if documented.is_counted:
        found.add("429")
    if documented.is_file:
        found |= {"412", "416"}
    return found | set(map(status_of, documented.raises))


def status_of(kind: type[SpeechError]) -> str:
    """Return the status of a class of errors."""
    return str(row_of(kind)[0])


def error_responses() -> Json:
    """Return the components of all answers that are errors."""
    return {answer.name: _response(answer) for answer in ERRORS.values()}


def references(found: Iterable[str]) -> Json:
    """Return references to the answers with some statuses."""
    return {status: {"$ref": f"#/components/responses/{ERRORS[status].name}"} for status in sorted(found)}


def _response(answer: ErrorAnswer) -> Json:
    example = msgspec.to_builtins(refusal(answer.example).body)
    return {
        "description": answer.description,
        "headers": headers.references(*headers.COMMON, *headers.RATE_LIMITS, *answer.headers),
        "content": {JSON_TYPE: {"schema": schema_of(Envelope), "example": example}},
    }
