"""The engines there are: one record each. A further engine is one file beside this one and one record here."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["speech", "transcription"]


class EngineRecord(msgspec.Struct, frozen=True):
    """An engine by name. `adapter` is imported in its worker only."""

    name: str
    adapter: str
    """module:class"""
    kinds: tuple[Kind, ...]
    licence: str
    workers: int = 1
    rank: int = 0
    """which engine serves OpenAI's names: the highest that is ready"""
    clones: bool = False
    """speaks with voices made of samples"""
    designs: bool = False
    """speaks with voices that are described in words"""
    default: bool = True
    """enabled unless the settings say otherwise"""
    files: tuple[str, ...] = ()
    """what must be installed for it, as `package/path`; looked for by `voicebox doctor`, which imports
    nothing
    """
    warm: bool = False
    """does a job before it is ready, so that the first request is not the slow one"""
    python: str = ""
    """the interpreter that runs its workers; empty is our own"""


CATALOGUE = (
    EngineRecord(
        "espeak", "engines.adapters.espeak.engine:Espeak", ("speech",), "GPL-3.0-or-later", workers=2, rank=10,
        files=("espeakng_loader/espeak-ng-data/phontab",),
    ),
    EngineRecord(
        "pocketsphinx", "engines.adapters.pocketsphinx.engine:PocketSphinx", ("transcription",), "BSD-2-Clause", rank=10,
        files=("pocketsphinx/model/en-us/en-us/mdef", "pocketsphinx/model/en-us/en-us.lm.bin"),
    ),
    EngineRecord("tone", "engines.fakes.tone:Tone", ("speech", "transcription"), "Apache-2.0", rank=-10, default=False),
    EngineRecord(
        "mimic", "engines.fakes.cloner:Cloner", ("speech",), "Apache-2.0", rank=-15, default=False, clones=True, designs=True,
    ),
    EngineRecord("pace", "engines.fakes.paced:Paced", ("speech",), "Apache-2.0", rank=-20, default=False),
)  # fmt: skip


def find(name: str) -> EngineRecord:
    """Find an engine's record. Raises KeyError."""
    for record in CATALOGUE:
        if record.name == name:
            return record
    raise KeyError(name)
