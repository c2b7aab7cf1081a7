"""The catalogue of engines that need no model: one record each.

A further engine is one folder in `engines/adapters/` and one record here.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["speech", "transcription"]


class EngineRecord(msgspec.Struct, frozen=True):
    """An engine by name; its class is imported in its worker only."""

    name: str
    import_path: str
    """module:class"""
    kinds: tuple[Kind, ...]
    """what it does"""
    licence: str
    """of what it is built on"""
    workers: int = 1
    """processes that run it, unless the settings say otherwise"""
    rank: int = 0
    """which engine serves OpenAI's model names: the one with the highest rank that is ready"""
    clones: bool = False
    """speaks with voices made of samples"""
    designs: bool = False
    """speaks with voices that are described in words"""
    enabled_by_default: bool = True
    """enabled unless the settings say otherwise"""
    files: tuple[str, ...] = ()
    """what must be installed for it, as `package/path`; `voicebox doctor` looks for them without importing"""
    warm: bool = False
    """whether it does a job before it is ready, so that the first request is not the slow one"""
    python: str = ""
    """the interpreter that runs its workers; empty is our own"""


CATALOGUE = (
    EngineRecord(
        name="hibari",
        import_path="engines.adapters.hibari.engine:Hibari",
        kinds=("speech",),
        licence="Apache-2.0",
        rank=15,
        enabled_by_default=False,
        files=("hibari/assets/hibari.onnx", "onnxruntime/__init__.py"),
    ),
    EngineRecord(
        name="espeak",
        import_path="engines.adapters.espeak.engine:Espeak",
        kinds=("speech",),
        licence="GPL-3.0-or-later",
        workers=2,
        rank=10,
        files=("espeakng_loader/espeak-ng-data/phontab",),
    ),
    EngineRecord(
        name="pocketsphinx",
        import_path="engines.adapters.pocketsphinx.engine:PocketSphinx",
        kinds=("transcription",),
        licence="BSD-2-Clause",
        rank=10,
        files=("pocketsphinx/model/en-us/en-us/mdef", "pocketsphinx/model/en-us/en-us.lm.bin"),
    ),
    EngineRecord(
        name="tone",
        import_path="engines.fakes.tone:Tone",
        kinds=("speech", "transcription"),
        licence="Apache-2.0",
        rank=-10,
        enabled_by_default=False,
    ),
    EngineRecord(
        name="mimic",
        import_path="engines.fakes.cloner:Cloner",
        kinds=("speech",),
        licence="Apache-2.0",
        rank=-15,
        enabled_by_default=False,
        clones=True,
        designs=True,
    ),
    EngineRecord(
        name="pace",
        import_path="engines.fakes.paced:Paced",
        kinds=("speech",),
        licence="Apache-2.0",
        rank=-20,
        enabled_by_default=False,
    ),
)


def find_engine(name: str) -> EngineRecord:
    """Return the record of an engine. Raises KeyError."""
    for record in CATALOGUE:
        if record.name == name:
            return record
    raise KeyError(name)
