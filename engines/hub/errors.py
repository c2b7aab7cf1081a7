"""Errors about model files, each with a sentence that says what to do."""

from __future__ import annotations

from engines.errors import EngineUnavailable, Forbidden, NotFound, SpeechError


class ModelError(SpeechError):
    """An error about a model's files; also one that has no class of its own."""


class ModelNotFound(ModelError, NotFound):
    """The hub has no such repository or file, or shows it to nobody without a token."""


class RevisionNotFound(ModelNotFound):
    """The repository has no such branch, tag or commit."""


class ModelGated(ModelError, Forbidden):
    """The repository is gated, and the token may not read it."""


class TokenRefused(ModelGated):
    """The hub does not know the token."""


class ModelUnreachable(ModelError, EngineUnavailable):
    """The hub does not answer, or not as a hub does; what was downloaded is kept, and the next pull resumes
    there.
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
    """Files are not what the hub lists, or are gone; `files` names them. Damaged ones were deleted."""

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


class Offline(ModelError, EngineUnavailable):
    """The network may not be used, and the files are not here."""
