"""The forms that a text may be written in: plain, Markdown, HTML; what is read aloud of each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engines.api.offsets import Edit, Rewriting
from streaming.formats import TextFormat

URL = re.compile(r"\b(?:https?|ftp)://(?:www\.)?([^\s/?#<>\"']+)[^\s<>\"']*(?<![.,;:!?)\]])", re.IGNORECASE)
"""an address, of which the host is said; what ends a sentence is none of it"""
SPACES = re.compile(r"\s+")


def read_form(text: Rewriting, form: TextFormat) -> None:
    """Leave of a text what is read aloud; plain text is read as it is."""
    if form == "plain":
        return
    text.apply(_edits(text.text, form))
    text.apply(_hosts(text.text))
    text.apply(_fewer_breaks(text.text))


def _edits(text: str, form: TextFormat) -> Iterator[Edit]:
    """Yield the edits that leave what is read; the parsers are loaded when they are first needed."""
    if form == "markdown":
        from streaming.text.markdown_reading import markdown_edits

        return markdown_edits(text)
    from streaming.text.html_reading import html_edits

    return html_edits(text)


def _hosts(text: str) -> Iterator[Edit]:
    """Yield the hosts of the addresses in a text, which are said in the place of all of them."""
    return (Edit(*match.span(), match[1]) for match in URL.finditer(text))


def _fewer_breaks(text: str) -> Iterator[Edit]:
    """Yield the edits that leave one empty line between blocks, and none around them."""
    for match in SPACES.finditer(text):
        if match.start() == 0 or match.end() == len(text):
            yield Edit(*match.span(), "")
        elif match[0].count("\n") > 1:
            yield Edit(*match.span(), "\n\n")
