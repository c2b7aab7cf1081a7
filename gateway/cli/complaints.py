"""What a server says of fields of a request, read out of the form in which OpenAI's audio routes say it: the
`repr` of a list of Python's.
"""

from __future__ import annotations

import ast

import msgspec

TOO_LONG = "string_too_long"


class Complaint(msgspec.Struct, frozen=True):
    """What is wrong with one field."""

    type: str
    loc: tuple[str | int, ...]
    msg: str
    ctx: dict[str, object] = {}

    def __str__(self) -> str:
        """Return it in words, such as `speed: Input should be greater than 0`."""
        return f"{self.field}: {self.msg}"

    @property
    def field(self) -> str:
        """The name of the field."""
        return str(self.loc[-1]) if self.loc else "the request"


def read_complaints(message: str) -> list[Complaint]:
    """Return the complaints that an error's message is; none where it is a sentence."""
    if not message.startswith("[{"):
        return []
    try:
        return msgspec.convert(ast.literal_eval(message), list[Complaint])
    except (ValueError, SyntaxError, MemoryError, RecursionError, msgspec.ValidationError):
        return []
