"""Tests of requests that fail: whatever is raised inside, before the answer or in it, the client gets our
envelope or a broken connection, and the log what happened.
"""

from __future__ import annotations

import asyncio
import errno
import inspect
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from litestar.exceptions import ImproperlyConfiguredException
from structlog.testing import CapturingLogger

import compat.errors
import engines.errors
import voices.errors
from compat.errors import NotPermitted, PreconditionFailed, RangeNotSatisfiable, RateLimited, row
from engines.errors import SpeechError
from gateway.http.bodies import Disconnected
from gateway.http.drain import Drain
from gateway.http.failures import REPEAT_SECONDS, FailureLog
from gateway.http.middleware import RequestMiddleware
from gateway.security.auth import Authenticator
from gateway.security.hosts import HostGuard
from gateway.security.keys import KeyStore
from streaming.http.response import ClientStalled

SECRET = "/srv/secret/place"
PLAIN = "The server had an error while processing your request."
FOREIGN = [
    KeyError(3),
    ValueError(SECRET),
    TypeError("unsupported operand type(s)"),
    TimeoutError(),
    RecursionError("maximum recursion depth exceeded"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    ExceptionGroup("several", [ValueError("a"), KeyError("b")]),
    ImproperlyConfiguredException("litestar's own"),
    sqlite3.OperationalError("near SELECT: syntax error"),
    FileNotFoundError(errno.ENOENT, "No such file or directory", SECRET),
]
SYSTEM = [
    (OSError(errno.ENOSPC, "No space left on device", SECRET), 507),
    (OSError(errno.EROFS, "Read-only file system", SECRET), 507),
    (OSError(errno.EMFILE, "Too many open files", SECRET), 503),
    (MemoryError(), 503),
    (PermissionError(errno.EACCES, "Permission denied", SECRET), 500),
    (ExceptionGroup("one", [OSError(errno.ENOSPC, "No space left on device")]), 507),
]


class Exchanged:
    """What an application that raises made of one request."""

    def __init__(self, folder: Path, exc: BaseException, *, started: bool = False) -> None:
        self.log = CapturingLogger()
        self.messages: list[dict[str, Any]] = []
        self.raised = exc
        self._started = started
        middleware = RequestMiddleware(
            self._app,
            hosts=HostGuard((), ()),
            auth=Authenticator(KeyStore(folder / "keys.json"), public_voices=True),
            drain=Drain(),
            log=self.log,
            body_timeout=10,
            ended=lambda *_: None,
        )
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": "/v1/audio/speech",
            "headers": [],
            "client": None,
        }
        scope |= {"scheme": "http", "query_string": b"", "raw_path": b"/v1/audio/speech"}
        asyncio.run(middleware(scope, self._receive, self._send))

    async def _app(self, _scope: Any, _receive: Any, send: Any) -> None:
        if self._started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise self.raised

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        """The status that was sent."""
        return int(self.messages[0]["status"])

    @property
    def error(self) -> dict[str, Any]:
        """The error that was sent."""
        found: dict[str, Any] = json.loads(self.messages[1]["body"])["error"]
        return found

    def line(self) -> dict[str, Any]:
        """Return the log line of the request."""
        return next(call.kwargs for call in self.log.calls if call.args[-1:] == ("request",))

    def told(self, event: str) -> int:
        """Return how often the log was told of something."""
        return len([call for call in self.log.calls if call.args == (event,)])


def ours() -> list[SpeechError]:
    """Return an error of each of our own classes."""
    found: list[SpeechError] = []
    for module in (engines.errors, compat.errors, voices.errors):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if not issubclass(kind, SpeechError) or kind.__module__ != module.__name__:
                continue
            if issubclass(kind, RateLimited):
                found.append(RateLimited("A.", kind="requests", retry_after=1.0, headers={}))
            elif issubclass(kind, RangeNotSatisfiable):
                found.append(RangeNotSatisfiable(3))
            elif issubclass(kind, PreconditionFailed):
                found.append(PreconditionFailed('"a"'))
            elif issubclass(kind, NotPermitted):
                found.append(NotPermitted("A.", status=403))
            else:
                found.append(kind("A."))
    return found


@pytest.mark.parametrize("exc", ours(), ids=lambda exc: type(exc).__name__)
def test_our_own_errors(tmp_path: Path, exc: SpeechError) -> None:
    """Each error of ours has the status of its row, and its own sentence; the log has no traceback of it."""
    done = Exchanged(tmp_path, exc)
    assert (done.status, done.error["message"]) == (row(exc)[0], exc.message)
    assert set(done.error) == {"message", "type", "param", "code"}
    assert done.told("unexpected failure") == 0


@pytest.mark.parametrize("exc", FOREIGN, ids=lambda exc: type(exc).__name__)
def test_foreign_errors(tmp_path: Path, exc: Exception) -> None:
    """Whatever else is raised is the plain 500, with nothing of it in the answer, and once in the log."""
    done = Exchanged(tmp_path, exc)
    assert (done.status, done.error["message"], done.error["code"]) == (500, PLAIN, None)
    assert done.told("unexpected failure") == 1
    assert done.line()["outcome"] == "failed"


@pytest.mark.parametrize(("exc", "status"), SYSTEM, ids=lambda one: getattr(type(one), "__name__", one))
def test_what_the_system_says(tmp_path: Path, exc: Exception, status: int) -> None:
    """What the system says has its status, a sentence without path or number, and one line in the log."""
    done = Exchanged(tmp_path, exc)
    assert done.status == status
    assert not any(word in done.error["message"] for word in (SECRET, "Errno", "device", "Too many open"))
    assert (done.told("unexpected failure"), done.told("the system refuses")) == (0, 1)


def test_one_line_a_minute() -> None:
    """The same trouble is told once a minute, however many requests meet it; another one at once."""
    log, now = CapturingLogger(), 1000.0
    failures = FailureLog(log, clock=lambda: now)

    def meet(number: int) -> None:
        cause = OSError(number, "x")
        failures.tell(cause, compat.errors.known_error(cause), "req_1")

    for _ in range(100):
        meet(errno.ENOSPC)
    assert len(log.calls) == 1
    meet(errno.EMFILE)
    assert len(log.calls) == 2
    now += REPEAT_SECONDS
    meet(errno.ENOSPC)
    assert len(log.calls) == 3


@pytest.mark.parametrize("exc", [*FOREIGN, *(exc for exc, _ in SYSTEM)], ids=lambda exc: type(exc).__name__)
def test_after_the_first_byte(tmp_path: Path, exc: Exception) -> None:
    """After the answer has begun nothing more is sent: the server breaks the connection."""
    done = Exchanged(tmp_path, exc, started=True)
    assert [message["type"] for message in done.messages] == ["http.response.start"]
    assert done.line()["outcome"] == "broken"


@pytest.mark.parametrize("exc", [Disconnected("gone"), ExceptionGroup("one", [Disconnected("gone")])])
def test_a_client_that_left(tmp_path: Path, exc: Exception) -> None:
    """A client that left gets no answer, and counts as gone with 499, alone and in a group of one."""
    done = Exchanged(tmp_path, exc)
    assert done.messages == []
    assert (done.line()["status"], done.line()["outcome"]) == (499, "client_gone")


def test_a_stalled_client_is_no_fault(tmp_path: Path) -> None:
    """A client that stalled is no fault of the server's, and no traceback."""
    done = Exchanged(tmp_path, ClientStalled("no bytes"), started=True)
    assert done.told("unexpected failure") == 0
