"""Read HTML aloud: what a page shows as text, without its tags, scripts and styles.

The parser is lexbor, by selectolax: it reads whatever browsers read, in linear time. It does not say where in
the source a text stands; so texts are found there again, from the front to the back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from engines.api.offsets import Edit
from streaming.text.found_again import found_again
from streaming.text.html_lists import ListNumbers

BLOCK_NAMES = """
address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure
footer form h1 h2 h3 h4 h5 h6 header hr legend li main menu nav ol optgroup option p pre section select
summary table tbody tfoot thead title tr ul
"""
BLOCKS = frozenset(BLOCK_NAMES.split())
"""elements that stand on lines of their own"""
CELLS = frozenset(("td", "th"))
BOXES = frozenset(("button", "input", "label", "meter", "output", "progress", "textarea"))
"""elements that stand in a line, but apart from the words around"""
UNREAD_NAMES = """
script style template noscript svg math head rt rp rtc datalist audio video canvas iframe object noframes
noembed
"""
UNREAD = frozenset(UNREAD_NAMES.split())
"""elements whose contents nobody sees as text, or reads besides what they stand above"""
HIDDEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b", re.IGNORECASE)
REFERENCE = re.compile(r"\s*\[[^\[\]]{1,40}\]\s*")
"""a raised number of a note"""
MOST_DEPTH = 4
RAISED = re.compile(r"\s*[+\u2212-]?\d{1,9}\s*")
SUPERSCRIPTS = str.maketrans("0123456789+-\u2212", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
"""what a raised number is in plain text, where nothing else tells it from the one before"""
TEXT = "-text"
BREAK = "\n\n"
SPACES = re.compile(r"[\t\r\n\f][ \t\r\n\f]*| [ \t\r\n\f]+")
"""spaces that are shown as one, where they are not one already"""


def html_edits(text: str) -> Iterator[Edit]:
    """Yield the edits that leave what is read of a page, in order."""
    position = 0
    for piece in _pieces(text):
        yield Edit(position, piece.start, "")
        yield piece
        position = piece.end
    yield Edit(position, len(text), "")


def _pieces(text: str) -> Iterator[Edit]:
    """Yield what is read of the source, in order, by where it stands."""
    position = 0
    for written, is_added in _texts(text):
        if is_added or written.isspace():
            yield Edit(position, position, written)
            continue
        for piece in found_again(text, position, written):
            yield piece
            position = piece.end


def _texts(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the texts of a page in their order, and what stands for its blocks, breaks and cells; and for
    each whether it is added to what the source has.
    """
    node = LexborHTMLParser(text.encode("utf-8", "replace")).root
    depth = 0
    numbers = ListNumbers()
    while node is not None:
        is_read = _is_read(node)
        if is_read:
            yield from _begun(node, numbers)
        if is_read and node.child is not None:
            node, depth = node.child, depth + 1
            continue
        while node is not None:
            if is_read:
                yield from _ended(node, numbers)
            is_read = True
            if depth == 0:
                return
            if node.next is not None:
                node = node.next
                break
            node, depth = node.parent, depth - 1


def _is_read(node: LexborNode) -> bool:
    """Return whether anybody sees an element as text; what is not seen but read aloud is."""
    tag = node.tag
    if tag == TEXT:
        return True
    if tag in UNREAD:
        return False
    given = node.attributes
    if "hidden" in given or given.get("aria-hidden") == "true" or (tag == "dialog" and "open" not in given):
        return False
    if tag == "sup" and REFERENCE.fullmatch(_only_text(node)):
        return False
    return not HIDDEN.search(given.get("style") or "")


def _only_text(node: LexborNode) -> str:
    """Return the text of an element that contains nothing else, but in a link."""
    for _ in range(MOST_DEPTH):
        if node.child is None or node.child.next is not None:
            break
        node = node.child
    return node.text_content or "" if node.tag == TEXT else ""


def _begun(node: LexborNode, numbers: ListNumbers) -> Iterator[tuple[str, bool]]:
    tag = node.tag
    if tag == TEXT:
        content = node.text_content or ""
        parent = "" if node.parent is None else node.parent.tag
        if parent == "sup" and RAISED.fullmatch(content):
            yield content.translate(SUPERSCRIPTS), True
        else:
            yield content if parent in ("pre", "textarea") else SPACES.sub(" ", content), False
    elif tag == "br":
        yield "\n", True
    elif tag == "img":
        yield node.attributes.get("alt") or "", False
    elif tag in BLOCKS:
        yield BREAK, True
        if number := numbers.begun(node):
            yield number, True
    elif tag in BOXES:
        yield " ", True


def _ended(node: LexborNode, numbers: ListNumbers) -> Iterator[tuple[str, bool]]:
    if node.tag in CELLS:
        yield ", ", True
    elif node.tag in BOXES:
        yield " ", True
    elif node.tag in BLOCKS:
        numbers.ended(node)
        yield BREAK, True
