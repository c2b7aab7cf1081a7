"""Calls of an engine, none of which ends the worker: some libraries call `sys.exit` where a download
failed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from engines.errors import EngineFailed

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


def never_exiting(call: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return a call that raises EngineFailed in place of SystemExit."""

    @wraps(call)
    def called(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return call(*args, **kwargs)
        except SystemExit as exc:
            raise EngineFailed(
                f"The engine, or a library of its own, called sys.exit({exc.code!r})."
            ) from exc

    return called
