"""Which voices eSpeak NG offers here: every language, the variants that are good speech, and one for each of OpenAI's names."""

from __future__ import annotations

import re
from pathlib import Path

from engines.api import Gender, Voice
from engines.espeak_c import EspeakVoice

NOVELTIES = re.compile(r"whisperf?|croak|robosoft\d?|UniRobot|anikaRobot|fast|Demonic|klatt\d?|Storm|zac|caleb")
"""variants that are effects; they can be asked for, but are not listed"""
FEMALE = re.compile(r"f\d|Alicia|Andrea|Annie|anika|aunty|belinda|grandma|linda|shelby|steph\d?")
LISTED_WITH_VARIANTS = "en-us"
"""the voice whose variants are listed too; with those of all languages the list would be ten thousand long"""
GENDERS: dict[int, Gender] = {1: "male", 2: "female"}

CHARACTERS = {
    "alloy": "en-us",
    "ash": "en-us+ian",
    "ballad": "en-gb-x-rp+victor",
    "cedar": "en-us+Reed",
    "coral": "en-us+f2",
    "echo": "en-us+edward",
    "fable": "en-gb+rob",
    "marin": "en-us+belinda",
    "nova": "en-us+Annie",
    "onyx": "en-us+david",
    "sage": "en-us+steph",
    "shimmer": "en-us+f5",
    "verse": "en-us+Nguyen",
}
"""chosen by character, and so that each differs from every other in pitch or in timbre, as tests/engines measures"""


def variants(data: Path) -> tuple[str, ...]:
    """Name the variants in eSpeak NG's data folder."""
    return tuple(sorted((file.name for file in (data / "voices" / "!v").iterdir()), key=str.casefold))


def has_dictionary(data: Path, voice: EspeakVoice) -> bool:
    """Tell whether a voice can speak: the wheel lacks the dictionaries of a few languages that it lists."""
    return bool(voice.languages) and (data / f"{voice.languages[0].split('-')[0]}_dict").exists()


def listed(languages: list[EspeakVoice], names: tuple[str, ...]) -> tuple[Voice, ...]:
    """List the voices: one a language, its id the language's code, and the variants of one of them."""
    plain = [_voice(one) for one in languages]
    base = next(voice for voice in plain if voice.id == LISTED_WITH_VARIANTS)
    varied = [_variant(base, name) for name in names if not NOVELTIES.fullmatch(name)]
    return (*plain, *varied)


def _voice(voice: EspeakVoice) -> Voice:
    return Voice(
        id=voice.languages[0].lower(),
        name=voice.name,
        languages=tuple(tag(language) for language in voice.languages),
        gender=GENDERS.get(voice.gender, "male"),
        description=f"eSpeak NG, {voice.name}",
    )


def _variant(base: Voice, name: str) -> Voice:
    gender: Gender = "female" if FEMALE.fullmatch(name) else "male"
    return Voice(f"{base.id}+{name}", f"{base.name}, {name}", base.languages, gender, f"eSpeak NG, {base.name}, variant {name}")


def tag(language: str) -> str:
    """Write a language code as BCP-47 does: region in capitals."""
    first, *rest = language.split("-")
    return "-".join([first, *(part.upper() if len(part) == 2 and rest.index(part) == 0 else part for part in rest)])
