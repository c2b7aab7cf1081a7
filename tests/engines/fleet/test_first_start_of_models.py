"""Tests of an engine's first start: until it has said itself what it is, its record and its files speak for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from outputs import QUIET

from engines.api import Place
from engines.catalogue.engines import EngineRecord
from engines.errors import DeadlineExceeded, EngineUnavailable
from engines.fakes.cloner import Cloner
from engines.fleet.on_demand import OnDemand
from engines.fleet.pool import Pool
from engines.fleet.streams import RequestTerms
from engines.fleet.worker_group import WorkerGroup
from engines.settings import EngineSettings, WorkerSettings

RECORD = EngineRecord("patient", "patient:Patient", ("speech",), "Apache-2.0")
PATIENT = '''
import time
from pathlib import Path

from engines.fakes.cloner import Cloner


class Patient(Cloner):
    """An engine that is loaded once a file is there."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self._file = Path(file)

    def load(self, place, out):
        while not self._file.exists():
            time.sleep(0.01)
        return super().load(place, out)
'''
SAID = Cloner().load(Place(), QUIET)
PRESUMED = msgspec.structs.replace(SAID, version="presumed", voices=SAID.voices[:1])


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 90))


def quiet(*_args: object, **_fields: object) -> None:
    """Log nothing."""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the engine waits for."""
    (tmp_path / "patient.py").write_text(PATIENT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "go"


@asynccontextmanager
async def patient(file: Path, on_demand: OnDemand) -> AsyncIterator[tuple[WorkerGroup, Pool]]:
    """Run the engine that waits for a file."""
    options = EngineSettings(options={"file": str(file)})
    group = WorkerGroup(RECORD, options, WorkerSettings(), quiet, on_demand=on_demand)
    async with group.running():
        yield group, Pool("patient", group, 1)


def test_a_request_waits_for_its_start(file: Path) -> None:
    """Nobody starts it to ask what it is; who needs that waits until it runs, at most to the request's deadline, and then
    what it said counts.
    """

    async def test() -> None:
        async with patient(file, OnDemand(presumed=PRESUMED)) as (group, pool):
            await asyncio.sleep(0.3)
            assert group.pids() == []
            assert pool.info == PRESUMED
            assert (pool.status().known, pool.status().presumed) == (True, True)
            with pytest.raises(DeadlineExceeded, match="`patient` is still being loaded"):
                async with pool.open(RequestTerms(deadline=time.monotonic() + 0.3)) as stream:
                    await stream.wait_ready()
            await asyncio.to_thread(file.touch)
            async with pool.open(RequestTerms()) as stream:
                await stream.wait_ready()
            assert pool.info is not None
            assert pool.info.voices == SAID.voices
            assert not pool.status().presumed

    run(test)


def test_what_it_said_before_counts(file: Path) -> None:
    """What an engine said when it last ran goes before what is presumed."""

    async def test() -> None:
        async with patient(file, OnDemand(info=SAID, presumed=PRESUMED)) as (_, pool):
            assert pool.info == SAID
            assert not pool.status().presumed

    run(test)


def test_one_that_is_kept_does_not_rest(file: Path) -> None:
    """An engine that is kept is loaded without a request, and stays when nobody wants it until it is let go."""
    file.touch()

    async def test() -> None:
        async with patient(file, OnDemand(presumed=PRESUMED, rest_after=0.1)) as (group, _):
            await group.keep()
            assert await group.wait_ready()
            pids = group.pids()
            await asyncio.sleep(1.0)
            assert group.pids() == pids
            group.let_go()
            while group.pids():  # noqa: ASYNC110 - nothing says so
                await asyncio.sleep(0.02)

    run(test)


def test_it_is_kept_only_where_memory_is_free(file: Path) -> None:
    """Without free memory nothing is stopped for an engine that is to be kept: it is not loaded, and its status says why."""
    evictions: list[bool] = []

    async def reserve(_count: int, evict: bool) -> None:
        evictions.append(evict)
        raise EngineUnavailable("there is no room")

    async def test() -> None:
        async with patient(file, OnDemand(presumed=PRESUMED, reserve=reserve)) as (group, _):
            await group.keep()
            assert group.pids() == []
            assert group.status().workers[0].reason == "there is no room"

    run(test)
    assert evictions == [False]
