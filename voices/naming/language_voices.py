"""The voice that a language's tag means, among an engine's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engines.api import Voice
from engines.languages import alike, primary_language, read_language

TAG = re.compile(r"[A-Za-z]{2}|[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){1,3}")
"""a code of two letters, or a tag with a region or script; of three letters are people's names too"""


def voice_of_tag(voices: Sequence[Voice], name: str) -> Voice | None:
    """Return the voice of exactly that tag, else one of its language without a region, else of its language.

    None where the name is no tag, or nobody speaks the language.
    """
    tag = read_language(name) if TAG.fullmatch(name) else None
    if tag is None:
        return None
    folded = tag.casefold()
    able = [voice for voice in voices if any(alike(tag, language) for language in voice.languages)]
    exact = [voice for voice in able if folded in (language.casefold() for language in voice.languages)]
    main = primary_language(tag)
    plain = [voice for voice in able if voice.id.casefold() in (main, f"{main}-{main}")]
    own = [voice for voice in able if voice.languages and "-" not in voice.languages[0]]
    return next(iter([*exact, *plain, *own, *able]), None)


def variant_of_gender(voices: tuple[Voice, ...], gender: str) -> str:
    """Find the ending that makes another voice one of that gender (`+f3`), where the engine lists such a one;
    else nothing.
    """
    varied = (voice.id.partition("+") for voice in voices if voice.gender == gender)
    return next((plus + variant for _, plus, variant in varied if plus), "")


def plainest(voices: tuple[Voice, ...], language: str) -> Voice | None:
    """Find the voice that a bare language means: `fr` is `fr-fr` where there is one, else the first of that
    language.
    """
    speaks = [voice for voice in voices if language in (tag.casefold() for tag in voice.languages)]
    return next((voice for voice in speaks if voice.id.casefold() == f"{language}-{language}"), None) or next(
        iter(speaks), None
    )


def voice_speaks(voice: Voice, language: str) -> bool:
    """Return whether a voice is of a language, or has its tag for a name."""
    folded = language.casefold()
    return any(
        tag.casefold() == folded or tag.casefold().startswith(f"{folded}-") for tag in voice.languages
    ) or (voice.id.casefold() == folded)
