"""The catalogue of engines that need no model: one record each.

A further engine is one folder in `engines/adapters/` and one record here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import util
from pathlib import Path
from typing import Literal

import msgspec

from engines.settings import EngineSettings

Kind = Literal["speech", "transcription"]
Rests = Literal["never", "behind a better one", "always"]


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
    is_fake: bool = False
    """made for tests and measurements: nobody is told of it who has not enabled it"""
    enabled_by_default: bool = True
    """enabled unless the settings say otherwise"""
    optional: bool = False
    """part of the full installation only: where its files are missing it is not enabled by default"""
    rests: Rests = "never"
    """when its workers start only once they are wanted: behind a better one of its kind, or always"""
    files: tuple[str, ...] = ()
    """what must be installed for it, as `package/path`; `voicebox doctor` looks for them without importing"""
    warm: bool = False
    """whether it does a job before it is ready, so that the first request is not the slow one"""
    python: str = ""
    """the interpreter that runs its workers; empty is our own"""
    group: str = ""
    """the environment that it is made for, by name (engines/environments/groups.py); empty for none"""
    cache_folder: str = ""
    """where pulled models lie, in which its libraries look for others; empty where it is not run from one"""

    @property
    def installed(self) -> bool:
        """Whether all its files are there."""
        return not any(self.missing_files())

    def missing_files(self) -> Iterator[str]:
        """Yield those of its files that are not there."""
        return (file for file in self.files if locate_file(file) is None)

    def is_enabled(self, settings: Mapping[str, EngineSettings]) -> bool:
        """Return whether it is enabled, by the settings of engines or, where they are silent, by default."""
        if self.name in settings:
            return settings[self.name].enabled
        return self.enabled_by_default and (not self.optional or self.installed)


CATALOGUE = (
    EngineRecord(
        name="hibari",
        import_path="engines.adapters.hibari.engine:Hibari",
        kinds=("speech",),
        licence="Apache-2.0",
        rank=15,
        optional=True,
        files=("hibari/assets/hibari.onnx", "onnxruntime/__init__.py"),
    ),
    EngineRecord(
        name="espeak",
        import_path="engines.adapters.espeak.engine:Espeak",
        kinds=("speech",),
        licence="GPL-3.0-or-later",
        workers=2,
        rank=10,
        rests="behind a better one",
        files=("espeakng_loader/espeak-ng-data/phontab",),
    ),
    EngineRecord(
        name="piper",
        import_path="engines.adapters.piper.engine:Piper",
        kinds=("speech",),
        licence="see its voices' MODEL_CARDs; GPL-3.0-or-later for eSpeak NG",
        rank=13,
        enabled_by_default=False,
        files=("onnxruntime/__init__.py", "espeakng_loader/espeak-ng-data/phontab"),
    ),
    EngineRecord(
        name="pocketsphinx",
        import_path="engines.adapters.pocketsphinx.engine:PocketSphinx",
        kinds=("transcription",),
        licence="BSD-2-Clause",
        rank=10,
        rests="always",
        files=("pocketsphinx/model/en-us/en-us/mdef", "pocketsphinx/model/en-us/en-us.lm.bin"),
    ),
    EngineRecord(
        name="tone",
        import_path="engines.fakes.tone:Tone",
        kinds=("speech", "transcription"),
        licence="Apache-2.0",
        rank=-10,
        is_fake=True,
        enabled_by_default=False,
    ),
    EngineRecord(
        name="mimic",
        import_path="engines.fakes.cloner:Cloner",
        kinds=("speech",),
        licence="Apache-2.0",
        rank=-15,
        is_fake=True,
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
        is_fake=True,
        enabled_by_default=False,
    ),
)


FAKES = frozenset(record.name for record in CATALOGUE if record.is_fake)
"""names that no message offers"""


def find_engine(name: str) -> EngineRecord:
    """Return the record of an engine. Raises KeyError."""
    for record in CATALOGUE:
        if record.name == name:
            return record
    raise KeyError(name)


def locate_file(name: str) -> Path | None:
    """Return the path of an installed file, given as `package/path`; nothing is imported."""
    package, _, rest = name.partition("/")
    spec = util.find_spec(package)
    folders = (spec.submodule_search_locations or ()) if spec else ()
    return next((path for folder in folders if (path := Path(folder, rest)).is_file()), None)


def does_rest(record: EngineRecord, enabled: Iterable[EngineRecord]) -> bool:
    """Return whether an engine starts only once it is wanted, beside the others that are enabled."""
    better = any(other.rank > record.rank and {*other.kinds} & {*record.kinds} for other in enabled)
    return record.rests == "always" or (record.rests == "behind a better one" and better)
