"""How the process of a worker ended, in plain words: for health, the log, and who wanted something of it."""

from __future__ import annotations

import signal

from engines.wire.exit_status import BROKEN, HUNG

CRASHES = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT")
"""signals by which the system ends a process for what it did"""
KNOWN = {
    0: "the worker ended by itself",
    HUNG: "the engine did not stop a job that nobody wanted any more, and was ended",
    BROKEN: "the engine could do nothing more, as after the loss of a GPU, and was ended",
}
DRIVER_HANGS = "the worker was killed, and a driver does not let it end"


def silent(seconds: float) -> str:
    """Return the reason of a worker that was ended because it gave no sign of life for so long."""
    return f"the engine gave no sign of life for {seconds:.0f} s and was ended"


def silent_start(seconds: float) -> str:
    """Return the reason of a worker that gave no sign of life for so long while it was starting."""
    return f"it gave no sign of life for {seconds:g} s while it was starting, and was ended"


def stopped(seconds: float) -> str:
    """Return the reason of a worker that was ended because somebody had stopped it for so long."""
    return f"the worker was stopped from outside, as by SIGSTOP, for {seconds:.0f} s and was ended"


def ending(status: int | None) -> str:
    """Return how a process ended by its exit status, that of a signal below 0; None is one that a driver does
    not let end.
    """
    if status is None:
        return DRIVER_HANGS
    if status >= 0:
        return KNOWN.get(status, f"the worker ended by itself, with status {status}")
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name == "SIGKILL":
        return "the worker was killed (SIGKILL), as the system does where memory is short"
    return f"the worker crashed ({name})" if name in CRASHES else f"the worker was ended by {name}"
