"""Find in a source what a parser made of it: the parsers of Markdown and HTML say nothing of places."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engines.api.offsets import Edit

WORD = re.compile(r"\S+")
FARTHEST = 4000
"""code points of tags, addresses and scripts between two texts, within which the second is found again"""


def found_again(source: str, position: int, written: str) -> Iterator[Edit]:
    """Yield what is written by where it stands in a source behind a position: as a whole, else by its words.

    What the source has in another form, such as an entity, is put in at the place behind the one before.
    """
    at = source.find(written, position, position + FARTHEST + len(written))
    if at >= 0:
        yield Edit(at, at + len(written), written)
        return
    behind = 0
    for word in WORD.finditer(written):
        yield Edit(position, position, written[behind : word.start()])
        at = source.find(word[0], position, position + FARTHEST + len(word[0]))
        found = Edit(at, at + len(word[0]), word[0]) if at >= 0 else Edit(position, position, word[0])
        yield found
        position, behind = found.end, word.end()
    yield Edit(position, position, written[behind:])
