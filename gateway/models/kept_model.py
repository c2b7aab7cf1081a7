"""The model that was pulled last: it is loaded where memory is free, and stays while nothing else needs
that.
"""

from __future__ import annotations

from collections.abc import Sequence

from engines.fleet.runtime import Engines
from gateway.models.registry import RunnableModel


class KeptModel:
    """One of the engines is kept in memory; another takes its place."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
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


def last_pulled(models: Sequence[RunnableModel]) -> str:
    """Return the name of the model that was pulled last; empty where none was. Reads the disk.

    What comes with an installed package was never pulled.
    """
    pulled = [(_written(model), model.record.name) for model in models if model.found.source != "installed"]
    return max(pulled, default=(0.0, ""))[1]


def _written(model: RunnableModel) -> float:
    """Return when the last of a model's folders was written; 0 where they have just gone."""
    try:
        return max(folder.stat().st_mtime for folder in model.found.folders)
    except OSError:
        return 0.0
