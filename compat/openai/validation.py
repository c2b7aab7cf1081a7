"""Complaints about request fields, in the wording of OpenAI's audio routes (the repr of Pydantic's error
list).
"""

from __future__ import annotations

from collections.abc import Sequence

from engines.errors import BadInput

FIELD_REQUIRED = "Field required"


def invalid(kind: str, field: str, message: str, **context: object) -> BadInput:
    """Return the error of a field that is wrong: Pydantic's error type, its sentence, and the bound
    it broke.
    """
    complaint: dict[str, object] = {"type": kind, "loc": ("body", field), "msg": message}
    if context:
        complaint["ctx"] = context
    return BadInput(repr([complaint]))


def missing(field: str) -> BadInput:
    """Return the complaint about a required field that is not there."""
    return invalid("missing", field, FIELD_REQUIRED)


def missing_file() -> BadInput:
    """Return the complaint about an upload without a recording: it has one key more than others."""
    complaint = {"type": "missing", "loc": ("body", "file"), "msg": FIELD_REQUIRED, "input": None}
    return BadInput(repr([complaint]))


def too_long(field: str, limit: int) -> BadInput:
    """Return the error of a text with too many characters."""
    return invalid(
        "string_too_long", field, f"String should have at most {limit} characters", max_length=limit
    )


def not_one_of(field: str, allowed: Sequence[str]) -> BadInput:
    """Return the error of a field that has none of its values."""
    expected = one_of(allowed)
    return invalid("enum", field, f"Input should be {expected}", expected=expected)


def one_of(allowed: Sequence[str]) -> str:
    """Return a list of values to choose from, in words."""
    quoted = [f"'{value}'" for value in allowed]
    return ", ".join(quoted[:-1]) + f" or {quoted[-1]}"


def no_model() -> BadInput:
    """Return the error of a request without a model."""
    return BadInput("you must provide a model parameter")
