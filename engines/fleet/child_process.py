"""Child processes of ours: how they find our packages, how they are waited for, and how they are stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from engines.worker.parent import STOP_SIGNAL

PACKAGES = Path(__file__).parents[2]
"""the folder in which our packages lie: site-packages, or the checkout"""
POLL_SECONDS = 0.5
KILL_SIGNAL: signal.Signals = getattr(signal, "SIGKILL", signal.SIGTERM)
"""which on Windows ends a process just as surely"""
KILLED_SECONDS = 10.0
"""after which a process that was killed and has not ended is left alone: a driver keeps it"""


def module_command(module: str, *arguments: str, python: str = sys.executable) -> tuple[str, ...]:
    """Return the command that runs a module of ours.

    `-P` keeps the working directory off `sys.path`: a folder there may be called `streaming` as well.
    """
    return python, "-P", "-m", module, *arguments


def own_environ() -> dict[str, str]:
    """Return a child's environment variables: ours, with our packages first on its path."""
    path = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path}


async def start_module(
    module: str,
    *arguments: str,
    stdin: int | None = None,
    stdout: int | None = None,
    environ: Mapping[str, str] | None = None,
) -> asyncio.subprocess.Process:
    """Start a module of ours with our own interpreter; `environ` adds to its variables. Raises OSError.

    However we end, it ends with us, even where it is stopped and reads no pipe (Linux). What stops a whole
    group of processes, as Ctrl-C does, does not reach it, not even before it has learnt to ignore that.
    """
    return await asyncio.create_subprocess_exec(
        *module_command("engines.fleet.bound_child", str(os.getpid()), module, *arguments),
        stdin=stdin,
        stdout=stdout,
        env={**own_environ(), **(environ or {})},
        start_new_session=True,
    )


def is_stopped(pid: int) -> bool:
    """Return whether a process is stopped, as by SIGSTOP, and not by a debugger (Linux)."""
    return _state(pid) == "T"


def _state(pid: int) -> str:
    """Return the letter of a process's state (proc_pid_stat(5)); empty where the system tells none."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2][1:2]
    return ""


def send_signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a process, unless it has ended: `subprocess` would reap it then, and asyncio, which
    waits for it too, would not learn its exit status.
    """
    if _state(process.pid) != "Z":
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


async def wait_for_end(process: asyncio.subprocess.Process) -> int:
    """Wait for a process's end and return its exit status.

    `Process.wait` alone also waits for its pipes, which a child of its own may hold open.
    """
    waiting = asyncio.ensure_future(process.wait())
    try:
        while process.returncode is None:
            await asyncio.wait([waiting], timeout=POLL_SECONDS)
    finally:
        waiting.cancel()
    return process.returncode


async def stop_process(process: asyncio.subprocess.Process, timeout: float) -> None:
    """Have a process stop, kill it after `timeout` seconds (0: at once), and reap it; one in the hands of a
    driver that hangs is not waited for, and reaped when that lets it go.

    A process that is not given its time, because the caller is cancelled meanwhile, is killed and reaped too.
    """
    try:
        if process.returncode is None and timeout > 0:
            send_signal(process, STOP_SIGNAL)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await wait_for_end(process)
    finally:
        if process.returncode is None:
            send_signal(process, KILL_SIGNAL)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KILLED_SECONDS):
                    await wait_for_end(process)
        if process.stdin is not None:
            process.stdin.close()
