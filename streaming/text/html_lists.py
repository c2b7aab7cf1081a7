"""The numbers that a page shows before the items of its lists."""

from __future__ import annotations

import re
from typing import NamedTuple

from selectolax.lexbor import LexborNode

LISTS = frozenset(("ol", "ul", "menu"))
NUMBER = re.compile(r"\s*([+-]?\d{1,9})")
UNMARKED = re.compile(r"list-style(?:-type)?\s*:[^;]*\bnone\b", re.IGNORECASE)
LETTERS = 26


class OpenList(NamedTuple):
    """A list whose items are being read: what is before the next one, and how it goes on."""

    number: int
    step: int
    kind: str
    """"1", a letter, or nothing where no item has a number"""


class ListNumbers:
    """Numbers the items of a page's lists, one within another."""

    def __init__(self) -> None:
        self._open: list[OpenList] = []

    def begun(self, node: LexborNode) -> str:
        """Return what is said before what an element contains."""
        if node.tag in LISTS:
            self._open.append(_opened(node))
        if node.tag != "li" or not self._open or not self._open[-1].kind:
            return ""
        current = self._open[-1]
        number = _number(node.attributes.get("value"), current.number)
        self._open[-1] = current._replace(number=number + current.step)
        return f"{_written(number, current.kind)}. "

    def ended(self, node: LexborNode) -> None:
        """Go on with the list around one that ends."""
        if node.tag in LISTS and self._open:
            self._open.pop()


def _opened(node: LexborNode) -> OpenList:
    given = node.attributes
    if node.tag != "ol" or UNMARKED.search(given.get("style") or ""):
        return OpenList(0, 0, "")
    step = -1 if "reversed" in given else 1
    count = sum(item.tag == "li" for item in node.iter()) if step < 0 else 1
    kind = given.get("type") or "1"
    return OpenList(_number(given.get("start"), count), step, kind if kind in ("a", "A") else "1")


def _number(given: str | None, otherwise: int) -> int:
    found = NUMBER.match(given or "")
    return int(found[1]) if found else otherwise


def _written(number: int, kind: str) -> str:
    """Return a number as it is read: Roman ones as figures, which every engine reads."""
    if kind == "1" or not 0 < number <= LETTERS:
        return str(number)
    return chr(ord(kind) + number - 1)
