"""The program's entry: `voicebox`, or `python -m gateway`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


# Ctrl-C while the rest is imported: nothing has been begun that would have to be ended.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _leave)

from gateway.config.foreign_packages import ROOT, ForeignPackage, check_packages  # noqa: E402


def main() -> int:
    """Check that our packages are our own, then run one command and return its exit status."""
    try:
        check_packages()
    except ForeignPackage as exc:
        print(f"voicebox: {exc}", file=sys.stderr)
        return 2
    from gateway.cli import main as run_command  # not before the check: it imports our other packages

    try:
        if signal.getsignal(signal.SIGINT) is _leave:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return run_command()
    except KeyboardInterrupt:
        return INTERRUPTED


def _forget_working_directory() -> None:
    """Take the working directory off `sys.path`, where `python -m` has put it, unless our packages are there.

    A folder of the user's there may be called `streaming` or `engines` as well.
    """
    if sys.flags.safe_path:
        return
    try:
        working_directory = os.path.realpath(os.curdir)
    except FileNotFoundError:  # it was deleted
        return
    first = os.path.realpath(sys.path[0])
    if first == working_directory != os.path.realpath(ROOT):
        del sys.path[0]


if __name__ == "__main__":
    _forget_working_directory()
    sys.exit(main())
