"""What becomes of a member in a step, for engines whose jobs go on step by step."""

from __future__ import annotations

from collections.abc import Callable

from engines.api.engine import StepResult
from engines.api.output import Stop


def attempt(advance: Callable[[], bool]) -> StepResult:
    """Return what became of a member: whether it goes on, as `advance` returns, or why it failed.

    One that nobody wants any more is done.
    """
    try:
        return advance()
    except Stop:
        return False
    except Exception as exc:  # whatever it is, the other members go on
        return exc
