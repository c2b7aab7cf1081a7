"""Errors about model files, each with a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Sequence

from engines.errors import BadInput, EngineUnavailable, Forbidden, NotFound, SpeechError

RESUMABLE = "What has come is kept: pull it again to go on."
FROM_PACKAGES = "Some models come from the package index: `voicebox models available` tells which."


class ModelError(SpeechError):
    """An error about a model's files; also one that has no class of its own."""


class ModelNotFound(ModelError, NotFound):
    """The hub has no such repository or file, or shows it to nobody without a token; or no package index has
    it.
    """


class RevisionNotFound(ModelNotFound):
    """The repository has no such branch, tag or commit."""


class ModelGated(ModelError, Forbidden):
    """The repository is gated, and the token may not read it."""


class TokenRefused(ModelGated):
    """The hub does not know the token, or a package index not the name and password."""


class ModelUnreachable(ModelError, EngineUnavailable):
    """The hub or the index does not answer, or not as one does; what was downloaded is kept, and the next
    pull resumes there.
    """

    def __init__(self, message: str, *, code: str | None = None, retry_after: float = 0.0) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after
        """seconds; 0 where the hub did not say"""


class HubBusy(ModelUnreachable):
    """The hub wants fewer requests."""


class PullStalled(ModelUnreachable):
    """The hub stopped sending."""


class ModelDamaged(ModelError, EngineUnavailable):
    """Files are not what they should be, or are gone; `files` names them. Damaged ones were deleted."""

    def __init__(self, message: str, files: tuple[str, ...]) -> None:
        super().__init__(message, code="model_damaged")
        self.files = files


class DiskFull(ModelError, EngineUnavailable):
    """The disk has no room; `needed` and `free` are bytes, 0 where the disk was full before anybody asked."""

    def __init__(self, message: str, *, needed: int = 0, free: int = 0) -> None:
        super().__init__(message, code="disk_full")
        self.needed = needed
        self.free = free


class PullCancelled(ModelError):
    """The pull was cancelled; what was downloaded is kept."""


class ModelBusy(ModelError, EngineUnavailable):
    """Another pull holds the files."""


class ModelInUse(ModelError, BadInput):
    """Another process speaks or transcribes with the files; `pid` is its id."""

    def __init__(self, model: str, pid: int) -> None:
        message = (
            f"`{model}` is in use by another program on this machine (process {pid}): it is deleted once that"
            " has taken it out of memory or ended."
        )
        super().__init__(message, code="model_in_use")


class Offline(ModelError, EngineUnavailable):
    """The network may not be used, and the files are not here."""


class ModelInstalled(ModelError, Forbidden):
    """The files belong to a package that is installed."""


class ModelInFolder(ModelError, Forbidden):
    """The files lie in a folder of the user's own."""

    def __init__(self, model: str) -> None:
        message = (
            f"`{model}` lies in a folder of its own, which models.own or its record names, and is used from"
            " there as it is: it is not pulled, compared or deleted."
        )
        super().__init__(message, code="model_in_folder")


NOT_THERE = (ModelNotFound, ModelUnreachable, ModelDamaged, TokenRefused, Offline)
"""errors after which another source may still have the files: not where terms must be agreed to, the disk is
full or the pull was cancelled
"""


def joined(errors: Sequence[ModelError], intro: str, names: Sequence[str]) -> ModelError:
    """Return the error of several sources, of which each has a name, that have none of the files: of the
    class of the one that may have them later, with all reasons in it.
    """
    if len(errors) == 1:
        return errors[0]
    chosen = next((error for error in errors if isinstance(error, ModelUnreachable)), errors[0])
    reasons = " ".join(f"{name}: {error.message}" for name, error in zip(names, errors, strict=True))
    chosen.message = f"{intro} {reasons}"
    chosen.args = (chosen.message,)
    return chosen


def advised(error: ModelError, *, begun: bool, packaged: bool) -> ModelError:
    """Return the error of a pull with what else there is to do where it may go well later: go on then, if it
    has `begun`, or take a model that comes in packages, if this one is not `packaged`.
    """
    if isinstance(error, ModelUnreachable):
        advice = [RESUMABLE] * begun + [FROM_PACKAGES] * (not packaged)
        error.message = " ".join([error.message, *advice])
        error.args = (error.message,)
    return error
