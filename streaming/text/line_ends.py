"""Line ends that mean something: between items and behind headings, not in hard-wrapped prose.

Engines read a line end as a space. A mark behind the last word makes them pause. Prose that was wrapped has
lines that are full: the next line's first word would not have fitted; and it goes on with a small letter,
where the script has any. Items are of any length, and begin alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import regex

from engines.api.offsets import Edit

LINE = regex.compile(r"[^\n\v\f\r\x85\u2028\u2029]+|\r\n|[\n\v\f\r\x85\u2028\u2029]")
LIST_MARK = regex.compile(r"(?:[-*+•‣◦▪●–—·✓✔☐☑]|\(?\d{1,3}[.)]|\(?\p{L}[.)]|#{1,6})\s")
HEADING = regex.compile(r"#{1,6}\s")
ENDS_OTHERWISE = regex.compile(r"[\p{P}--[)\]\"'”’»%‰@#&*/\\_()\[\]{}¿¡]]\W*$", regex.V1)
"""a line that ends in punctuation pauses by itself"""
IDEOGRAPHS = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
WORD_END = regex.compile(r"[\p{L}\p{M}]{2}[^\w\s]*$")
LAST = 12
"""code points at the end of a line that are looked at"""
LEAST_WIDTH = 40
"""columns of prose that is wrapped, where its lines do not say by small letters that they go on"""
SLACK = 2
"""columns by which lines that were filled differ in scripts without spaces"""
ITEM_WORDS = 2
"""lines of no more words are items, whatever letters they begin with"""
MOST_LINES = 400
"""of a block that are looked at together"""


class Line(NamedTuple):
    """A line without its end and outer spaces."""

    text: str
    start: int
    end: int


def marked_line_ends(text: str) -> Iterator[Edit]:
    """Yield the marks that are to be put behind lines where a reader would pause."""
    if "\n" not in text and "\r" not in text and "\u2028" not in text:
        return
    for block in _blocks(text):
        width = max(len(line.text) for line in block)
        wrapped = _is_wrapped(block, width)
        for number, line in enumerate(block):
            following = block[number + 1] if number + 1 < len(block) else None
            if following is None and not text[line.end :].strip():
                return
            if _pauses(line, following, wrapped=wrapped) and not ENDS_OTHERWISE.search(line.text[-LAST:]):
                yield Edit(line.end, line.end, _mark(line.text))


def _blocks(text: str) -> Iterator[Sequence[Line]]:
    """Yield the lines between empty ones."""
    block: list[Line] = []
    is_open = False
    """whether a line end is due before the next line"""
    for match in LINE.finditer(text):
        if not match[0].isspace():
            stripped = match[0].strip()
            start = match.start() + match[0].index(stripped[0])
            block.append(Line(stripped, start, start + len(stripped)))
            is_open = True
            continue
        if match[0][0] in "\n\r\v\f\x85\u2028\u2029":
            if not is_open or len(block) >= MOST_LINES:
                if block:
                    yield block
                block = []
            is_open = False
    if block:
        yield block


def _pauses(line: Line, following: Line | None, *, wrapped: bool) -> bool:
    """Return whether there is to be a pause behind a line; engines pause at an empty one by themselves, but
    not all of them.
    """
    if following is None:
        return bool(HEADING.match(line.text)) or len(line.text) < LEAST_WIDTH
    if LIST_MARK.match(following.text) or HEADING.match(line.text):
        return True
    if wrapped:
        return False
    return not (LIST_MARK.match(line.text) and following.text[0].islower())


def _is_wrapped(block: Sequence[Line], width: int) -> bool:
    """Return whether lines are prose that was broken where they were full."""
    plain = [line for line in block if not LIST_MARK.match(line.text)]
    pairs = [(before, behind) for before, behind in pairwise(block) if behind in plain]
    if not pairs:
        return False
    if all(len(line.text.split()) <= ITEM_WORDS for line in block) and not _is_ideographic(block):
        return False
    going_on = sum(behind.text.lstrip("\"'“‘(«„")[:1].islower() for _, behind in pairs)
    if 2 * going_on >= len(pairs):
        return True
    full = sum(_is_full(before, behind, width) for before, behind in pairs)
    if _is_ideographic(block):
        return full == len(pairs) and width >= LEAST_WIDTH // 2
    return full == len(pairs) and width >= LEAST_WIDTH


def _is_ideographic(block: Sequence[Line]) -> bool:
    return all(IDEOGRAPHS.search(line.text[-2:]) for line in block[:-1])


def _is_full(line: Line, following: Line, width: int) -> bool:
    """Return whether a line has no room for what the next one begins with."""
    if IDEOGRAPHS.match(following.text):
        return len(line.text) + SLACK >= width
    return len(line.text) + 1 + len(following.text.split(maxsplit=1)[0]) > width


def _mark(line: str) -> str:
    """Return what to put behind a line: an end of a sentence behind a word, a comma behind a number or a
    single letter, to which a dot would mean something else.
    """
    if IDEOGRAPHS.search(line[-1]):
        return "。"
    return "." if WORD_END.search(line[-LAST:]) else ","
