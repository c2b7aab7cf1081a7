"""Emoji by their names, for engines that know none: those of Unicode's CLDR, from the package `emoji`."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from engines.api.offsets import Edit
from engines.languages import primary_language

MAY_BE_EMOJI = regex.compile(r"\p{Extended_Pictographic}|[\U0001F1E6-\U0001F1FF\U0001F3FB-\U0001F3FF]")
EMOJI = regex.compile(
    r"""
    [\U0001F1E6-\U0001F1FF]{2}
    | \p{Extended_Pictographic}[\uFE0F\U0001F3FB-\U0001F3FF]*[\U000E0020-\U000E007F]*
      (?:\u200d\p{Extended_Pictographic}[\uFE0F\U0001F3FB-\U0001F3FF]*)*
    """,
    regex.VERBOSE,
)
SAME = {"cmn": "zh", "nb": "no"}
UNDRAWN = frozenset("©®™‼⁉")
"""pictographs that are signs of texts"""


def named_emoji(text: str, language: str) -> Iterator[Edit]:
    """Yield the names of the emoji of a text in a language, English ones where it has none."""
    if text.isascii() or not MAY_BE_EMOJI.search(text):
        return
    for match in EMOJI.finditer(text):
        if match[0] not in UNDRAWN and (name := _name(match[0], language)):
            yield Edit(match.start(), match.end(), f" {name} ")


def _name(sequence: str, language: str) -> str:
    """Return the name of an emoji; empty where it has none."""
    import emoji

    code = primary_language(language)
    code = SAME.get(code, code)
    code = code if code in emoji.LANGUAGES else "en"
    emoji.config.load_language(code)
    known = emoji.EMOJI_DATA.get(sequence) or emoji.EMOJI_DATA.get(f"{sequence}\ufe0f") or {}
    name = str(known.get(code) or known.get("en") or "")
    if not name and len(sequence) > 1:
        return ", ".join(
            filter(None, (_name(part, language) for part in sequence if part not in "\u200d\ufe0f"))
        )
    return name.strip(":").replace("_", " ").replace("-", " ")
