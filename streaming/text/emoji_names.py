"""Emoji by their names in the language of the text, those of Unicode's CLDR.

Where it has none in a language, they are left to an engine that reads them, and else out: a name in English
would be read by that language's rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import regex

from engines.api.offsets import Edit
from streaming.text.emoji_table import emoji_names

MAY_BE_EMOJI = regex.compile(r"\p{Extended_Pictographic}|[\U0001F1E6-\U0001F1FF\U0001F3FB-\U0001F3FF]")
EMOJI = regex.compile(
    r"""
    [\U0001F1E6-\U0001F1FF]{2}
    | \p{Extended_Pictographic}[\uFE0F\U0001F3FB-\U0001F3FF]*[\U000E0020-\U000E007F]*
      (?:\u200d\p{Extended_Pictographic}[\uFE0F\U0001F3FB-\U0001F3FF]*)*
    | [\U0001F3FB-\U0001F3FF]
    """,
    regex.VERBOSE,
)
TONES = regex.compile(r"[\U0001F3FB-\U0001F3FF]")
SELECTOR = "\ufe0f"
JOINER = "\u200d"
UNDRAWN = frozenset("©®™‼⁉")
"""pictographs that are signs of texts"""


def named_emoji(text: str, language: str, *, are_read: bool = False) -> Iterator[Edit]:
    """Yield the names of the emoji of a text in a language, and spaces for those that have none in it.

    `are_read` says that the engine reads emoji in this language: then those without names stay.
    """
    if text.isascii() or not MAY_BE_EMOJI.search(text):
        return
    names = emoji_names(language)
    for match in EMOJI.finditer(text):
        if match[0] in UNDRAWN:
            continue
        name = _name(match[0], names)
        if name or not are_read:
            yield Edit(match.start(), match.end(), f" {name} " if name else " ")


def load_emoji_names(language: str) -> None:
    """Load the names of a language."""
    emoji_names(language)


def _name(sequence: str, names: Mapping[str, str]) -> str:
    """Return the name of an emoji, or else those of its parts, with its skin tones behind."""
    bare = TONES.sub("", sequence.replace(SELECTOR, ""))
    tones = [names[tone] for tone in TONES.findall(sequence) if tone in names]
    name = names.get(bare, "")
    if not name and len(bare) > 1:
        name = ", ".join(filter(None, (names.get(part, "") for part in bare if part != JOINER)))
    return " ".join(filter(None, (name.replace(":", ""), *tones)))
