"""What a measurement found: a table for people, and checks that hold or do not."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Check(msgspec.Struct):
    """A promise, and what was found."""

    promise: str
    found: str
    holds: bool


class Section(msgspec.Struct):
    """The findings of one measurement."""

    name: str
    heading: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    checks: Sequence[Check] = ()
    notes: str = ""
    """what the table does not say, in Markdown"""


def percent(rate: float) -> str:
    """Write a rate in percent."""
    return f"{100 * rate:.1f} %"


def points(difference: float) -> str:
    """Write a difference of rates, in percentage points, with its sign."""
    return f"{100 * difference:+.1f}"


def at_most(promise: str, rate: float, bound: float) -> Check:
    """Check that a rate is no more than a bound."""
    return Check(f"{promise}: at most {percent(bound)}", percent(rate), rate <= bound)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def markdown(section: Section) -> str:
    """Return a section in Markdown."""
    parts = [f"## {section.heading}", table(section.columns, section.rows)]
    if section.notes:
        parts.append(section.notes)
    if section.checks:
        rows = [(check.promise, check.found, "yes" if check.holds else "**no**") for check in section.checks]
        parts.append(table(("promise", "found", "holds"), rows))
    return "\n\n".join(parts)
