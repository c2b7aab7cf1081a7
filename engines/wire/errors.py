"""Errors on their way between worker and gateway: by the name of their class, and back."""

from __future__ import annotations

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
}
"""HTTP statuses of the provider API by class; everything else is 500"""


def describe(exc: BaseException) -> ErrorFrame:
    """Put an exception into words; one that is none of ours becomes EngineFailed."""
    if isinstance(exc, SpeechError):
        return ErrorFrame(type(exc).__name__, exc.message, exc.param, exc.code)
    return ErrorFrame("EngineFailed", f"{type(exc).__name__}: {exc}")


def restore(fault: ErrorFrame) -> SpeechError:
    """Make the exception again; a kind that is not known becomes EngineFailed."""
    kind = getattr(errors, fault.kind, EngineFailed)
    if not (isinstance(kind, type) and issubclass(kind, SpeechError)) or kind in (
        errors.Overloaded,
        errors.DeadlineExceeded,
    ):
        kind = EngineFailed
    return kind(fault.message, param=fault.param, code=fault.code)
