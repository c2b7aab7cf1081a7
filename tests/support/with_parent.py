"""`python with_parent.py PARENT PROGRAM ARGUMENT…`: become a program that the system kills when PARENT ends, however
that ends: by Ctrl-C, by a signal, or because it was killed. So no run of the tests leaves a server behind.

It is run without this project's own packages on the path, in a few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def with_parent(command: Sequence[str]) -> list[str]:
    """Return the command that starts another, which then ends with this process; on Linux, elsewhere the same."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(parent: int, command: list[str]) -> None:
    """Become the program, unless the parent has gone already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:
        os.execvp(command[0], command)  # noqa: S606 - a program of the tests, as it stands


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
