"""The voices of Piper in a folder: each speaker of each file is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from engines.adapters.piper.config import VoiceFile, read_voice
from engines.api import Voice
from engines.errors import EngineFailed, UnknownVoice
from engines.languages import primary_language
from engines.toolkit.openai_voices import OPENAI_VOICES

PHONEME_TYPES = ("espeak", "text")


class Speaker(msgspec.Struct, frozen=True):
    """One that can be asked for."""

    voice: VoiceFile
    number: int = 0
    """among the speakers of its file"""
    name: str = ""
    """empty where it is the only one"""


class Voices:
    """The speakers by id.

    A file with one speaker goes by the file's name; the speakers of another go by their own names, behind the
    file's name where there are several files.
    """

    def __init__(self, files: Sequence[VoiceFile], default: str) -> None:
        """`default` is the id, or the number, of the speaker that no name asks for. Raises EngineFailed."""
        self._speakers: dict[str, Speaker] = {}
        for file in files:
            for name, number in file.speakers.items() or [("", 0)]:
                named = name if len(files) == 1 and name else f"{file.key}-{name}".rstrip("-")
                self._speakers[named] = Speaker(file, number, name)
        self._default = self._find_default(default)

    def _find_default(self, default: str) -> str:
        if not default:
            return next(iter(self._speakers))
        for named, speaker in self._speakers.items():
            if default in (named, speaker.name) or (default.isdigit() and int(default) == speaker.number):
                return named
        raise EngineFailed(f"There is no speaker '{default}': there are {', '.join([*self._speakers][:50])}.")

    def find(self, name: str) -> Speaker:
        """Return a speaker; no name is the default's. Raises UnknownVoice."""
        if name and name not in self._speakers:
            raise UnknownVoice(f"Piper has no voice '{name}' here.", param="voice")
        return self._speakers[name or self._default]

    def listed(self) -> tuple[Voice, ...]:
        """Return all speakers as the contract describes voices, the default first."""
        names = [self._default, *(name for name in self._speakers if name != self._default)]
        return tuple(_describe(name, self._speakers[name]) for name in names)

    def are_all(self, is_such: Callable[[VoiceFile], bool]) -> bool:
        """Return whether all files are of a kind."""
        return all(is_such(speaker.voice) for speaker in self._speakers.values())

    def characters(self) -> dict[str, str]:
        """Return a speaker for each of OpenAI's names: the default, and others where it has some in its file,
        as nothing is known of how they sound.
        """
        file = self._speakers[self._default].voice
        same = [name for name, one in self._speakers.items() if one.voice is file and name != self._default]
        speakers = [self._default, *same]
        return {name: speakers[number % len(speakers)] for number, name in enumerate(OPENAI_VOICES)}


def read_folder(path: Path, name: str) -> list[VoiceFile]:
    """Return the voices in a folder, or the one of a name; a graph's file is taken too. Raises
    EngineFailed.
    """
    named = [path] if path.is_file() else sorted(path.rglob(f"{name}.onnx")) if name else []
    found = named or [graph for graph in sorted(path.rglob("*.onnx")) if not name and _has_config(graph)]
    if not found:
        wanted = f"voice {name}" if name else "voice (a file NAME.onnx with NAME.onnx.json)"
        raise EngineFailed(f"There is no Piper {wanted} in '{path}'.")
    voices = {voice.key: voice for voice in map(read_voice, found)}
    able = [voice for voice in voices.values() if voice.config.phoneme_type in PHONEME_TYPES]
    if not able:
        voice = next(iter(voices.values()))
        raise EngineFailed(
            f"The voice {voice.key} reads '{voice.config.phoneme_type}', which is unknown here: only "
            f"{' and '.join(PHONEME_TYPES)}."
        )
    return able


def _has_config(graph: Path) -> bool:
    return graph.with_name(f"{graph.name}.json").is_file()


def _describe(name: str, speaker: Speaker) -> Voice:
    language = speaker.voice.language
    languages = tuple(dict.fromkeys((language, primary_language(language))))
    display = f"{speaker.voice.display}{f', {speaker.name}' if speaker.name else ''}"
    return Voice(name, display, languages, description=f"Piper, {speaker.voice.key}")
