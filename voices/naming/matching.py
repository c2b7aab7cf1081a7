"""Matching of names as people write them: any case, aliases with patterns, and the nearest where none
fits.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

LONGEST_NAME = 200
"""no model or voice has a longer name; comparing longer ones would only cost time"""


def shown(name: str) -> str:
    """Shorten a caller's name to what an error should repeat of it."""
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"


def alias(name: str, aliases: Mapping[str, str]) -> str | None:
    """Look a name up among aliases, where `*` stands for any run of characters; an exact alias goes first."""
    folded = name.casefold()
    for known, target in aliases.items():
        if known.casefold() == folded:
            return target
    for known, target in aliases.items():
        if "*" in known and fnmatchcase(folded, known.casefold()):
            return target
    return None


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Find the known names that are most like `name`, best first."""
    if len(name) > LONGEST_NAME:
        return []
    by_fold = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), by_fold, count, cutoff=0.5)
    return [by_fold[match] for match in close]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Put the nearest names into a sentence with a leading space; empty when nothing is near."""
    close = nearest(name, known)
    return f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""
