"""What the system and libraries raise, in our own terms: a full disk, no descriptors, no permission.

An operating system tells it by number (`errno`), SQLite by a name of its own, obstore only in its text. No
path, value or text of theirs is repeated: what an answer says is here.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator

from engines.errors import Overloaded, SpeechError, StorageFull

RETRY_AFTER = 5.0
"""seconds until memory or descriptors may be free again"""
MOST_CAUSES = 20
"""of one exception that are looked at"""
OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""how Rust's libraries, obstore among them, tell an errno"""
NO_THREAD = "can't start new thread"
"""what Python raises as RuntimeError where the system gives no thread"""
NO_FOLDER = "No usable temporary directory"
"""what Python raises as FileNotFoundError where no folder for temporary files can be written"""


def _full() -> SpeechError:
    return StorageFull("The server has no room left on its disk. Nothing was kept.")


def _read_only() -> SpeechError:
    return StorageFull("The server cannot write to its disk, which is read-only. Nothing was kept.")


def _exhausted() -> SpeechError:
    return Overloaded(
        "The server has run out of memory, files or processes. Please try again later.",
        retry_after=RETRY_AFTER,
    )


def _locked() -> SpeechError:
    return Overloaded("The server's database is in use. Please try again later.", retry_after=RETRY_AFTER)


def _forbidden() -> SpeechError:
    return SpeechError(
        "The server may not use one of its own files; its log says which.", code="server_permission"
    )


def _broken_disk() -> SpeechError:
    return SpeechError("The server could not read or write its disk.", code="server_disk")


ERRNOS: dict[int, Callable[[], SpeechError]] = {
    errno.ENOSPC: _full,
    errno.EDQUOT: _full,
    errno.EFBIG: _full,
    errno.EROFS: _read_only,
    errno.EMFILE: _exhausted,
    errno.ENFILE: _exhausted,
    errno.ENOMEM: _exhausted,
    errno.ENOBUFS: _exhausted,
    errno.EACCES: _forbidden,
    errno.EPERM: _forbidden,
    errno.EIO: _broken_disk,
}
SQLITE: dict[str, Callable[[], SpeechError]] = {
    "SQLITE_FULL": _full,
    "SQLITE_READONLY": _read_only,
    "SQLITE_BUSY": _locked,
    "SQLITE_LOCKED": _locked,
    "SQLITE_NOMEM": _exhausted,
    "SQLITE_PERM": _forbidden,
    "SQLITE_AUTH": _forbidden,
    "SQLITE_IOERR": _broken_disk,
}
"""by the name of the primary code, with which that of an extended one begins"""


def system_error(exc: BaseException) -> SpeechError | None:
    """Return what the system said, of an exception or what caused it, in our own terms; None if nothing."""
    return next((known() for cause in _causes(exc) if (known := _row(cause))), None)


def _row(exc: BaseException) -> Callable[[], SpeechError] | None:
    name = getattr(exc, "sqlite_errorname", "")
    if name:
        return next((known for code, known in SQLITE.items() if name.startswith(code)), None)
    if isinstance(exc, MemoryError) or (isinstance(exc, RuntimeError) and NO_THREAD in str(exc)):
        return _exhausted
    if isinstance(exc, OSError) and exc.errno:
        return _full if NO_FOLDER in str(exc.strerror) else ERRNOS.get(exc.errno)
    if type(exc).__module__.startswith("obstore") and (found := OS_ERROR.search(str(exc))):
        return ERRNOS.get(int(found[1]))
    return None


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what caused it, outermost first; SQLAlchemy has the database's as `orig`."""
    waiting, seen = [exc], 0
    while waiting and seen < MOST_CAUSES:
        one = waiting.pop(0)
        seen += 1
        yield one
        # One of ours says what caused it; what else was going on when it was raised tells nothing.
        implied = None if one.__suppress_context__ or isinstance(one, SpeechError) else one.__context__
        below = (one.__cause__, getattr(one, "orig", None), implied)
        waiting += [cause for cause in below if isinstance(cause, BaseException)]
