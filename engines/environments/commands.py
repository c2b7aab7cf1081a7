"""Commands that make environments: uv where it is there, otherwise venv and pip; and scripts run by other
interpreters.
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
from engines.environments.layout import environ_for_other_python

OnLine = Callable[[str], None]
"""gets what a command prints, a line at a time, and what this program has to say of it, as Note"""
ERROR_LINES = 20
"""how many of a command's last lines an error quotes"""
SCRIPT_TIMEOUT = 300.0
"""seconds, enough for imports: a first one compiles thousands of files"""
NON_INTERACTIVE = {
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
}


class Note(str):
    """A line that this program says itself, among those that an installer prints."""

    __slots__ = ()


class InstallFailed(Exception):
    """An environment could not be made; the message is for the user."""


class Installer(msgspec.Struct, frozen=True):
    """The program that makes virtual environments and installs into them; its methods return commands for
    `run_command`.
    """

    uv: str
    """the path of uv; empty: venv and pip are used"""

    @classmethod
    def detect(cls) -> Installer:
        """Return uv if it is on the PATH, else our own pip. Raises InstallFailed where there is neither."""
        uv = shutil.which("uv") or ""
        if not uv and find_spec("pip") is None:
            raise InstallFailed(f"neither uv nor pip is here: {sys.executable} -m ensurepip")
        return cls(uv)

    def find_python(self, group: Group) -> str:
        """Return a Python that a group supports: ours, else one on the PATH, else what uv is to download.

        Raises InstallFailed.
        """
        own_version = ".".join(map(str, sys.version_info[:2]))
        supported = group.python_versions()
        if own_version in supported:
            return sys.executable
        for version in supported:
            if path := shutil.which(f"python{version}"):
                return path
        if self.uv:
            return group.python
        remedy = f"install Python {supported[0]}, or uv, which brings it"
        raise InstallFailed(f"{group.name} needs Python {group.python}, and this is {own_version}: {remedy}")

    def create_command(self, python: str, folder: Path) -> list[str]:
        """Return the command that makes an empty environment.

        It has no pip: ours works on it from outside, and Debian's Python has none to give.
        """
        if self.uv:
            return [self.uv, "venv", "--python", python, str(folder)]
        return [python, "-m", "venv", "--without-pip", str(folder)]

    def install_command(self, python: Path, *arguments: str) -> list[str]:
        """Return the command that installs into an environment."""
        if self.uv:
            return [self.uv, "pip", "install", "--python", str(python), *arguments]
        return [*PIP, "--python", str(python), "install", "--progress-bar", "off", *arguments]

    def reinstall_commands(self, python: Path, requirement: str) -> list[list[str]]:
        """Return the commands that install a platform's own wheel over another.

        uv may have chosen the wrong one and would again, so pip does this.
        """
        arguments = ["install", "--force-reinstall", "--no-deps", "--only-binary", ":all:", requirement]
        if find_spec("pip") is not None:
            return [[*PIP, "--python", str(python), *arguments]]
        return [self.install_command(python, "pip"), [str(python), "-m", "pip", *arguments]]


PIP = (sys.executable, "-P", "-m", "pip")
"""our own pip, without the current folder among its modules"""


def run_command(command: Sequence[str], on_line: OnLine, what: str) -> None:
    """Run a command, its output going to `on_line`; what it started ends with us.

    Raises InstallFailed with its last lines.
    """
    last: deque[str] = deque(maxlen=ERROR_LINES)
    try:
        process = subprocess.Popen(  # noqa: S603 - made above, of our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env={**environ_for_other_python(os.environ), **NON_INTERACTIVE},
            start_new_session=os.name != "nt",
        )
    except OSError as exc:
        raise InstallFailed(f"{what}: {command[0]} could not be started: {exc}") from exc
    try:
        for line in process.stdout or ():
            if text := line.rstrip():
                last.append(text)
                on_line(text)
        status = process.wait()
    finally:
        _kill(process)
    if status:
        raise InstallFailed("\n".join([f"{what} failed with status {status}:", *last]))


def run_script(python: Path, script: str, *arguments: str, timeout: float = SCRIPT_TIMEOUT) -> Any:  # noqa: ANN401 - JSON
    """Run a script by an interpreter, and return the JSON of its last line. Raises InstallFailed."""
    command = [str(python), "-P", "-c", script, *arguments]
    environ = dict(os.environ) if str(python) == sys.executable else environ_for_other_python(os.environ)
    try:
        done = subprocess.run(  # noqa: S603 - ours
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            env={**environ, **NON_INTERACTIVE},
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise InstallFailed(f"{python} gave no answer: {exc}") from exc
    try:
        return msgspec.json.decode(done.stdout.rstrip().rpartition("\n")[2])
    except msgspec.DecodeError as exc:
        printed = "\n".join(done.stderr.splitlines()[-ERROR_LINES:])
        raise InstallFailed(f"{python} ended with status {done.returncode}:\n{printed}") from exc


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill a process that still runs, with its children."""
    if process.poll() is None:
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout:
        process.stdout.close()
