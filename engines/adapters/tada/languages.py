"""The languages of TADA: for each the part of its codec that finds the words of a recording, its aligner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from engines.languages import primary_language

ENGLISH = "en"
ALIGNERS = {
    ENGLISH: "aligner",
    "ar": "aligner-ar",
    "zh": "aligner-ch",
    "de": "aligner-de",
    "es": "aligner-es",
    "fr": "aligner-fr",
    "it": "aligner-it",
    "ja": "aligner-ja",
    "pl": "aligner-pl",
    "pt": "aligner-pt",
}
"""folders in the codec's repository, by ISO-639-1 codes: https://github.com/HumeAI/tada, "Multilingual
Generation"
"""
WITHOUT_SPACES = frozenset({"zh", "ja"})
"""languages whose sentences follow each other without a space"""
SCRIPTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ja": (("\u3041", "\u30ff"),),
    "zh": (("\u4e00", "\u9fff"),),
    "ar": (("\u0600", "\u06ff"),),
}
"""the first and last letters of scripts that tell a language; kana comes before the characters that Japanese
shares with Chinese
"""


def languages_of(codec: Path, wanted: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the languages that a codec has aligners for, English first, or those of them that are wanted."""
    chosen = frozenset(wanted) or frozenset(ALIGNERS)
    return tuple(
        language
        for language, folder in ALIGNERS.items()
        if language in chosen and (codec / folder / "config.json").is_file()
    )


def language_of_words(tag: str | None, words: str, known: Iterable[str]) -> str:
    """Return the language of the words of a recording, among those that are known: the tag's, else what the
    script of the words tells, else English.
    """
    languages = tuple(known)
    if tag and primary_language(tag) in languages:
        return primary_language(tag)
    told = (
        language
        for language, ranges in SCRIPTS.items()
        if language in languages and any(first <= char <= last for first, last in ranges for char in words)
    )
    return next(told, ENGLISH)
