"""The page of findings: each measurement has its place in `docs/quality.md` between two marks.

So one that is run alone leaves the others as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bench.quality.findings import Section, markdown

PAGE = Path(__file__).parents[2] / "docs" / "quality.md"


def write(sections: Sequence[Section], circumstances: str, page: Path = PAGE) -> None:
    """Put findings into the page, in place of older ones of the same measurements. Raises ValueError where it
    has no place for one.
    """
    text = page.read_text("utf-8")
    for section in sections:
        text = _replaced(text, section.name, f"{markdown(section)}\n\n{circumstances}")
    page.write_text(text, "utf-8")


def _replaced(text: str, name: str, found: str) -> str:
    begin, end = f"<!-- made: {name} -->", f"<!-- end: {name} -->"
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not place.search(text):
        raise ValueError(f"the page has no place for '{name}'")
    return place.sub(lambda _: f"{begin}\n{found}\n{end}", text)
