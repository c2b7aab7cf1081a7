"""Texts with more combining marks on a letter than any script has: to normalise them takes quadratic time."""

from __future__ import annotations

import regex

MOST_MARKS = 30
"""combining marks one behind another; UAX #15 allows as many in its Stream-Safe Text Format"""
CROWDED = regex.compile(rf"\p{{M}}{{{MOST_MARKS + 1}}}")


def is_crowded(text: str) -> bool:
    """Return whether a text has more marks in a row than a name or a word ever has."""
    return not text.isascii() and CROWDED.search(text) is not None
