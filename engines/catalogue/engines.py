"""The engines there are: one record each. A further engine is one file beside this one and one record here."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["speech", "listening"]


class Record(msgspec.Struct, frozen=True):
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
    """what must be installed for it, as `package/path`; looked for by `voicebox doctor`, which imports nothing"""
    warm: bool = False
    """does a job before it is ready, so that the first request is not the slow one"""
    python: str = ""
    """the interpreter that runs its workers; empty is our own"""


CATALOGUE = (
    Record(
        "espeak", "engines.adapters.espeak.engine:Espeak", ("speech",), "GPL-3.0-or-later", workers=2, rank=10,
        files=("espeakng_loader/espeak-ng-data/phontab",),
    ),
    Record(
        "pocketsphinx", "engines.adapters.pocketsphinx.engine:PocketSphinx", ("listening",), "BSD-2-Clause", rank=10,
        files=("pocketsphinx/model/en-us/en-us/mdef", "pocketsphinx/model/en-us/en-us.lm.bin"),
    ),
    Record("tone", "engines.fakes.tone:Tone", ("speech", "listening"), "Apache-2.0", rank=-10, default=False),
    Record(
        "mimic", "engines.fakes.cloner:Mimic", ("speech",), "Apache-2.0", rank=-15, default=False, clones=True, designs=True,
    ),
    Record("pace", "engines.fakes.paced:Pace", ("speech",), "Apache-2.0", rank=-20, default=False),
)  # fmt: skip


def find(name: str) -> Record:
    """Find an engine's record. Raises KeyError."""
    for record in CATALOGUE:
        if record.name == name:
            return record
    raise KeyError(name)
