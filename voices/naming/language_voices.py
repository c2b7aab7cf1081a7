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
