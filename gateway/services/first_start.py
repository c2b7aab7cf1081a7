"""The first start of the engines: until it has settled, nobody can say which models and voices there are, and
requests that ask for some wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import get_args

from engines.catalogue.engines import CATALOGUE, Kind
from engines.errors import EngineUnavailable
from engines.fleet.runtime import EngineSet
from engines.fleet.status import EngineStatus

POLL_SECONDS = 0.02
KINDS: tuple[Kind, ...] = get_args(Kind)
EMBEDDED = frozenset(record.name for record in CATALOGUE)
WAITING_PATHS = ("/v1/audio/", "/v1/models", "/v1/voicebox/")
"""what begins the paths of requests that wait..."""
FREE_PATHS = ("/v1/voicebox/models",)
"""...but for those about the files of models, which are managed meanwhile"""
STARTING_MESSAGE = "The server is still starting, and no engine works yet. Please try again later."
STARTING_RETRY = 5.0
"""seconds after which a client may ask again for what is still starting"""


class FirstStart:
    """The first start of some engines.

    `look_for_models` returns once the models that are here are engines; `tell` is called when all is ready,
    with the seconds that it took and the engines that work.
    """

    def __init__(
        self,
        engines: EngineSet,
        look_for_models: Callable[[], Awaitable[None]],
        tell: Callable[[float, list[str]], None],
    ) -> None:
        self._engines = engines
        self._look_for_models = look_for_models
        self._tell = tell
        self._settled = asyncio.Event()

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch the engines, which run, for the block."""
        watch = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    @property
    def ready(self) -> bool:
        """Whether requests can be served: the first start has settled, and an engine of each kind works."""
        return self._settled.is_set() and is_able(self._engines) and not is_starting(self._engines)

    async def wait(self, path: str, longest: float) -> None:
        """Wait until the first start has settled, if a request for a path has to, and for so many seconds at
        most.

        After these it is answered by what works then. Raises EngineUnavailable where nothing does.
        """
        if self._settled.is_set() or not path.startswith(WAITING_PATHS) or path.startswith(FREE_PATHS):
            return
        try:
            async with asyncio.timeout(longest):
                await self._settled.wait()
        except TimeoutError as exc:
            if not _able(self._engines):
                raise EngineUnavailable(STARTING_MESSAGE, retry_after=STARTING_RETRY) from exc

    async def settled(self) -> None:
        """Wait until the first start has settled."""
        await self._settled.wait()

    async def _watch(self) -> None:
        began = time.monotonic()
        try:
            with suppress(Exception):  # the manager tells the log; the rest is served without models
                await self._look_for_models()
            while is_starting(self._engines):  # noqa: ASYNC110 - their process may be another
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._settled.set()  # also when the server goes away: nobody waits for what will not come
        while not is_able(self._engines):  # noqa: ASYNC110 - the same
            await asyncio.sleep(POLL_SECONDS)
        self._tell(round(time.monotonic() - began, 2), sorted(_able(self._engines)))


def is_starting(engines: EngineSet) -> bool:
    """Return whether an engine starts that others cannot stand for.

    What rests starts when it is wanted, and nobody waits for it; except, the first time, until an engine of
    the catalogue has said what it is.
    """
    return any(_is_awaited(name, status) for name, status in engines.statuses().items())


def _is_awaited(name: str, status: EngineStatus) -> bool:
    if status.ready:
        return False
    is_first = name in EMBEDDED and not status.known
    if status.on_demand and not is_first:
        return False
    return any(
        worker.state == "starting" or (is_first and worker.state == "resting" and not worker.reason)
        for worker in status.workers
    )


def is_able(engines: EngineSet) -> bool:
    """Return whether an engine works for each kind of which some are enabled."""
    able = _able(engines)
    kinds = [engines.names(kind) for kind in KINDS]
    return bool(able) and all(able.intersection(kind) for kind in kinds if kind)


def _able(engines: EngineSet) -> set[str]:
    infos = engines.infos()
    return {
        name
        for name, status in engines.statuses().items()
        if name in infos and (status.ready or (status.on_demand and status.usable and status.known))
    }
