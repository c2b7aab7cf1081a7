"""Find the sentences of a text, which Hibari speaks one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from hibari.g2p.normalize import TITLES

LINE_BREAK = re.compile(r"[^\S\n]*\n\s*")
END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=\S)")
LIST_ITEM = re.compile(r"(?:[-*•–]|\d{1,3}[.)])\s")
LIST_NUMBER = re.compile(r"\s*\d{1,3}\.")
WRAPPED_AT = 50
"""characters: a line that is longer goes on in the next one, unless it ends a sentence"""
FARTHEST = 60
"""characters before a stop that tell what it is"""
INITIAL = re.compile(r"(?:[A-Z]\.)*[A-Z]")
NUMBERED = re.compile(r"[Nn]os?|[Ff]ig|[Vv]ol|[Cc]h|pp?|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec")
"""what stands before a number and ends no sentence"""


class Sentence(msgspec.Struct, frozen=True):
    """A sentence, [start, end) of a text."""

    start: int
    end: int
    ends_paragraph: bool


def split_sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences of a text, those of blanks only left out."""
    start = 0
    for end, following, is_paragraph in _breaks(text):
        if text[start:end].strip():
            yield Sentence(start, end, is_paragraph)
        start = following


def _breaks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield where sentences end, where the next begins, and whether a paragraph ends there."""
    line_start = 0
    for match in LINE_BREAK.finditer(text):
        is_paragraph = match[0].count("\n") > 1
        if is_paragraph or not _is_wrapped(text[line_start : match.start()], text[match.end() :][:9]):
            yield from _ends(text, line_start, match.start())
            yield match.start(), match.end(), is_paragraph
            line_start = match.end()
    yield from _ends(text, line_start, len(text))
    yield len(text), len(text), False


def _is_wrapped(line: str, following: str) -> bool:
    """Return whether a line goes on in the next one."""
    last_line = line.rpartition("\n")[2]
    if LIST_ITEM.match(following) or re.search(r"[.!?…:][\"'”’)\]]*$", line):
        return False
    return following[:1].islower() or len(last_line) >= WRAPPED_AT


def _ends(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    for match in END.finditer(text, start, end):
        before = text[max(start, match.start() - FARTHEST) : match.start()]
        if _ends_sentence(before, text[match.end()]):
            yield match.start() + len(match[0].rstrip()), match.end(), False


def _ends_sentence(before: str, following: str) -> bool:
    """Return whether the stop at the end of `before` ends a sentence, by the character that follows."""
    if following.islower():
        return False
    if not before.endswith("."):
        return True
    if LIST_NUMBER.fullmatch(before):
        return False
    word = before[:-1].split()[-1].lstrip("(\"“'‘") if before[:-1].strip() else ""
    if following.isdigit() and (NUMBERED.fullmatch(word) or word in TITLES):
        return False
    return word not in TITLES and not INITIAL.fullmatch(word)
