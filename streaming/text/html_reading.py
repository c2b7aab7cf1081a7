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

BLOCK_NAMES = """
address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure
footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody tfoot
thead title tr ul
"""
BLOCKS = frozenset(BLOCK_NAMES.split())
"""elements that stand on lines of their own"""
CELLS = frozenset(("td", "th"))
UNREAD = frozenset(("script", "style", "template", "noscript", "svg", "math", "head"))
"""elements whose contents nobody sees as text"""
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
    for written in _texts(text):
        if written.isspace() or written == ", ":
            yield Edit(position, position, written)
            continue
        for piece in found_again(text, position, written):
            yield piece
            position = piece.end


def _texts(text: str) -> Iterator[str]:
    """Yield the texts of a page in their order, and what stands for its blocks, breaks and cells."""
    node = LexborHTMLParser(text.encode("utf-8", "replace")).root
    depth = 0
    while node is not None:
        yield from _begun(node)
        inside = node.child if node.tag not in UNREAD else None
        if inside is not None:
            node, depth = inside, depth + 1
            continue
        while node is not None:
            yield from _ended(node)
            if depth == 0:
                return
            if node.next is not None:
                node = node.next
                break
            node, depth = node.parent, depth - 1


def _begun(node: LexborNode) -> Iterator[str]:
    tag = node.tag
    if tag == TEXT:
        content = node.text_content or ""
        preformatted = node.parent is not None and node.parent.tag in ("pre", "textarea")
        yield content if preformatted else SPACES.sub(" ", content)
    elif tag == "br":
        yield "\n"
    elif tag == "img":
        yield node.attributes.get("alt") or ""
    elif tag in BLOCKS:
        yield BREAK


def _ended(node: LexborNode) -> Iterator[str]:
    if node.tag in CELLS:
        yield ", "
    elif node.tag in BLOCKS:
        yield BREAK
