"""`python -m gateway`, the same as `voicebox`."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def _forget_working_directory() -> None:
    """Take the working directory off `sys.path`, where `python -m` has put it, unless our packages lie there.

    A folder of somebody's own there may be called `streaming` or `engines` as well.
    """
    working_directory = os.path.realpath(os.curdir)
    first = os.path.realpath(sys.path[0])
    if not sys.flags.safe_path and first == working_directory != str(Path(__file__).resolve().parents[1]):
        del sys.path[0]


_forget_working_directory()

from gateway.cli import main  # noqa: E402 - from where it is looked for is settled above

sys.exit(main())
