"""What the log is told of requests that fail: an unforeseen fault with its traceback, the system's troubles
in a line now and then.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from litestar.exceptions import LitestarException
from structlog.typing import FilteringBoundLogger

from compat.errors import KeysUnreadable
from engines.errors import SpeechError

REPEAT_SECONDS = 60.0
"""in which the same trouble is told once: on a full disk every request meets it"""


class FailureLog:
    """Tells the log of failures that are the server's own."""

    def __init__(self, log: FilteringBoundLogger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._told: dict[str, float] = {}

    def tell(self, cause: BaseException, known: SpeechError | None, request: str) -> None:
        """Tell of a failure; `known` is what it is in our own terms, None where nobody foresaw it."""
        if known is None:
            self._log.error("unexpected failure", request=request, exc_info=cause)
        elif known is not cause or isinstance(known, KeysUnreadable):
            self._tell_trouble(known, cause, request)

    def _tell_trouble(self, known: SpeechError, cause: BaseException, request: str) -> None:
        now = self._clock()
        last = self._told.get(known.message)
        if last is None or now - last >= REPEAT_SECONDS:
            self._told[known.message] = now
            self._log.error("the system refuses", what=known.message, reason=in_words(cause), request=request)


def unwrapped(exc: BaseException) -> BaseException:
    """Return what was raised inside a group of one, or inside Litestar's words for it."""
    while True:
        if isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
            exc = exc.exceptions[0]
        elif isinstance(exc, LitestarException) and exc.__cause__:
            exc = exc.__cause__
        else:
            return exc


def in_words(exc: BaseException) -> str:
    """Return an exception with what caused it, for the log."""
    cause = f" ({exc.__cause__!r})" if exc.__cause__ else ""
    return f"{type(exc).__name__}: {exc}{cause}"
