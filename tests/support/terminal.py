"""Commands on a terminal of their own, as a person runs them."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from servers import TIMEOUT

VOICEBOX = (sys.executable, "-m", "gateway")
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[()][A-Z0-9]")


def open_terminal(columns: int) -> tuple[int, int]:
    """Return the two ends of a terminal with so many columns: ours, and the one for a program."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    return ours, theirs


def terminal_environ(**more: str) -> dict[str, str]:
    """Return an environment in which the terminal alone says how wide it is."""
    environ = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
    }
    return {**environ, "TERM": "xterm", **more}


def read_all(terminal: int) -> str:
    """Return what a program writes to its terminal until it closes it, without escapes."""
    written = b""
    try:
        while chunk := os.read(terminal, 4096):
            written += chunk
    except OSError:  # Linux says EIO where others say end of file
        pass
    os.close(terminal)
    return plain(written.decode())


def plain(text: str) -> str:
    """Return a text without a terminal's escapes, with lines that end as Python's do."""
    return ESCAPES.sub("", text).replace("\r\n", "\n")


def on_terminal(*words: str, columns: int = 80, stdin: str = "", **environ: str) -> tuple[int, str]:
    """Run a command of ours on a terminal; return its exit status and all that it wrote there."""
    ours, theirs = open_terminal(columns)
    with subprocess.Popen(
        [*VOICEBOX, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=terminal_environ(**environ)
    ) as process:
        os.close(theirs)
        if stdin:
            os.write(ours, stdin.encode())
        text = read_all(ours)
        return process.wait(TIMEOUT), text
