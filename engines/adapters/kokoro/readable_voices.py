"""What Kokoro's voices can speak with the packages that are installed: before it runs, and once it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from engines.adapters.kokoro.packages import is_here, read_scripts, readable_languages
from engines.adapters.kokoro.voices import LANGUAGES, describe_voices, map_openai_voices
from engines.api import Voice

READ_ENGLISH = "jz"
"""letters of the languages whose voices read a text in Latin letters as English"""


class ReadableVoices(msgspec.Struct, frozen=True):
    """The voices that can speak."""

    voices: tuple[Voice, ...]
    """the default first"""
    characters: dict[str, str]
    """for each of OpenAI's names the voice that stands for it; none where none speaks its own language"""
    letters: tuple[str, ...]
    """Kokoro's letters for the languages that they speak"""


def readable_voices(
    names: Sequence[str], *, light: bool, is_installed: Callable[[str], bool] = is_here
) -> ReadableVoices:
    """Return which of some voices can speak, each with the languages that it does.

    Voices that cannot be given their own language still speak English where they can, but not in somebody
    else's name; the others are left out. `light` is without torch and spaCy.
    """
    own = readable_languages((name[0] for name in names), light=light, is_installed=is_installed)
    english = readable_languages("a", light=light, is_installed=is_installed)
    described = [(voice, _spoken(voice.id[0], own, english)) for voice in describe_voices(names)]
    voices = tuple(
        msgspec.structs.replace(
            voice, languages=LANGUAGES[letter].tags, scripts=read_scripts(voice.id[0], light=light)
        )
        for voice, letter in described
        if letter
    )
    at_home = [name for name in names if name[0] in own]
    return ReadableVoices(voices, map_openai_voices(at_home), tuple(own or english))


def _spoken(letter: str, own: Sequence[str], english: Sequence[str]) -> str:
    """Return the language that a voice of some language speaks, both by Kokoro's letters; empty for none."""
    if letter in own:
        return letter
    return next(iter(english), "") if letter in READ_ENGLISH else ""
