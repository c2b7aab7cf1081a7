"""Tests of engines of the catalogue that rest until they are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from servers import TIMEOUT

from engines.api import Audio, SpeechJob
from engines.catalogue.engines import CATALOGUE, EngineRecord, does_rest, find_engine
from engines.fleet.resting_engines import RestingEngines
from engines.fleet.runtime import Engines
from engines.fleet.streams import RequestTerms
from engines.settings import EngineSettings, WorkerSettings

ESPEAK = {"espeak": EngineSettings(workers=1)}
OFF = EngineSettings(enabled=False)


def quiet(*_: object, **__: object) -> None:
    """Log nothing."""


def make_engines(folder: Path, *, rest_after: float = 0.2) -> Engines:
    """Return hibari and eSpeak, which rests behind it."""
    settings = {**ESPEAK, "pocketsphinx": OFF, "hibari": EngineSettings()}
    return Engines(settings, WorkerSettings(), log=quiet, resting=RestingEngines(folder, rest_after))


async def speak(engines: Engines) -> int:
    """Speak a word with eSpeak, and return the bytes of audio."""
    async with engines.pool("espeak").open(RequestTerms("caller")) as stream:
        events = [event async for event in stream.speak(SpeechJob("Hello", "en-us"))]
    return sum(len(event.pcm) for event in events if isinstance(event, Audio))


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition is true."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.02)


def test_which_engines_rest() -> None:
    """PocketSphinx always rests, eSpeak only behind a better voice, the best voice never."""

    def resting(*names: str) -> list[str]:
        records = [find_engine(name) for name in names]
        return [record.name for record in records if does_rest(record, records)]

    assert resting("hibari", "espeak", "pocketsphinx") == ["espeak", "pocketsphinx"]
    assert resting("espeak", "pocketsphinx") == ["pocketsphinx"]


def test_an_optional_engine_needs_its_files() -> None:
    """What the minimal installation leaves out is enabled where its files are, or where the settings say so."""
    hibari = find_engine("hibari")
    gone = EngineRecord(
        "gone", "x:Y", ("speech",), "MIT", optional=True, files=("no_such_package/weights.bin",)
    )

    assert hibari.is_enabled({}) == hibari.installed
    assert not gone.is_enabled({})
    assert gone.is_enabled({"gone": EngineSettings()})
    assert not hibari.is_enabled({"hibari": OFF})
    assert all(record.installed for record in CATALOGUE if not record.optional)


def test_an_engine_rests_and_wakes(tmp_path: Path) -> None:
    """It is started once to say what it is, stops when nobody wants it, and speaks when somebody does; another
    start of the server knows its voices without starting it.
    """

    async def first() -> None:
        engines = make_engines(tmp_path)
        async with engines.running():
            await until(lambda: "espeak" in engines.infos())
            assert await speak(engines) > 1000
            await until(lambda: not engines.group("espeak").pids())
            assert await speak(engines) > 1000
            await until(lambda: (tmp_path / "espeak.json").exists())

    async def second() -> None:
        engines = make_engines(tmp_path)
        async with engines.running():
            assert len(engines.infos()["espeak"].voices) > 100
            await until(lambda: engines.group("hibari").ready)
            assert not engines.group("espeak").pids()
            assert await speak(engines) > 1000

    asyncio.run(first())
    asyncio.run(second())


def test_what_it_said_counts_for_the_same_options_only(tmp_path: Path) -> None:
    """With other options an engine may say otherwise: it is asked again."""
    record = find_engine("espeak")

    async def check() -> None:
        resting = RestingEngines(tmp_path, 1.0)
        engines = make_engines(tmp_path)
        async with engines.running():
            await until(lambda: (tmp_path / "espeak.json").exists())
        assert resting.on_demand(record, EngineSettings()).info
        assert not resting.on_demand(record, EngineSettings(options={"x": 1})).info

    asyncio.run(check())
