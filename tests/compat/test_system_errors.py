"""Tests of what the system and libraries raise: each has an answer, with nothing of theirs in it."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import tempfile
from pathlib import Path

import msgspec
import pytest

from compat.errors import WrongRoute, answer_to, without_internals
from compat.system_errors import ERRNOS
from engines.errors import BadInput, EngineFailed, EngineUnavailable, StorageFull

PLAIN = "The server had an error while processing your request."
SECRET = "/srv/voicebox/secret/place"
"""a path of the server's that no answer may hold"""


def caused(outer: Exception, cause: BaseException) -> Exception:
    """Return an exception with what caused it."""
    outer.__cause__ = cause
    return outer


def full_disk() -> OSError:
    """Return what the system raises on a full disk."""
    with (
        pytest.raises(OSError, match="No space") as caught,
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")
    return caught.value


def locked_database(folder: Path) -> sqlite3.Error:
    """Return what SQLite raises where another program holds the lock."""
    first, second = (sqlite3.connect(folder / "x.db", timeout=0, isolation_level=None) for _ in range(2))
    first.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(sqlite3.OperationalError) as caught:
            second.execute("BEGIN EXCLUSIVE")
    finally:
        first.close()
        second.close()
    return caught.value


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EROFS, 507), (errno.EFBIG, 507),
        (errno.EMFILE, 503), (errno.ENFILE, 503), (errno.ENOMEM, 503),
        (errno.EACCES, 500), (errno.EPERM, 500), (errno.EIO, 500),
        (errno.ENOENT, 500), (errno.ECONNRESET, 500),
    ],
)  # fmt: skip
def test_errno(number: int, status: int) -> None:
    """Each number has its status; a 503 says when to come back; the path in the error is never told."""
    raised = OSError(number, os.strerror(number), SECRET)
    for exc in (raised, caused(RuntimeError("x"), raised), caused(EngineUnavailable("x"), raised)):
        answer = answer_to(exc)
        if isinstance(exc, EngineUnavailable) and number not in ERRNOS:
            continue
        assert answer.status == status
        assert ("retry-after" in answer.headers) == (status == 503)
        assert SECRET not in json.dumps(msgspec.to_builtins(answer.body))
        assert os.strerror(number) not in answer.body.error.message


def test_what_is_really_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, a locked database, no folder for temporary files, no memory and no thread are known."""
    assert answer_to(full_disk()).status == 507
    assert answer_to(locked_database(tmp_path)).status == 503
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "nowhere")])
    with pytest.raises(FileNotFoundError) as caught:
        tempfile._get_default_tempdir()  # type: ignore[attr-defined]
    assert answer_to(caught.value).status == 507
    assert answer_to(MemoryError()).status == 503
    assert answer_to(RuntimeError("can't start new thread")).status == 503


@pytest.mark.parametrize(
    "exc", [KeyError(3), ValueError(SECRET), TimeoutError(), UnicodeError("x"), RecursionError()]
)
def test_what_nobody_foresaw(exc: Exception) -> None:
    """Anything else is the plain 500, alone and in a group."""
    for raised in (exc, ExceptionGroup("several", [exc, ValueError("y")])):
        answer = answer_to(raised)
        assert (answer.status, answer.body.error.message) == (500, PLAIN)


def test_groups() -> None:
    """A group of what is known is answered as its first member."""
    assert answer_to(ExceptionGroup("x", [BadInput("no"), StorageFull("full")])).status == 400


def test_a_callers_mistake_stays_one() -> None:
    """A mistake of the caller's is told as such, whatever caused it."""
    assert answer_to(caused(BadInput("no such thing"), OSError(errno.ENOSPC, "full"))).status == 400


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            f"It could not be loaded: FileNotFoundError: {SECRET}/a.bin is gone.",
            "It could not be loaded: … is gone.",
        ),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory", "CUDA out of memory"),
        ("The engine failed: KeyError(3)", "The engine failed: "),
        (r"No file C:\Users\anna\model.bin here", "No file … here"),
        ("The folder '/srv/my models/x' is gone", "The folder … is gone"),
        ("It lies in ~/.cache/hub/x or file:///srv/x", "It lies in … or …"),
        (
            'It failed: Traceback (most recent call last):\n  File "/a/b.py", line 3, in f\n    g()',
            "It failed:",
        ),
        ("It got <torch.Foo object at 0x7f01ab>", "It got <torch.Foo object>"),
        ("GET /v1/voicebox/models lists them", "GET /v1/voicebox/models lists them"),
        ("Pull it: voicebox models pull kokoro", "Pull it: voicebox models pull kokoro"),
        ("See https://example.com/a/b and and/or 1/2.", "See https://example.com/a/b and and/or 1/2."),
    ],
)
def test_no_internals_in_the_servers_faults(message: str, shown: str) -> None:
    """Of what an engine put into words, paths and names of Python's errors are left out; all else stays."""
    assert without_internals(message) == shown
    assert answer_to(EngineFailed(message)).body.error.message == shown


def test_no_paths_in_what_a_caller_did_wrong() -> None:
    """Nor does a caller's mistake tell where files of the server lie; the route that was asked for is named."""
    message = f"The sample in {SECRET}/a.wav cannot be read."
    assert answer_to(BadInput(message)).body.error.message == "The sample in … cannot be read."
    route = "Invalid URL (GET /v2/audio/speech)."
    assert answer_to(WrongRoute(route)).body.error.message == route
