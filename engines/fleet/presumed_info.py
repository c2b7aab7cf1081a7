"""What a model is likely to say of itself, from its record and its files: enough to list it and to choose it
before it has ever run.

Once it has run, what it said counts. Whatever is done with a model waits for that: capabilities that a record
does not hold are not guessed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import msgspec

from engines.api import CloningCapabilities, EngineInfo, SpeechCapabilities, TranscriptionCapabilities, Voice
from engines.catalogue.records import ModelRecord
from engines.catalogue.request_options import request_options
from engines.environments.installed import package_finder
from engines.errors import SpeechError
from engines.languages import primary_language
from engines.toolkit.preset_voices import PresetVoices, ReadVoices

TRANSCRIPTION_RATE = 16_000
"""Hertz, that all models which transcribe want"""
PRESUMED_VERSION = "presumed"


def presumed_info(
    model: ModelRecord, paths: Sequence[Path], options: Mapping[str, object], site: Path | None = None
) -> EngineInfo:
    """Return what a model with these files is likely to say of itself. Reads the disk.

    `site` is the folder of the packages that it will run with; None is our own interpreter's.
    """
    found = _read_voices(model, paths, options, site)
    return EngineInfo(
        name=model.name,
        version=PRESUMED_VERSION,
        licence=model.licence,
        models=tuple(dict.fromkeys((model.name, *found.other_names))),
        voices=found.voices,
        characters=found.characters,
        speech=_speech(model, found) if "speech" in model.kinds else None,
        transcription=_transcription(model) if "transcription" in model.kinds else None,
        device="",
    )


def _read_voices(
    model: ModelRecord, paths: Sequence[Path], options: Mapping[str, object], site: Path | None
) -> PresetVoices:
    """Return the voices in a model's files; none where they cannot be read, which its start will tell."""
    if not model.engine.voices or "speech" not in model.kinds:
        return PresetVoices()
    module, _, function = model.engine.voices.partition(":")
    read: ReadVoices = getattr(import_module(module), function)
    try:
        found = read(paths, options, package_finder(site))
    except (OSError, ValueError, SpeechError):
        return PresetVoices()
    return msgspec.structs.replace(
        found, voices=tuple(_with_languages(voice, model) for voice in found.voices)
    )


def _with_languages(voice: Voice, model: ModelRecord) -> Voice:
    return voice if voice.languages else msgspec.structs.replace(voice, languages=model.languages)


def _speech(model: ModelRecord, found: PresetVoices) -> SpeechCapabilities:
    options = request_options(model.engine)
    spoken = dict.fromkeys(tag for voice in found.voices for tag in voice.languages)
    return SpeechCapabilities(
        sample_rate=model.sample_rate,
        languages=tuple(spoken) or model.languages,
        instructions=model.instruct,
        streaming=model.streaming,
        cloning=CloningCapabilities(model.sample_rate, PRESUMED_VERSION) if model.cloning else None,
        design=model.designs,
        mixing=found.mixing,
        settings=options.settings,
        marks=options.marks,
        longest_text=options.longest_text,
        longest_seconds=options.longest_seconds,
    )


def _transcription(model: ModelRecord) -> TranscriptionCapabilities:
    languages = tuple(dict.fromkeys(map(primary_language, model.languages)))
    return TranscriptionCapabilities(languages, TRANSCRIPTION_RATE)
