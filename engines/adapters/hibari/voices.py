"""Hibari's voices: thirteen characters, one for each of OpenAI's names, and the real voices behind them.

One real voice is in the package: `heart`, an American woman, which `marin` is as it stands. The other twelve
are that same speaker in disguise: fundamental, formants, intonation, brightness and pace are numbers in what
the network gives, and are changed there (`characters`). Four more real voices are used where somebody has put
their files into the folder that the option `path` names; nothing is ever downloaded. They go by the names
that Kokoro, which they were made of, has for them; the registry of files is the package's own.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from hibari.voices import ASSETS, VOICES

from engines.adapters.hibari.characters import PLAIN, Character
from engines.api import Gender, Voice
from engines.errors import UnknownVoice

BUNDLED = "heart"
PUBLISHED_FOLDER = "voices"
"""where the other voices lie in the repository that they are published in"""
GENDERS: dict[str, Gender] = {"female": "female", "male": "male"}


class Preset(msgspec.Struct, frozen=True):
    """A voice that can be asked for."""

    gender: Gender
    description: str
    character: Character = PLAIN
    source: str = BUNDLED
    """the real voice, by the package's name for it"""
    better: str = ""
    """a real voice that takes its place, as it stands, where its file is here"""


PRESETS = {
    "alloy": Preset("neutral", "level and clear", Character(0.88, 0.96, 0.9, 0, 1, 7.4)),
    "ash": Preset("male", "warm and low", Character(0.62, 0.86, 1.0, -2, 1, 7.6), better="fenrir"),
    "ballad": Preset("male", "soft and lively", Character(0.70, 0.92, 1.3, -3, 0.95, 8.2)),
    "cedar": Preset("male", "deep and firm", Character(0.55, 0.92, 1.05, 1, 1, 5.4)),
    "coral": Preset("female", "bright and warm", Character(1.12, 1.05, 1.25, 1, 1, 7.4)),
    "echo": Preset("male", "even and light", Character(0.74, 0.95, 0.8, 1, 1, 6.5)),
    "fable": Preset("neutral", "a narrator", Character(0.82, 0.90, 1.3, 2.5, 1, 4.9), better="fable"),
    "marin": Preset("female", "the voice as it is"),
    "nova": Preset("female", "quick and bright", Character(1.22, 1.07, 1.15, 2, 1.05, 6.1)),
    "onyx": Preset("male", "the deepest", Character(0.50, 0.84, 0.8, -1, 0.97, 6.0)),
    "sage": Preset("female", "calm and soft", Character(0.95, 1.03, 0.75, -3, 0.97, 8.1)),
    "shimmer": Preset("female", "the highest", Character(1.34, 1.12, 1.0, 0, 1, 8.9)),
    "verse": Preset("male", "animated", Character(0.66, 1.0, 1.5, 2.5, 1.05, 3.7)),
}
"""by OpenAI's names. Measured by fundamental, long-term spectrum and Whisper's errors: each differs from
every other, and none is harder to understand than the plain voice; the last number makes them equally loud
"""
DEFAULT = "marin"


class VoiceFiles:
    """The presets that there are, and the file of each."""

    def __init__(self, folder: Path | None) -> None:
        self._files: dict[str, Path] = {BUNDLED: Path(ASSETS) / VOICES[BUNDLED]["file"]}
        if folder is not None:
            for place in (folder, folder / PUBLISHED_FOLDER):
                more = {name: place / voice["file"] for name, voice in VOICES.items() if name != BUNDLED}
                self._files |= {name: file for name, file in more.items() if file.is_file()}
        self._presets = {name: self._at_its_best(preset) for name, preset in PRESETS.items()}
        self._presets |= {VOICES[name]["kokoro"]: _real(name) for name in self._files if name != BUNDLED}

    def _at_its_best(self, preset: Preset) -> Preset:
        return _real(preset.better) if preset.better in self._files else preset

    def find(self, name: str) -> Preset:
        """Return a preset; no name is the default's. Raises UnknownVoice."""
        if (name or DEFAULT) not in self._presets:
            raise UnknownVoice(f"Hibari has no voice '{name}'.", param="voice")
        return self._presets[name or DEFAULT]

    def file(self, source: str) -> Path:
        """Return the file of a real voice that is here."""
        return self._files[source]

    def listed(self) -> tuple[Voice, ...]:
        """Return all presets as the contract describes voices."""
        return tuple(_describe(name, preset) for name, preset in self._presets.items())


def is_british(source: str) -> bool:
    """Return whether a real voice speaks British English."""
    return bool(VOICES[source]["british"])


def _real(name: str) -> Preset:
    voice = VOICES[name]
    return Preset(GENDERS[voice["gender"]], f"{voice['accent']} {voice['gender']}", source=name)


def _describe(name: str, preset: Preset) -> Voice:
    languages = (VOICES[preset.source]["language"], "en")
    shown = name.partition("_")[2] or name
    return Voice(name, shown.title(), languages, preset.gender, f"Hibari, {preset.description}")
