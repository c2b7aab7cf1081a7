"""The programs that make environments: uv where it is there, otherwise venv and pip; and questions to an
interpreter.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from engines.environments.groups import Group
from engines.environments.layout import foreign

Told = Callable[[str], None]
"""hears what goes on, a line at a time"""
LAST_LINES = 20
ASK_SECONDS = 300.0
"""for imports: a first one compiles thousands of files"""
QUIET = {
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
}


class InstallFailed(Exception):
    """An environment could not be made, in words for the user."""


class Installer(msgspec.Struct, frozen=True):
    """Makes virtual environments and fills them: commands, which `run` runs."""

    uv: str
    """its path; empty: venv and pip"""

    @classmethod
    def found(cls) -> Installer:
        """Take uv if it is on the PATH, else our own pip. Raises InstallFailed where there is neither."""
        uv = shutil.which("uv") or ""
        if not uv and find_spec("pip") is None:
            raise InstallFailed(f"neither uv nor pip is here: {sys.executable} -m ensurepip")
        return cls(uv)

    def python(self, group: Group) -> str:
        """Name a Python that does for a group: ours, else one on the PATH, else one that uv brings. Raises
        InstallFailed.
        """
        if group.fits(sys.version_info[:2]):
            return sys.executable
        (major, low), (_, high) = group.python
        for minor in range(high - 1, low - 1, -1):
            if path := shutil.which(f"python{major}.{minor}"):
                return path
        if self.uv:
            return group.pythons
        ours = ".".join(map(str, sys.version_info[:2]))
        mend = f"install Python {major}.{high - 1}, or uv, which brings it"
        raise InstallFailed(f"{group.name} needs Python {group.pythons}, and this is {ours}: {mend}")

    def create(self, python: str, folder: Path) -> list[str]:
        """Make an empty environment. It has no pip: ours works on it from outside, and Debian's Python has
        none to give.
        """
        if self.uv:
            return [self.uv, "venv", "--python", python, str(folder)]
        return [python, "-m", "venv", "--without-pip", str(folder)]

    def install(self, python: Path, *arguments: str) -> list[str]:
        """Install into an environment."""
        if self.uv:
            return [self.uv, "pip", "install", "--python", str(python), *arguments]
        return [*OUR_PIP, "--python", str(python), "install", "--progress-bar", "off", *arguments]

    def reinstall(self, python: Path, requirement: str) -> list[list[str]]:
        """Install a platform's own wheel over another. uv may have taken the wrong one and would again, so
        pip does this.
        """
        again = ["install", "--force-reinstall", "--no-deps", "--only-binary", ":all:", requirement]
        if find_spec("pip") is not None:
            return [[*OUR_PIP, "--python", str(python), *again]]
        return [self.install(python, "pip"), [str(python), "-m", "pip", *again]]


OUR_PIP = (sys.executable, "-P", "-m", "pip")
"""without the current folder among its modules"""


def run(command: Sequence[str], told: Told, what: str) -> None:
    """Run a command, its output going to `told`. Raises InstallFailed with the last lines; what it started
    ends with us.
    """
    last: deque[str] = deque(maxlen=LAST_LINES)
    try:
        process = subprocess.Popen(  # noqa: S603 - made above, of our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**foreign(os.environ), **QUIET},
            start_new_session=os.name != "nt",
        )
    except OSError as exc:
        raise InstallFailed(f"{what}: {command[0]} could not be started: {exc}") from exc
    try:
        for line in process.stdout or ():
            if text := line.rstrip():
                last.append(text)
                told(text)
        status = process.wait()
    finally:
        _end(process)
    if status:
        raise InstallFailed("\n".join([f"{what} failed with status {status}:", *last]))


def ask(python: Path, script: str, *arguments: str, timeout: float = ASK_SECONDS) -> Any:  # noqa: ANN401 - JSON
    """Run a script by an interpreter, and give the JSON of its last line. Raises InstallFailed."""
    command = [str(python), "-P", "-c", script, *arguments]
    environ = dict(os.environ) if str(python) == sys.executable else foreign(os.environ)
    try:
        done = subprocess.run(  # noqa: S603 - ours
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            env={**environ, **QUIET},
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise InstallFailed(f"{python} gave no answer: {exc}") from exc
    try:
        return msgspec.json.decode(done.stdout.rstrip().rpartition("\n")[2])
    except msgspec.DecodeError as exc:
        said = "\n".join(done.stderr.splitlines()[-LAST_LINES:])
        raise InstallFailed(f"{python} ended with status {done.returncode}:\n{said}") from exc


def _end(process: subprocess.Popen[str]) -> None:
    """End a process that still runs, with its children."""
    if process.poll() is None:
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout:
        process.stdout.close()
