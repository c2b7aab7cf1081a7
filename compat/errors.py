"""From any exception to OpenAI's envelope: one table of our own errors, most specific class wins.

What the system and libraries raise is put into our terms by `compat.system_errors`.

Statuses, types and codes follow what api.openai.com answers, so that its SDKs raise the exceptions they raise
there.
"""

from __future__ import annotations

import math
import re
from typing import Literal

import msgspec

from compat.system_errors import system_error
from engines.errors import (
    BadAudio,
    BadInput,
    ChildLost,
    DeadlineExceeded,
    EngineBroken,
    EngineFailed,
    EngineHung,
    EngineUnavailable,
    Forbidden,
    MissingPrompt,
    NotFound,
    Overloaded,
    RunawayAudio,
    SpeechError,
    StorageFull,
    UnknownModel,
    UnknownVoice,
    Unsupported,
)

RateKind = Literal["requests", "tokens"]
MAX_RETRY_AFTER = 60
"""seconds; Node's SDK ignores a longer wait and retries at once"""


PYTHON_ERROR = re.compile(r"\b[A-Za-z_.]*[A-Z]\w*(?:Error|Exception|Interrupt)\b(?:\([^()]*\)|:)? ?")
"""`KeyError(3)`, or `torch.cuda.OutOfMemoryError: ` before what it says"""
PATH = re.compile(
    r"file:/+[^\s'\"]+|~?(?<![\w:/.])(?!/v1/)(?:/[\w.@+~%=-]+){2,}/?|\b[A-Za-z]:\\[^\s'\"]+|\\\\\w[^\s'\"]+"
)
"""a path of at least two parts from the root, and no part of a URL or of our routes"""
QUOTED_PATH = re.compile(r"(?P<quote>['\"`])(?:~?/|[A-Za-z]:\\)(?!v1/)[^'\"`\n]*[/\\][^'\"`\n]*(?P=quote)")
"""a path in quotes, which may have spaces in it"""
TRACE = re.compile(
    r"\s*Traceback \(most recent call last\).*|\s*File \"[^\"\n]*\", line \d+[^\n]*", re.DOTALL
)
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
"""of an object in memory, as Python shows what has no words of its own"""


class ErrorBody(msgspec.Struct, frozen=True):
    """What went wrong; all four keys are always there."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class Envelope(msgspec.Struct, frozen=True):
    """OpenAI's error envelope: the body of every answer that is an error."""

    error: ErrorBody


class Refusal(msgspec.Struct, frozen=True):
    """An error answer: status, body and headers."""

    status: int
    body: Envelope
    headers: dict[str, str] = {}


