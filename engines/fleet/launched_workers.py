"""Workers that are launched before the rest of the program is loaded: that takes as long as they do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from engines.catalogue.engines import CATALOGUE, EngineRecord, does_rest
from engines.fleet.worker_launch import LaunchedWorker, LaunchFailed, launch
from engines.settings import EngineSettings, Options


class LaunchedWorkers:
    """Workers that wait for whoever runs their engines. What nobody has taken ends with `close`."""

    def __init__(self) -> None:
        self._waiting: list[tuple[EngineRecord, Options, LaunchedWorker]] = []

    async def launch(
        self, settings: Mapping[str, EngineSettings], catalogue: tuple[EngineRecord, ...] = CATALOGUE
    ) -> None:
        """Launch the workers of the engines that start with the server, and wait for none of them.

        Those that cannot be launched are left to whoever runs the engines, who tells why.
        """
        enabled = [record for record in catalogue if record.is_enabled(settings)]
        for record in enabled:
            if not does_rest(record, enabled):
                engine = settings.get(record.name, EngineSettings())
                count = engine.workers or record.workers
                await asyncio.gather(*(self._launch(record, engine.options, count) for _ in range(count)))

    async def _launch(self, record: EngineRecord, options: Options, workers: int) -> None:
        try:
            launched = await launch(record, options=options, workers=workers)
        except LaunchFailed:
            return
        self._waiting.append((record, options, launched))

    def take(self, record: EngineRecord, options: Options) -> LaunchedWorker | None:
        """Return a worker of an engine with these options, which is the caller's then; None for none."""
        for number, (known, known_options, launched) in enumerate(self._waiting):
            if (known, known_options) == (record, options):
                del self._waiting[number]
                return launched
        return None

    async def close(self) -> None:
        """End what nobody has taken."""
        waiting, self._waiting = self._waiting, []
        await asyncio.gather(
            *(launched.discard(record.name, lambda *_, **__: None) for record, _, launched in waiting)
        )
