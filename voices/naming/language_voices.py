"""The voice that a language's tag means, among an engine's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engines.api import Voice
from engines.languages import alike, likely_region, primary_language, read_language

TAG = re.compile(r"[A-Za-z]{2}|[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){1,3}")
"""a code of two letters, or a tag with a region or script; of three letters are people's names too"""
CANTONESE = "yue"
CANTONESE_PLACES = frozenset({"zh-hk", "zh-mo", "zh-hant-hk", "zh-hant-mo", "zh-yue"})
"""tags of places where Chinese is spoken as Cantonese, which is what they mean of a voice"""


def voice_of_tag(voices: Sequence[Voice], name: str) -> Voice | None:
    """Return the voice of exactly that tag, else one of its language without a region, else of its language.

    None where the name is no tag, or nobody speaks the language.
    """
    tag = read_language(name) if TAG.fullmatch(name) else None
    return voice_of_language(voices, tag) if tag else None


def voice_of_language(voices: Sequence[Voice], tag: str) -> Voice | None:
    """Return the voice of exactly that tag, else one of its language without a region, else of its language;
    among several the one that goes by it, or that is of the country where most people speak it.
    """
    tag = CANTONESE if tag.casefold() in CANTONESE_PLACES and _able(voices, CANTONESE) else tag
    folded, able = tag.casefold(), _able(voices, tag)
    if not able:
        return None
    main = primary_language(tag)
    usual = (folded, main, f"{main}-{main}", f"{main}-{likely_region(main)}".casefold())
    exact = [voice for voice in able if folded in map(str.casefold, (voice.id, *voice.languages))]
    plain = [voice for name in usual for voice in able if voice.id.casefold() == name]
    own = [voice for voice in able if voice.languages and "-" not in voice.languages[0]]
    best = [voice for voice in plain if voice in exact]
    return next(iter([*best, *exact, *plain, *own, *able]), None)


def _able(voices: Sequence[Voice], tag: str) -> list[Voice]:
    return [voice for voice in voices if any(alike(tag, language) for language in voice.languages)]


def spoken_voice(voices: Sequence[Voice], name: str, language: str | None) -> str:
    """Return the voice that is heard where one is told to speak a language.

    A voice that goes by its language (`en-us+f3` of eSpeak NG) gives way to the one of the other language and
    keeps its variant: `de+f3`. All others, and those that speak the language anyhow, are heard themselves.
    """
    base, plus, variant = name.partition("+")
    own = next((voice for voice in voices if voice.id.casefold() == base.casefold()), None)
    if language is None or own is None or not _goes_by_language(own):
        return name
    tag = language if _are_of(voices, language) else read_language(language) or language
    by_language = [voice for voice in voices if _goes_by_language(voice)]
    other = voice_of_language(by_language, tag)
    is_same = primary_language(tag) in map(primary_language, own.languages)
    if other is None or _are_of((own,), tag) or (is_same and not ("-" in tag and _are_of((other,), tag))):
        return name
    return f"{other.id}{plus}{variant}"


def _are_of(voices: Sequence[Voice], tag: str) -> bool:
    """Tell whether one of some voices is of exactly that tag."""
    folded = tag.casefold()
    return any(folded in map(str.casefold, (voice.id, *voice.languages)) for voice in voices)


def _goes_by_language(voice: Voice) -> bool:
    return voice.id.casefold() in map(str.casefold, voice.languages)


def variant_of_gender(voices: tuple[Voice, ...], gender: str) -> str:
    """Find the ending that makes another voice one of that gender (`+f3`), where the engine lists such a one;
    else nothing.
    """
    varied = (voice.id.partition("+") for voice in voices if voice.gender == gender)
    return next((plus + variant for _, plus, variant in varied if plus), "")


def plainest(voices: Sequence[Voice], language: str) -> Voice | None:
    """Find the voice that a bare language means: `fr` is `fr-fr` where there is one, `en` is `en-us`; else
    the first of that language.
    """
    return voice_of_language([voice for voice in voices if _are_of((voice,), language)], language)


def voice_speaks(voice: Voice, language: str) -> bool:
    """Return whether a voice is of a language, or has its tag for a name."""
    folded = language.casefold()
    return any(
        tag.casefold() == folded or tag.casefold().startswith(f"{folded}-") for tag in voice.languages
    ) or (voice.id.casefold() == folded)
