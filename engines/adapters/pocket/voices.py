"""Pocket TTS's preset voices: those that Kyutai publishes, and one for each of OpenAI's names."""

from __future__ import annotations

from collections.abc import Iterable

from engines.api import Gender, Voice

TAGS = {
    "english": ("en",),
    "french": ("fr",),
    "german": ("de",),
    "portuguese": ("pt",),
    "italian": ("it",),
    "spanish": ("es",),
    "dutch": ("nl",),
}
"""BCP-47, by the first part of the library's names of its models"""
NATIVE = {
    "english": "alba",
    "french": "estelle",
    "german": "juergen",
    "portuguese": "rafael",
    "italian": "giovanni",
    "spanish": "lola",
    "dutch": "daan",
}
"""the voice that each language's model is listed with first"""
PUBLISHED: dict[Gender, str] = {
    "female": "alba anna vera fantine cosette eponine azelma mary jane eve caro_davy lola estelle",
    "male": "marius javert jean charles paul george michael bill_boerst peter_yearsley stuart_bell giovanni "
    "juergen rafael daan",
}
"""the voices that there are for every model of Kyutai's, as they are listed"""
GENDERS: dict[str, Gender] = {name: gender for gender, names in PUBLISHED.items() for name in names.split()}

CHARACTERS = {
    "alloy": "jane",
    "ash": "michael",
    "ballad": "charles",
    "cedar": "bill_boerst",
    "coral": "mary",
    "echo": "george",
    "fable": "peter_yearsley",
    "marin": "alba",
    "nova": "eve",
    "onyx": "stuart_bell",
    "sage": "anna",
    "shimmer": "azelma",
    "verse": "marius",
}
"""by gender and accent, as the recordings' own descriptions have them; each another"""


def language_tags(language: str) -> tuple[str, ...]:
    """Return the language tags of a model (`french_24l` speaks French); none where its name tells nothing."""
    return TAGS.get(language.partition("_")[0], ())


def describe_voices(names: Iterable[str], language: str) -> tuple[Voice, ...]:
    """Return voices that speak a model's language.

    That language's own comes first, then Kyutai's in their order, then others by name.
    """
    order = [NATIVE.get(language.partition("_")[0], ""), *GENDERS]
    ranked = sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))
    return tuple(_voice(name, language) for name in ranked)


def map_openai_voices(voices: tuple[Voice, ...]) -> dict[str, str]:
    """Return a voice for each of OpenAI's names: the one meant, else one of its gender, else any."""
    return {name: _substitute(meant, voices) for name, meant in CHARACTERS.items()} if voices else {}


def _substitute(meant: str, voices: tuple[Voice, ...]) -> str:
    if any(voice.id == meant for voice in voices):
        return meant
    return next((voice.id for voice in voices if voice.gender == GENDERS[meant]), voices[0].id)


def _voice(name: str, language: str) -> Voice:
    gender = GENDERS.get(name)
    return Voice(
        name,
        name.replace("_", " ").title(),
        language_tags(language),
        gender,
        f"Pocket TTS, {gender or 'a voice of your own'}",
    )
