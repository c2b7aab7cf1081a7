"""Emoji by their names: those of Unicode's CLDR, from the package `emoji`, which has them in 14 languages.

In others they are left to an engine that reads them, but for newer ones, and else said in English.
"""

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
SAME = {"cmn": "zh", "yue": "zh", "wuu": "zh", "hak": "zh"}
NEVER_READ = regex.compile(r"[❣❗❓❕❔🏧\U0001F170-\U0001F19A]")
"""older ones at which an engine that reads most is silent in many languages"""
NEWEST_READ = 4
"""the version of Unicode's emoji (2016) that engines know which read them themselves"""
TONES = regex.compile(r"[\U0001F3FB-\U0001F3FF]")
UNDRAWN = frozenset("©®™‼⁉")
"""pictographs that are signs of texts"""


def named_emoji(text: str, language: str, *, are_read: bool = False) -> Iterator[Edit]:
    """Yield the names of the emoji of a text in a language, English ones where it has none.

    `are_read` says that the engine reads the older ones in this language.
    """
    if text.isascii() or not MAY_BE_EMOJI.search(text):
        return
    for match in EMOJI.finditer(text):
        if match[0] in UNDRAWN or (are_read and _is_left(match[0], language)):
            continue
        if name := _name(match[0], language):
            yield Edit(match.start(), match.end(), f" {name} ")


def load_emoji_names(language: str) -> None:
    """Load the names of a language, and the English ones."""
    for code in ("en", language):
        _name("😀", code)


def _is_left(sequence: str, language: str) -> bool:
    """Return whether the names of a language are not known, and an emoji is old enough for an engine."""
    import emoji

    if SAME.get(language, language) in emoji.LANGUAGES or NEVER_READ.match(sequence):
        return False
    bare = TONES.sub("", sequence)
    known = emoji.EMOJI_DATA.get(bare) or emoji.EMOJI_DATA.get(f"{bare}\ufe0f") or {}
    version = known.get("E")
    return not isinstance(version, int | float) or version <= NEWEST_READ


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
