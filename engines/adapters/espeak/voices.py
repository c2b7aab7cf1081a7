"""The voices of eSpeak NG: every language, the variants that are good speech, and one for each of OpenAI's
names.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from engines.api import Gender, Voice
from engines.errors import UnknownVoice
from engines.languages import primary_language
from engines.toolkit.espeak_library import EspeakVoice

EFFECT_VARIANTS = re.compile(
    r"whisperf?|croak|robosoft\d?|UniRobot|anikaRobot|fast|Demonic|klatt\d?|Storm|zac|caleb|announcer"
)
"""variants that are effects rather than voices; they can be asked for, but are not listed"""
FEMALE_VARIANTS = re.compile(
    r"f\d|Alicia|Andrea|Annie|anika|aunty|belinda|grandma|linda|shelby|steph\d?|whisperf|anikaRobot"
)
DEFAULT = "en-us"
"""the voice for plain `en`, and the one whose variants are listed too; with those of all languages the list
would be ten thousand long
"""
GENDERS: dict[int, Gender] = {1: "male", 2: "female"}

CHARACTERS = {
    "alloy": "en-us",
    "ash": "en-us+victor",
    "ballad": "en-gb-x-rp+iven4",
    "cedar": "en-us+Reed",
    "coral": "en-us+belinda",
    "echo": "en-us+m8",
    "fable": "en-gb+Nguyen",
    "marin": "en-us+linda",
    "nova": "en-us+f5",
    "onyx": "en-us+david",
    "sage": "en-us+steph",
    "shimmer": "en-us+f4",
    "verse": "en-us+rob",
}
"""chosen by character among the variants that do not clip and whose words align well, and so that each
differs from every other in pitch or in timbre, as tests/engines measures
"""
VOLUMES = {
    "gmw/en-US": 112,
    "": 100,
    "victor": 200,
    "iven4": 120,
    "Reed": 93,
    "belinda": 81,
    "m8": 183,
    "Nguyen": 121,
    "linda": 80,
    "f5": 108,
    "david": 150,
    "steph": 105,
    "f4": 93,
    "rob": 135,
}
"""by the library's identifier or by variant, none for the plain voices of all languages: the volume at which
it is as loud as other engines are, -20 LUFS, measured on eight Harvard lists; languages differ by some 2 LU
"""
HEADROOM_VOLUME = 85
"""of variants that nobody measured: at the library's own 100 the louder ones reach the end of the scale"""


