"""Matching of names as people write them: any case, aliases with patterns, and the nearest where none
fits.
"""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from itertools import islice, pairwise

LONGEST_NAME = 200
"""no model or voice has a longer name; comparing longer ones would only cost time"""

MOST_KNOWN = 3000
"""names that are looked at for near misses"""
MOST_COMPARED = 100
"""names that are compared letter by letter"""


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
    """Find the known names that are most like `name`, best first: among the first few thousand, by those that
    share most pairs of letters with it, so that it takes milliseconds however many there are.
    """
    if len(name) > LONGEST_NAME:
        return []
    folded = name.casefold()
    by_fold = {candidate.casefold(): candidate for candidate in islice(known, MOST_KNOWN)}
    likely = by_fold if len(by_fold) <= MOST_COMPARED else _likely(folded, by_fold)
    close = difflib.get_close_matches(folded, likely, count, cutoff=0.5)
    return [by_fold[match] for match in close]


def _likely(name: str, known: Iterable[str]) -> list[str]:
    """Return the names that share most pairs of letters with one, for their length."""
    wanted = _pairs(name)

    def likeness(candidate: str) -> float:
        return len(wanted & _pairs(candidate)) / (len(name) + len(candidate) + 1)

    return heapq.nlargest(MOST_COMPARED, known, key=likeness)


def _pairs(name: str) -> set[tuple[str, str]]:
    return set(pairwise(name[:LONGEST_NAME]))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Put the nearest names into a sentence with a leading space; empty when nothing is near."""
    close = nearest(name, known)
    return f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""


def absence(voice: str, model: str) -> str:
    """Return what to tell of a voice that is not here, and of the model that has it."""
    pull = f": voicebox models pull {model}" if model else ", nor in any model that can be pulled"
    return f"The voice '{shown(voice)}' is not here{pull}"
