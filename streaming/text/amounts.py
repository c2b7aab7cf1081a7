"""English fractions, written so that every engine reads them as they are meant, not as "one slash two"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engines.api.offsets import Edit

HALVES = {2: "half", 3: "third", 4: "quarter", 5: "fifth", 6: "sixth", 8: "eighth", 10: "tenth"}
COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FRACTION = re.compile(
    r"(?<![\w/.,-])(?<!\b[Oo]n )(?:(\d{1,3})[ ])?([1-9])/(10|[234568])(?![\w/]|[.,]\d|-\d|\sstars)"
)
NUMBER_SIGN = re.compile(r"\b[Nn]o\.[ \u00a0]?(?=\d)")


def spelt_amounts(text: str) -> Iterator[Edit]:
    """Yield the edits of an English text, in order."""
    edits = [
        *(Edit(*match.span(), spelt) for match in FRACTION.finditer(text) if (spelt := _fraction(match))),
        *(Edit(*match.span(), "number ") for match in NUMBER_SIGN.finditer(text)),
    ]
    behind = 0
    for edit in sorted(edits):
        if edit.start >= behind:
            yield edit
            behind = edit.end


def _fraction(match: re.Match[str]) -> str:
    """Return a fraction in words, nothing for one that is none, such as 4/2."""
    above, below = int(match[2]), int(match[3])
    if above >= below:
        return ""
    name = HALVES[below] + "s" * (above > 1)
    whole = f"{match[1]} and " if match[1] else ""
    return f"{whole}{'a' if whole and above == 1 else COUNTS[above]} {name}"