class NotPermitted(SpeechError):
    """The request's host, origin or key does not let it in; `status` is 401 or 403."""

    def __init__(self, message: str, *, status: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.status = status


class TooLarge(SpeechError):
    """The body is longer than is taken."""


class SlowBody(SpeechError):
    """The body stopped coming before its end."""


class RateLimited(SpeechError):
    """The caller is over a limit of its own. `kind` says what of, `headers` tell the limits; seconds."""

    def __init__(self, message: str, *, kind: RateKind, retry_after: float, headers: dict[str, str]) -> None:
        super().__init__(message, code="rate_limit_exceeded")
        self.kind = kind
        self.retry_after = retry_after
        self.headers = headers


class KeysUnreadable(SpeechError):
    """The keys cannot be read, so that nobody can be let in."""


class PreconditionFailed(SpeechError):
    """The file is not the one that the request is for; `tag` names its content, empty where there is none."""

    def __init__(self, tag: str) -> None:
        super().__init__("The file is not the one that the request's condition names: it was changed since.")
        self.tag = tag


class RangeNotSatisfiable(SpeechError):
    """None of the bytes that are asked for are in the file, which has `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes; the range that is asked for is not among them.")
        self.size = size


class WrongRoute(SpeechError):
    """No such path, or not with this method; `status` is 404 or 405."""

    def __init__(self, message: str, *, status: int = 404, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def wrong_endpoint(model: str, path: str, reason: str) -> WrongRoute:
    """Return the error that a model exists, but not for this route: "does not speak", "does not
    transcribe".
    """
    return WrongRoute(f"Invalid URL (POST {path}): the model `{model}` {reason}.")


INVALID, SERVER = "invalid_request_error", "server_error"

TABLE: dict[type[SpeechError], tuple[int, str, str | None]] = {
    SpeechError: (500, SERVER, None),
    BadInput: (400, INVALID, None),
    UnknownModel: (404, INVALID, "model_not_found"),
    UnknownVoice: (400, INVALID, None),
    Unsupported: (400, INVALID, "unsupported_value"),
    BadAudio: (400, INVALID, None),
    NotFound: (404, INVALID, "not_found"),
    Forbidden: (403, INVALID, "not_yours"),
    StorageFull: (507, SERVER, "storage_full"),
    EngineUnavailable: (503, SERVER, None),
    Overloaded: (503, SERVER, None),
    EngineFailed: (500, SERVER, None),
    EngineBroken: (500, SERVER, None),
    EngineHung: (500, SERVER, "engine_hung"),
    ChildLost: (500, SERVER, None),
    RunawayAudio: (500, SERVER, "run_away"),
    MissingPrompt: (500, SERVER, None),
    DeadlineExceeded: (503, SERVER, None),
    NotPermitted: (403, INVALID, None),
    KeysUnreadable: (500, SERVER, "keys_unreadable"),
    TooLarge: (413, SERVER, None),
    SlowBody: (408, INVALID, None),
    PreconditionFailed: (412, INVALID, "precondition_failed"),
    RangeNotSatisfiable: (416, INVALID, "range_not_satisfiable"),
    RateLimited: (429, "requests", "rate_limit_exceeded"),
    WrongRoute: (404, INVALID, None),
}
"""(status, type, code) by class; an error's own code goes before the table's"""


def refusal(error: SpeechError) -> Refusal:
    """Put an error into its status, envelope and headers."""
    status, kind, code = row(error)
    if isinstance(error, NotPermitted | WrongRoute):
        status = error.status
    if isinstance(error, RateLimited):
        kind = error.kind
    message = without_internals(error.message) if status >= 500 else _for_callers(error)
    body = ErrorBody(message, kind, error.param, error.code or code)
    return Refusal(status, Envelope(body), _headers(error, status))


def _for_callers(error: SpeechError) -> str:
    """Return the message of a caller's mistake: it may name the path of a URL, but no file."""
    return error.message if isinstance(error, WrongRoute) else without_paths(error.message)


def _headers(error: SpeechError, status: int) -> dict[str, str]:
    if isinstance(error, WrongRoute):
        return error.headers
    if isinstance(error, PreconditionFailed):
        return {"etag": error.tag} if error.tag else {}
    if isinstance(error, RangeNotSatisfiable):
        return {"content-range": f"bytes */{error.size}", "accept-ranges": "bytes"}
    if status == 401:
        return {"www-authenticate": 'Bearer realm="Voicebox Gateway"'}
    if isinstance(error, RateLimited):
        return {**error.headers, **_again(error.retry_after)}
    if isinstance(error, EngineHung):
        return {"x-should-retry": "false"}  # or OpenAI's SDKs would hang two more workers
    if status == 503:
        return _again(error.retry_after or 1.0)
    return {}


def _again(seconds: float) -> dict[str, str]:
    """Return the value of Retry-After, in whole seconds."""
    return {"retry-after": str(min(MAX_RETRY_AFTER, max(1, math.ceil(seconds)))), "x-should-retry": "true"}


def unexpected() -> Refusal:
    """Answer for a fault of our own: nothing of it is told but that it happened."""
    body = ErrorBody("The server had an error while processing your request.", SERVER)
    return Refusal(500, Envelope(body))


def answer_to(exc: BaseException) -> Refusal:
    """Return the answer to any exception: one of ours, a system's that the table knows, or the plain 500."""
    known = known_error(exc)
    return refusal(known) if known else unexpected()


def known_error(exc: BaseException) -> SpeechError | None:
    """Return an exception in our own terms; None for one that nobody foresaw.

    One of ours that is the server's fault gives way to what the system said of its cause: a full disk is that
    also where the library reports it.
    """
    if isinstance(exc, BaseExceptionGroup):
        found = [known for one in exc.exceptions if (known := known_error(one))]
        return found[0] if found and len(found) == len(exc.exceptions) else None
    own = exc if isinstance(exc, SpeechError) else None
    if own and row(own)[0] < 500:
        return own
    return system_error(exc) or own


def without_internals(message: str) -> str:
    """Return a message without traces, names of Python's errors and paths of files.

    Engines put into words what their libraries said; this is the last place that it passes.
    """
    return without_paths(PYTHON_ERROR.sub("", ADDRESS.sub("", TRACE.sub("", message))))


def without_paths(message: str) -> str:
    """Return a message without the paths of files; routes of ours stay."""
    return PATH.sub("…", QUOTED_PATH.sub("…", message))


def row(error: SpeechError) -> tuple[int, str, str | None]:
    """Return the table's row for an error."""
    return row_of(type(error))


def row_of(kind: type[SpeechError]) -> tuple[int, str, str | None]:
    """Return the table's row for a class of errors, that of its nearest class."""
    return next(TABLE[base] for base in kind.__mro__ if base in TABLE)
