"""Errors on their way between worker and gateway: by the name of their class, and back, whole."""

from __future__ import annotations

import traceback
from pathlib import Path

from engines import errors
from engines.errors import EngineFailed, SpeechError
from engines.wire.frames import ErrorFrame

STATUS = {
    "BadInput": 400,
    "Unsupported": 400,
    "UnknownVoice": 400,
    "UnknownModel": 404,
    "BadAudio": 400,
    "EngineUnavailable": 503,
    "Overloaded": 503,
    "DeadlineExceeded": 503,
}
"""HTTP statuses of the provider API by class; everything else is 500"""
FAILED = "The engine failed at this."
"""what callers are told of a library's error"""
ADAPTERS = "adapters"
"""the folder of them"""
LONGEST_DETAIL = 10_000
"""characters of what a library said"""


def to_frame(exc: BaseException) -> ErrorFrame:
    """Return the frame of an exception; one that is none of ours becomes EngineFailed."""
    if isinstance(exc, SpeechError):
        kind = next(base for base in type(exc).__mro__ if base.__module__ == errors.__name__)
        return ErrorFrame(
            kind.__name__,
            exc.message,
            exc.param,
            exc.code,
            exc.detail or _cause(exc),
            retry_after=exc.retry_after,
            elsewhere=exc.elsewhere,
        )
    return ErrorFrame("EngineFailed", FAILED, detail=f"{type(exc).__name__}: {exc}{_place(exc)}")


def _place(exc: BaseException) -> str:
    """Return where an adapter came to an exception that nobody has put into words: the last place in it, or
    else the last of all; empty where it was never raised.
    """
    stack = traceback.extract_tb(exc.__traceback__)
    ours = [frame for frame in stack if ADAPTERS in Path(frame.filename).parts]
    for frame in (ours or stack)[-1:]:
        return f" (in {frame.name}, line {frame.lineno} of {'/'.join(Path(frame.filename).parts[-2:])})"
    return ""


def _cause(exc: SpeechError) -> str:
    """Return all that a library said which an error of ours came from: for the log, as callers are told one
    line of it.
    """
    cause = exc.__cause__
    said = "" if cause is None or isinstance(cause, SpeechError) else f"{type(cause).__name__}: {cause}"
    return "" if said in exc.message else said[:LONGEST_DETAIL]


def to_exception(frame: ErrorFrame) -> SpeechError:
    """Return the exception that a frame describes; a kind that is not known becomes EngineFailed."""
    kind = getattr(errors, frame.kind, EngineFailed)
    if not (isinstance(kind, type) and issubclass(kind, SpeechError)):
        kind = EngineFailed
    return kind(
        frame.message,
        param=frame.param,
        code=frame.code,
        detail=frame.detail,
        retry_after=frame.retry_after,
        elsewhere=frame.elsewhere,
    )
