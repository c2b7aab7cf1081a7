"""What a Piper voice says of itself: the JSON beside its graph.

The fields are those of the voices of `rhasspy/piper-voices`; others, and what older voices lack, do not
matter.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from engines.errors import EngineFailed
from engines.languages import primary_language

FILE_NAME = re.compile(r"(?P<language>[a-z]{2,3}[_-][A-Z]{2})-(?P<name>.+)-(?P<quality>\w+)")
"""of a voice's files, without their endings"""
VOICE_NAME = re.compile(r"[\w-]+")
"""what is passed on to eSpeak as the name of a voice of its own, which it opens files by"""


class AudioConfig(msgspec.Struct, frozen=True):
    """What is made."""

    sample_rate: int
    """Hertz"""


class EspeakConfig(msgspec.Struct, frozen=True):
    """How text is read."""

    voice: str = ""


class InferenceConfig(msgspec.Struct, frozen=True):
    """What the network is asked for unless somebody says otherwise."""

    noise_scale: float = 0.667
    length_scale: float = 1.0
    noise_w: float = 0.8


class LanguageConfig(msgspec.Struct, frozen=True):
    """The language that is spoken."""

    code: str = ""
    """such as en_US"""


class VoiceConfig(msgspec.Struct, frozen=True):
    """A voice's JSON."""

    audio: AudioConfig
    phoneme_id_map: dict[str, list[int]]
    espeak: EspeakConfig = EspeakConfig()
    inference: InferenceConfig = InferenceConfig()
    language: LanguageConfig = LanguageConfig()
    phoneme_type: str = "espeak"
    phoneme_map: dict[str, list[str]] = {}
    """phonemes that others stand for"""
    speaker_id_map: dict[str, int] = {}
    num_speakers: int = 1


class VoiceFile(msgspec.Struct, frozen=True):
    """A voice on disk."""

    key: str
    """the name of its files, such as en_US-joe-medium"""
    graph: Path
    config: VoiceConfig

    @property
    def language(self) -> str:
        """The language, as a BCP-47 tag."""
        named = FILE_NAME.fullmatch(self.key)
        code = self.config.language.code or (named["language"] if named else self.config.espeak.voice)
        return code.replace("_", "-")

    @property
    def is_english(self) -> bool:
        """Whether it speaks English, with the phonemes of English."""
        return self.config.phoneme_type == "espeak" and primary_language(self.espeak_voice) == "en"

    @property
    def is_british(self) -> bool:
        """Whether its English is British."""
        return self.language == "en-GB" or self.espeak_voice.startswith("en-gb")

    @property
    def espeak_voice(self) -> str:
        """The voice of eSpeak's that reads for it."""
        return self.config.espeak.voice or self.language.lower()

    @property
    def display(self) -> str:
        """Its name for people."""
        named = FILE_NAME.fullmatch(self.key)
        return f"{named['name'].replace('_', ' ').title()} ({named['quality']})" if named else self.key

    @property
    def speakers(self) -> dict[str, int]:
        """The ids of its speakers by name; nothing where it has but one."""
        count = self.config.num_speakers
        if count < 2:
            return {}
        return self.config.speaker_id_map or {f"speaker-{number}": number for number in range(count)}


def read_voice(graph: Path) -> VoiceFile:
    """Return the voice of a graph with its JSON beside it. Raises EngineFailed."""
    json = graph.with_name(f"{graph.name}.json")
    try:
        config = msgspec.json.decode(json.read_bytes(), type=VoiceConfig)
    except OSError as exc:
        raise EngineFailed(
            f"The Piper voice {graph.name} lacks its file {json.name}: {exc.strerror}."
        ) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise EngineFailed(f"{json} does not describe a Piper voice: {exc}") from exc
    missing = [symbol for symbol in "_^$" if symbol not in config.phoneme_id_map]
    if missing:
        raise EngineFailed(f"{json} has no ids for {', '.join(missing)}.")
    if config.espeak.voice and not VOICE_NAME.fullmatch(config.espeak.voice):
        raise EngineFailed(
            f"{json} names '{config.espeak.voice}' as a voice of eSpeak's, which is no such name."
        )
    return VoiceFile(graph.name.removesuffix(".onnx"), graph, config)
