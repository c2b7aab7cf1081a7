"""Which packages each of Kokoro's languages needs, and what is not installed of them. Nothing is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec

from engines.adapters.kokoro.voices import LANGUAGES

Packages = dict[str, str]
"""the names to install modules by"""

MISAKI: Packages = {"misaki": "misaki"}
MISAKI_ENGLISH: Packages = MISAKI | {
    "spacy": "spacy",
    "num2words": "num2words",
    "phonemizer": "phonemizer-fork",
    "espeakng_loader": "espeakng-loader",
}
HIBARI: Packages = {"hibari": "hibari-tts", "onnxruntime": "onnxruntime"}
ESPEAK: Packages = {"espeakng_loader": "espeakng-loader"}
MISAKI_ESPEAK: Packages = MISAKI | ESPEAK | {"phonemizer": "phonemizer-fork"}
JAPANESE: Packages = MISAKI | {
    "fugashi": "fugashi",
    "jaconv": "jaconv",
    "mojimoji": "mojimoji",
    "unidic_lite": "unidic-lite",
}
CHINESE: Packages = MISAKI | {
    "jieba": "jieba",
    "pypinyin": "pypinyin",
    "cn2an": "cn2an",
    "ordered_set": "ordered-set",
}
LATIN = "Latin"
SCRIPTS = {"j": ("Han", "Hiragana", "Katakana", LATIN), "z": ("Han", LATIN)}
"""scripts of languages in which others are left out, by Unicode's names; a text in Latin letters is read as
English
"""


def read_scripts(language: str, *, light: bool) -> tuple[str, ...]:
    """Return the scripts that are read in a language; none where eSpeak NG reads or names the letters of any.

    `light` is without misaki's English, in which eSpeak NG does that.
    """
    return (LATIN,) if light and language in "ab" else SCRIPTS.get(language, ())


def needed_packages(language: str, *, light: bool) -> Packages:
    """Return what a language needs, by Kokoro's letter for it; `light` is without torch and spaCy."""
    if language in "ab":
        return HIBARI if light else MISAKI_ENGLISH
    if language in "jz":
        return JAPANESE if language == "j" else CHINESE
    return ESPEAK if light else MISAKI_ESPEAK


def is_here(module: str) -> bool:
    """Return whether this interpreter can import a module, which this does not."""
    return find_spec(module) is not None


def missing_packages(packages: Packages, is_installed: Callable[[str], bool] = is_here) -> list[str]:
    """Return what is not installed, by the names to install it by."""
    large = "unidic_lite" in packages and is_installed("unidic")  # fugashi prefers that dictionary
    return [
        name
        for module, name in packages.items()
        if not is_installed(module) and not (large and module == "unidic_lite")
    ]


def readable_languages(
    languages: Iterable[str], *, light: bool, is_installed: Callable[[str], bool] = is_here
) -> list[str]:
    """Return which of some languages can be read here, in Kokoro's order."""
    wanted = set(languages)
    return [
        letter
        for letter in LANGUAGES
        if letter in wanted and not missing_packages(needed_packages(letter, light=light), is_installed)
    ]
