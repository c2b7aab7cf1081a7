"""Hours with a letter, as a time of the day or as a span: `14h30`, `1h 30m`, `5m20s`, which engines spell."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from engines.api.offsets import Edit
from streaming.text.sign_names import row_of
from streaming.text.units import in_words

SPAN = regex.compile(
    r"""(?<![\w.,:/]|\p{Sc}|\p{Sc}\ )(?:
      (?P<hours>\d{1,3})\ ?(?P<letter>[hu])(?:
          (?P<clock>[0-5]\d)(?!\ ?m)
        | \ ?(?P<minutes>\d{1,2})\ ?(?:mi?n?)(?:\ ?(?P<seconds>\d{1,2})\ ?s(?:ec)?)?
      )?+
      | (?P<minutes>\d{1,3})\ ?m(?:in)?\ ?(?P<seconds>\d{1,2})\ ?s(?:ec)?
      | (?P<seconds>\d{1,4}(?:[.,]\d{1,3})?)\ s
    )(?![\w²³/^·'’-]|[.,]\d)""",
    regex.VERBOSE,
)
DUTCH = "u"
"""stands for hours in one language"""
OF_DAY = {"de": "Uhr"}
"""what is said for hours of the day, where it is another word than for those of a span"""
POINT = regex.compile(r"(?:^|\s)(?:um|ab|bis|gegen|von|nach|vor|seit)\s$", regex.IGNORECASE)
UNTIL = regex.compile(r"\sbis\s\d")


def spelt_hours(text: str, language: str) -> Iterator[Edit]:
    """Yield the hours, minutes and seconds of a text in a language in words."""
    code = row_of(language)
    for match in SPAN.finditer(text):
        if (match["letter"] or "h") == DUTCH and code != "nl":
            continue
        if said := _said(match, code):
            yield Edit(match.start(), match.end(), said)


def _said(match: regex.Match[str], code: str) -> str:
    parts = []
    if hours := match["hours"]:
        of_day = OF_DAY.get(code, "") if _is_of_day(match) else ""
        parts.append(f"{int(hours)} {of_day}" if of_day else in_words("duration-hour", hours, code))
    if clock := match["clock"]:
        parts += [str(int(clock))] * (clock != "00")
    if minutes := match["minutes"]:
        parts.append(in_words("duration-minute", minutes, code))
    if seconds := match["seconds"]:
        parts.append(in_words("duration-second", seconds, code))
    return " ".join(parts) if all(parts) else ""


def _is_of_day(match: regex.Match[str]) -> bool:
    """Return whether hours are rather a time of the day, by what stands beside them."""
    if match["clock"]:
        return True
    before = match.string[max(0, match.start() - 8) : match.start()]
    return bool(POINT.search(before) or UNTIL.match(match.string, match.end())) and not match["minutes"]
