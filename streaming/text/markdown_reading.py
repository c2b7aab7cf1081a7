"""Read Markdown aloud: its text, without marks, addresses and blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

from markdown_it.token import Token

from engines.api.offsets import Edit, rewrite
from streaming.text.collection_pause import NO_COLLECTION
from streaming.text.found_again import found_again
from streaming.text.html_reading import RAISED, SUPERSCRIPTS, UNREAD, html_edits
from streaming.text.markdown_marks import front_matter_end, reading_parser

BREAK = "\n\n"
BLOCK_ENDS = frozenset(
    ("paragraph_close", "heading_close", "list_item_close", "tr_close", "blockquote_close")
)
CELL_ENDS = frozenset(("th_close", "td_close"))
PIECE = 10_000
"""code points that are parsed at once"""
LINE_BEGIN = re.compile(
    r"^(?:[ ]{0,3}(?P<fence>`{3,}|~{3,})|(?P<block>(?<=\n\n)(?![-+*]\s|\d+[.)]\s)\S))", re.MULTILINE
)
"""a line that begins or ends a block of code, or one behind an empty line that goes on with no list"""
TARGET = re.compile(r"^[ ]{0,3}\[[^\]\n]{1,999}\]:[^\n]*", re.MULTILINE)
"""where a link's target is told apart from it"""
TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)")
TASKS = ("[ ] ", "[x] ", "[X] ")


def markdown_edits(text: str) -> Iterator[Edit]:
    """Yield the edits that leave what is read of a document, in order."""
    parser = reading_parser()
    targets: dict[str, object] = {}
    if len(text) > PIECE:
        parser.parse("\n\n".join(TARGET.findall(text)), targets)
    begin = front_matter_end(text)
    yield Edit(0, begin, "")
    for start, end in _parts(text, begin):
        reader = _Reader(text[start:end])
        with NO_COLLECTION.begun():
            reader.read_all(parser.parse(text[start:end], targets))
        for edit in reader.edits():
            yield Edit(start + edit.start, start + edit.end, edit.text)


def _parts(text: str, start: int = 0) -> Iterator[tuple[int, int]]:
    """Yield the parts of a document that are parsed by themselves, each to where a block ends if it can be.

    Tokens are a hundred times as large as what they are made of, and the garbage collector looks at them all.
    """
    while len(text) - start > PIECE:
        end = _part_end(text, start)
        yield start, end
        start = end
    yield start, len(text)


def _part_end(text: str, start: int) -> int:
    """Return the last place for a cut in the next piece: before a block, a line, a word, or anywhere; but
    behind the end of a block of code.
    """
    block = 0
    fence = ""
    for line in LINE_BEGIN.finditer(text, start):
        marks = line["fence"] or ""
        if line.start() > start + PIECE and not fence:
            break
        if fence:
            fence = "" if marks.startswith(fence) else fence
        elif marks:
            fence = marks
        elif line["block"] is not None and line.start() > start:
            block = line.start()
    else:
        if fence:
            return len(text)
    last = start + PIECE
    return block or text.rfind("\n", start, last) + 1 or text.rfind(" ", start, last) + 1 or last


class _Reader:
    """Finds what is read in its source again, from the front to the back."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        self._pieces: list[Edit] = []
        """what is read of the source, in order; the rest is not"""
        self._position = 0
        self._addresses: list[str] = []
        self._is_raised = False
        self._unread = ""
        """the tag of what is being left out"""

    def edits(self) -> Iterator[Edit]:
        """Yield the edits of the source."""
        position = 0
        for piece in self._pieces:
            yield Edit(position, piece.start, "")
            yield piece
            position = piece.end
        yield Edit(position, len(self._text), "")

    def read_all(self, tokens: list[Token]) -> None:
        """Read blocks, in order."""
        for token in tokens:
            self.read(token)

    def read(self, token: Token) -> None:
        """Read a block."""
        if token.map:
            self._position = max(self._position, self._lines[token.map[0]])
        if token.type == "inline":
            self._is_raised, self._unread = False, ""
            for child in token.children or []:
                self._read_inline(child)
        elif token.type in BLOCK_ENDS:
            self._add(BREAK)
        elif token.type in CELL_ENDS:
            self._add(", ")
        elif token.type == "list_item_open" and token.info:
            self._add(f"{token.info}. ")
        elif token.type == "html_block":
            self._add(rewrite(token.content, html_edits(token.content)).text + BREAK)
        elif token.type in ("fence", "code_block") and token.map:
            self._position = max(self._position, self._lines[min(token.map[1], len(self._lines) - 1)])

    def _read_inline(self, token: Token) -> None:
        if self._unread and token.type != "html_inline":
            self._skip(token.content)
            return
        match token.type:
            case "text" if self._is_raised and RAISED.fullmatch(token.content):
                self._skip(token.content)
                self._add(token.content.translate(SUPERSCRIPTS))
            case "text" | "code_inline":
                content = token.content
                if token.type == "text" and content.startswith(TASKS) and self._begins_block():
                    content = content[len(TASKS[0]) :]
                self._find(content)
            case "softbreak" | "hardbreak":
                self._find("\n")
            case "image":
                for child in token.children or []:
                    self._read_inline(child)
                self._skip(str(token.attrs.get("src", "")))
            case "link_open":
                self._addresses.append("" if token.markup == "autolink" else str(token.attrs.get("href", "")))
            case "link_close":
                self._skip(self._addresses.pop() if self._addresses else "")
            case "unread":
                self._skip(token.content)
            case "html_inline":
                self._skip(token.content)
                self._read_tag(token.content.lower())

    def _read_tag(self, written: str) -> None:
        """Read a tag between words: a break, what is raised, or what is not read."""
        found = TAG.match(written)
        if found is None:
            return
        is_end, tag = bool(found[1]), found[2]
        if tag == "br":
            self._add("\n")
        elif tag == "sup":
            self._is_raised = not is_end
        elif tag in UNREAD and (not is_end or tag == self._unread):
            self._unread = "" if is_end else tag

    def _begins_block(self) -> bool:
        return not self._pieces or self._pieces[-1].text.endswith(("\n\n", ". "))

    def _find(self, content: str) -> None:
        """Add what is read, by where it stands in the source."""
        pieces = list(found_again(self._text, self._position, content))
        self._pieces += pieces
        self._position = pieces[-1].end

    def _add(self, written: str) -> None:
        """Add what is not in the source."""
        self._pieces.append(Edit(self._position, self._position, written))

    def _skip(self, source: str) -> None:
        """Go on behind something that is not read."""
        at = self._text.find(source, self._position, self._position + len(source) + 200) if source else -1
        if at >= 0:
            self._position = at + len(source)
