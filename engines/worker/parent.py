"""A worker never outlives its parent, however that ends.

Two ways at once. On Linux the kernel kills the child when the parent dies, even if the child hangs in C code.
Everywhere, a thread reads standard input, a pipe whose other end only the parent holds: its end means that
the parent is gone.

Nor does it end before its parent wants that: Ctrl-C, `timeout` and systemd signal all processes of a group,
and the parent still needs its children to finish what is under way. It stops them by a signal of its own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1
STOP_SIGNAL: signal.Signals = getattr(signal, "SIGUSR1", signal.SIGTERM)
"""by which a parent stops a child: nobody sends it to a whole group (Windows has no groups, and no other)"""


def ignore_group_signals() -> None:
    """Ignore the signals by which a whole group of processes is stopped: the parent gets them too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


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
