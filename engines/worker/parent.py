"""A worker never outlives its parent, however that ends.

Two ways at once. On Linux the kernel kills the child when the parent dies, even if the child hangs in C code.
Everywhere, a thread reads standard input, a pipe whose other end only the parent holds: its end means that
the parent is gone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have this process end with its parent, a process id; exit at once when that is gone already."""
    be_killed_with_parent(parent)
    threading.Thread(target=_exit_at_end_of_input, daemon=True, name="parent").start()


def be_killed_with_parent(parent: int) -> None:
    """Have the kernel kill this process with its parent, even while it is stopped (Linux; prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _exit_at_end_of_input() -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    os._exit(0)
