"""The errors of this program, one tree; `compat.errors` has an answer for each.

SpeechError
├── BadInput              the caller's request cannot be served as it stands
│   ├── UnknownModel      no engine has a model of that name
│   ├── UnknownVoice      no engine has a voice of that name
│   ├── Unsupported       the chosen engine cannot honour a parameter
│   ├── BadAudio          an upload cannot be decoded, or is too short or too long
│   ├── NotFound          what the path names is not there, or not for this caller
│   └── Forbidden         what the path names may be used by this caller, not changed
├── StorageFull           nothing can be written: the disk is full, or read-only
├── EngineUnavailable     no worker can take the work now: starting, failed, or going away
├── Overloaded            the queue is full
├── EngineFailed          the engine raised, or its worker died with the work in it
│   ├── EngineBroken      the engine cannot go on: its process ends, and another one begins
│   ├── EngineHung        the engine gave no sign of life at a job, which is not tried again
│   ├── ChildLost         the process that did the work was lost with the work in it
│   ├── RunawayAudio      it made far more audio than the text can be, or silence, or the same over and over
│   └── MissingPrompt     the worker does not hold the prompt that a job names
└── DeadlineExceeded      the work did not begin, or end, in the time it was allowed
"""

from __future__ import annotations


class SpeechError(Exception):
    """Anything this program refuses or fails to do, in a sentence a caller may read.

    `param` names the parameter that is wrong; `code` is a word for programs; `detail` is what a library said,
    for the log only. `retry_after` is in how many seconds another try may succeed, 0 where that is not known;
    `elsewhere` says that one on another worker may succeed at once.
    """

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        detail: str = "",
        retry_after: float = 0.0,
        elsewhere: bool = False,
    ) -> None:
        super().__init__(f"{message} ({detail})" if detail else message)
        self.message = message
        self.param = param
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.elsewhere = elsewhere


class BadInput(SpeechError):
    """The caller's request cannot be served as it stands."""


class UnknownModel(BadInput):
    """No engine has a model of that name."""


class UnknownVoice(BadInput):
    """No engine has a voice of that name."""


class Unsupported(BadInput):
    """The chosen engine cannot honour a parameter."""


class BadAudio(BadInput):
    """An upload cannot be decoded, or is too short or too long."""


class NotFound(BadInput):
    """What the path names is not there, or not for this caller."""


class Forbidden(BadInput):
    """What the path names may be used by this caller, not changed."""


class StorageFull(SpeechError):
    """Nothing can be written: the disk is full, or read-only."""


class EngineUnavailable(SpeechError):
    """No worker can take the work now: it is starting, has failed, or is going away."""


class Overloaded(SpeechError):
    """The queue is full."""


class EngineFailed(SpeechError):
    """The engine raised, or its worker died with the work in it."""


class EngineBroken(EngineFailed):
    """The engine cannot go on, as on a GPU whose context is lost: its process ends, and is replaced."""


class EngineHung(EngineFailed):
    """The engine gave no sign of life at a job, and was ended: to try that again would hang another one."""


class ChildLost(EngineFailed):
    """The process that did the work was lost with the work in it; another one may do it again.

    `repeated` says that others have tried it already, in vain.
    """

    repeated = False


class RunawayAudio(EngineFailed):
    """The engine made far more audio than the text can be, or only silence, or the same over and over."""


class MissingPrompt(EngineFailed):
    """The worker does not hold the prompt that a job names by its id alone."""


class DeadlineExceeded(SpeechError):
    """The work did not begin, or end, in the time it was allowed."""
