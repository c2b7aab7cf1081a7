"""Kokoro's voices: the 54 that come with it, what their names say, and one for each of OpenAI's names.

The first letter of a voice's name is its language, the second its gender: `af_heart` is American and female.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from engines.api import Gender, Voice


class Language(msgspec.Struct, frozen=True):
    """A language that Kokoro speaks; tags are BCP-47, best first."""

    name: str
    tags: tuple[str, ...]


LANGUAGES = {
    "a": Language("American English", ("en-US", "en")),
    "b": Language("British English", ("en-GB", "en")),
    "e": Language("Spanish", ("es",)),
    "f": Language("French", ("fr-FR", "fr")),
    "h": Language("Hindi", ("hi",)),
    "i": Language("Italian", ("it",)),
    "j": Language("Japanese", ("ja",)),
    "p": Language("Brazilian Portuguese", ("pt-BR", "pt")),
    "z": Language("Mandarin Chinese", ("zh-CN", "zh", "cmn")),
}
"""by the first letter of a voice's name"""
GENDERS: dict[str, Gender] = {"f": "female", "m": "male"}
"""by the second letter"""

NAMES_BY_PREFIX = {
    "af": "heart alloy aoede bella jessica kore nicole nova river sarah sky",
    "am": "adam echo eric fenrir liam michael onyx puck santa",
    "bf": "alice emma isabella lily",
    "bm": "daniel fable george lewis",
    "ef": "dora",
    "em": "alex santa",
    "ff": "siwis",
    "hf": "alpha beta",
    "hm": "omega psi",
    "if": "sara",
    "im": "nicola",
    "jf": "alpha gongitsune nezumi tebukuro",
    "jm": "kumo",
    "pf": "dora",
    "pm": "alex santa",
    "zf": "xiaobei xiaoni xiaoxiao xiaoyi",
    "zm": "yunjian yunxi yunxia yunyang",
}
"""the voices that come with it, by language and gender; the best first, then as Kokoro lists them"""
VOICE_NAMES = tuple(f"{prefix}_{name}" for prefix, names in NAMES_BY_PREFIX.items() for name in names.split())
DEFAULT = "af_heart"

CHARACTERS = {
    "alloy": "af_alloy",
    "ash": "am_fenrir",
    "ballad": "bm_george",
    "cedar": "am_michael",
    "coral": "af_bella",
    "echo": "am_echo",
    "fable": "bm_fable",
    "marin": "af_heart",
    "nova": "af_nova",
    "onyx": "am_onyx",
    "sage": "af_sarah",
    "shimmer": "af_aoede",
    "verse": "am_puck",
}
"""namesakes where there are any; otherwise of the same gender, age and accent, Kokoro's best voices for
OpenAI's best (marin, cedar), and each another
"""


def is_voice_name(name: str) -> bool:
    """Return whether a voice's name says its language and gender, as Kokoro's do."""
    return len(name) > 3 and name[0] in LANGUAGES and name[1] in GENDERS and name[2] == "_"


def describe_voices(names: Iterable[str]) -> tuple[Voice, ...]:
    """Return voices as their names describe them: Kokoro's own in their order, then others by name."""

    def rank(name: str) -> tuple[int, str]:
        return (VOICE_NAMES.index(name) if name in VOICE_NAMES else len(VOICE_NAMES), name)

    ranked = sorted(names, key=rank)
    counts = Counter(name[3:] for name in ranked)
    return tuple(_voice(name, unique=counts[name[3:]] == 1 or name[0] == "a") for name in ranked)


def map_openai_voices(names: Iterable[str]) -> dict[str, str]:
    """Return a voice for each of OpenAI's names: the one meant, else one of its gender, else any there is."""
    available = [voice.id for voice in describe_voices(names)]
    return {name: _substitute(meant, available) for name, meant in CHARACTERS.items()} if available else {}


def _substitute(meant: str, available: list[str]) -> str:
    if meant in available:
        return meant
    alike = (meant[:2], "a" + meant[1])
    matches = (voice for prefix in alike for voice in available if voice.startswith(prefix))
    same_gender = (voice for voice in available if voice[1] == meant[1])
    return next(matches, next(same_gender, available[0]))


def _voice(name: str, *, unique: bool) -> Voice:
    language = LANGUAGES[name[0]]
    gender = GENDERS[name[1]]
    title = name[3:].replace("_", " ").title()
    shown = title if unique else f"{title} ({language.name})"
    return Voice(name, shown, language.tags, gender, f"Kokoro, {language.name}, {gender}")
