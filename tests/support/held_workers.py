"""Workers that do not start before they are let go: what a server does meanwhile can be looked at, however quick
or slow the machine is.
"""

from __future__ import annotations

from pathlib import Path

import pytest

HOLD = """
import os
import sys
import time

arguments, names, gate = sys.orig_argv, {names!r}, {gate!r}
if "engines.worker" in arguments and (not names or names.intersection(arguments)):
    server = os.getppid()
    while os.path.exists(gate) and os.getppid() == server:
        time.sleep(0.01)
"""


class HeldWorkers:
    """Workers of the engines of these names, or of all, which wait before they import anything, until `release`.

    They are those of servers that are started from now on, whose Python imports a file in `folder`.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, *names: str) -> None:
        folder.mkdir(parents=True)
        self._gate = folder / "held"
        self.hold()
        (folder / "sitecustomize.py").write_text(HOLD.format(names=frozenset(names), gate=str(self._gate)))
        patch.setenv("PYTHONPATH", str(folder))

    def hold(self) -> None:
        """Hold those that begin from now on."""
        self._gate.touch()

    def release(self) -> None:
        """Let all go on."""
        self._gate.unlink(missing_ok=True)
