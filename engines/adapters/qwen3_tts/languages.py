"""The languages of Qwen3-TTS: its own names for them, and their BCP-47 tags."""

from __future__ import annotations

from collections.abc import Iterable

from engines.languages import primary_language

AUTO = "Auto"
"""has the model find out by the text"""
TAGS = {
    "chinese": "zh",
    "english": "en",
    "japanese": "ja",
    "korean": "ko",
    "german": "de",
    "french": "fr",
    "russian": "ru",
    "portuguese": "pt",
    "spanish": "es",
    "italian": "it",
}
"""by the library's names, in the order in which its makers list them"""
OTHER_TAGS = {"cmn": "zh"}
"""codes that mean one of these, where a tag comes as it was written"""


def language_tags(names: Iterable[str]) -> tuple[str, ...]:
    """Return the tags of the languages that a checkpoint names; dialects are voices', and have none."""
    known = set(names)
    return tuple(tag for name, tag in TAGS.items() if name in known)


def library_name(tag: str | None, names: Iterable[str]) -> str:
    """Return the library's name of a language, of those that a checkpoint names.

    It is `Auto` where nobody says which it is, and for languages that the model does not know: what a text is
    written in, it may read all the same.
    """
    code = primary_language(tag or "")
    code = OTHER_TAGS.get(code, code)
    known = set(names)
    return next((name for name, own in TAGS.items() if own == code and name in known), AUTO)
