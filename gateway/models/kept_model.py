"""The model that is kept: the one that was used or pulled last is loaded where memory is free, and stays
while nothing else needs that.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from engines.fleet.runtime import Engines
from gateway.models.registry import RunnableModel

LAST_USED_FILE = "last_model.json"
"""of the data folder"""


class LastUsed(msgspec.Struct, frozen=True):
    """What is written down of the model that was used last."""

    model: str


class LastUsedFile:
    """The file that tells the next server which model was used last; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = ""
        self._written = ""
        self._lock = threading.Lock()

    def note(self, name: str) -> None:
        """Note that a model is used now, for the next `save`."""
        self._name = name

    def read(self) -> tuple[float, str]:
        """Return when the file was written, in seconds of the system's clock, and the model's name; (0, "")
        where nothing is known. Reads the disk.
        """
        try:
            written = self._path.stat().st_mtime
            return written, msgspec.json.decode(self._path.read_bytes(), type=LastUsed).model
        except (OSError, msgspec.DecodeError):
            return 0.0, ""

    def save(self) -> None:
        """Write down which model was used last, where it is another one than is written. Writes to the
        disk.
        """
        with self._lock, suppress(OSError):  # a disk that is full: the next server loads what is asked for
            name = self._name
            if name == self._written:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
            part.write_bytes(msgspec.json.encode(LastUsed(name)))
            part.replace(self._path)
            self._written = name


class KeptModel:
    """One of the engines is kept in memory; another takes its place."""

    def __init__(self, engines: Engines, last_used: LastUsedFile) -> None:
        self._engines = engines
        self._last_used = last_used
        self._name = ""

    async def keep(self, name: str) -> None:
        """Load a model where memory is free, without waiting for that, and have it stay; the one before may
        rest.
        """
        groups = self._engines.groups()
        if self._name != name and (before := groups.get(self._name)):
            before.let_go()
        self._name = name
        if group := groups.get(name):
            await group.keep()

    async def keep_last(self, models: Sequence[RunnableModel]) -> None:
        """Keep that one of the models which was used or pulled last, unless one has been kept already."""
        name = await asyncio.to_thread(self._last, models)
        if name and not self._name:
            await self.keep(name)

    def _last(self, models: Sequence[RunnableModel]) -> str:
        """Return the name of the model that was used or pulled last; empty where none was. Reads the disk.

        One that has run counts by its use, where any use is known, and one that has not by its pull.
        """
        used = self._last_used.read()
        known = used if any(model.record.name == used[1] for model in models) else (0.0, "")
        untried = [model for model in models if self._is_untried(model)]
        return max(known, last_pulled(untried if known[1] else models))[1]

    def _is_untried(self, model: RunnableModel) -> bool:
        group = self._engines.groups().get(model.record.name)
        return group is not None and group.status().presumed


def last_pulled(models: Sequence[RunnableModel]) -> tuple[float, str]:
    """Return when the model came that was pulled last, and its name; (0, "") where none was. Reads the disk.

    What comes with an installed package was never pulled.
    """
    return max(
        ((_written(model), model.record.name) for model in models if model.was_pulled), default=(0.0, "")
    )


def _written(model: RunnableModel) -> float:
    """Return when the last of a model's folders was written; 0 where they have just gone."""
    try:
        return max(folder.stat().st_mtime for folder in model.found.folders)
    except OSError:
        return 0.0
