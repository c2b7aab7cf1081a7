"""What a library's exception says, for a message of ours."""

from __future__ import annotations


def first_line(exc: BaseException) -> str:
    """Return the first line of an exception's message: what libraries add may be a whole file."""
    return str(exc).strip().partition("\n")[0]