class Voices:
    """The voices by every name they go by, whatever its case.

    A base voice goes by its language code (`de`, `en-us`), by the other codes the library gives it (`zh` is
    `cmn`), and by a longer tag that begins with one of these (`de-AT`: the lookup of RFC 4647). A variant
    follows behind a plus.
    """

    def __init__(self, voices: Iterable[EspeakVoice], variants: tuple[str, ...]) -> None:
        self.variants = variants
        self._bases: dict[str, EspeakVoice] = {}
        for voice in voices:
            code = fold_tag(voice.languages[0])
            self._bases[code if code not in self._bases else fold_tag(Path(voice.identifier).name)] = voice
        ranked = sorted(
            (priority, code, fold_tag(language))
            for code, voice in self._bases.items()
            for language, priority in zip(voice.languages, voice.priorities, strict=True)
        )
        self._codes = {language: code for _, code, language in reversed(ranked)}
        self._codes |= {code: code for code in self._bases}
        self._codes["en"] = DEFAULT
        self._variants = {fold_tag(variant): variant for variant in variants}

    def listed(self) -> tuple[Voice, ...]:
        """Return every base voice, and the default one's variants that are good speech."""
        plain = [_voice(code, voice) for code, voice in self._bases.items()]
        base = next(voice for voice in plain if voice.id == DEFAULT)
        spoken = (name for name in self.variants if not EFFECT_VARIANTS.fullmatch(name))
        return (*plain, *(_variant(base, name) for name in spoken))

    def identify(self, voice: str, language: str | None) -> str:
        """Return the library's identifier of a voice, speaking `language` where one is given.

        A language that the voice speaks anyhow changes nothing, nor does one that there is not; `en-gb`
        changes `en-us`. Raises UnknownVoice.
        """
        base, plus, variant = voice.partition("+")
        code = self._lookup(base)
        variant_name = self._variants.get(fold_tag(variant)) if plus else ""
        if code is None or variant_name is None:
            suggestion = self._suggestion(base, code, variant)
            raise UnknownVoice(f"eSpeak NG has no voice '{voice}'.{suggestion}", param="voice")
        if language is not None:
            code = self._in_language(code, language)
        return f"{self._bases[code].identifier}{plus}{variant_name}"

    def _lookup(self, tag: str) -> str | None:
        """Return the code of the base voice for a tag, shortened part by part until one fits."""
        parts = fold_tag(tag).split("-")
        shorter = ("-".join(parts[:size]) for size in range(len(parts), 0, -1))
        return next((self._codes[one] for one in shorter if one in self._codes), None)

    def _in_language(self, code: str, language: str) -> str:
        """Return the code of the base voice that speaks `language` in place of the voice `code`."""
        own = [code, *map(fold_tag, self._bases[code].languages)]
        found = self._lookup(language)
        if found is None or fold_tag(language) in own:
            return code
        exact = "-" in language and found in (fold_tag(language), self._codes.get(fold_tag(language)))
        same = primary_language(language) in map(primary_language, own)
        return found if exact or not same else code

    def _suggestion(self, base: str, code: str | None, variant: str) -> str:
        """Return a sentence with names like the one that is unknown; empty where there are none."""
        if code is None:
            near = difflib.get_close_matches(fold_tag(base), list(self._codes))
        else:
            variants = difflib.get_close_matches(fold_tag(variant), list(self._variants))
            near = [f"{code}+{self._variants[name]}" for name in variants]
        return f" Did you mean {', '.join(near)}?" if near else ""


def volume_of(identifier: str) -> int:
    """Return the volume of a voice by the library's identifier: 100 is the library's own, 200 its loudest."""
    variant = identifier.partition("+")[2]
    return VOLUMES.get(identifier, VOLUMES.get(variant, HEADROOM_VOLUME))


def variant_names(data: Path) -> tuple[str, ...]:
    """Return the names of the variants in eSpeak NG's data folder."""
    return tuple(sorted((file.name for file in (data / "voices" / "!v").iterdir()), key=str.casefold))


def has_dictionary(data: Path, voice: EspeakVoice) -> bool:
    """Return whether a voice can speak: the wheel lacks the dictionaries of a few languages that it lists.

    A voice's file may name another language's dictionary (`nb` goes by `no`).
    """
    definition = (data / "lang" / voice.identifier).read_text("utf-8")
    named = re.search(r"^dictionary\s+(\S+)", definition, re.MULTILINE)
    dictionary = named[1] if named else primary_language(voice.languages[0])
    return (data / f"{dictionary}_dict").exists()


def fold_tag(name: str) -> str:
    """Return a voice's name or a language tag as they are compared: in lower case, with `-` for `_`."""
    return name.strip().casefold().replace("_", "-")


def bcp47_tag(language: str) -> str:
    """Return a language code as BCP-47 writes it: region in capitals, script with one."""
    first, *rest = language.split("-")
    private = rest.index("x") if "x" in rest else len(rest)
    cased = [
        part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part
        for part in rest[:private]
    ]
    return "-".join([first, *cased, *rest[private:]])


def _voice(code: str, voice: EspeakVoice) -> Voice:
    languages = tuple(dict.fromkeys(bcp47_tag(language) for language in (code, *voice.languages)))
    return Voice(code, voice.name, languages, GENDERS.get(voice.gender), f"eSpeak NG, {voice.name}")


def _variant(base: Voice, name: str) -> Voice:
    gender: Gender = "female" if FEMALE_VARIANTS.fullmatch(name) else "male"
    return Voice(
        f"{base.id}+{name}",
        f"{base.name}, {name}",
        base.languages,
        gender,
        f"eSpeak NG, {base.name}, variant {name}",
    )
