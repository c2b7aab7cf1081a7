"""Libraries to test with: on either database, with the recordings in a folder or in a bucket."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import io
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec

import pytest
from espeak_in_process import RATE, say
from servers import TIMEOUT
from sqlalchemy import delete
from sqlalchemy.engine import URL
from stores import Bucket, drop_database, new_database

from streaming.audio import wav
from streaming.audio.decode import decode
from voices.library import Library, LibraryLocation, OpenLibrary
from voices.profile import VOICE, Profile, Sample, new_id, now
from voices.storage import MARK, tables
from voices.storage.database import Database, database_url
from voices.storage.lookup import look_up
from voices.storage.store import Store

P = ParamSpec("P")


def awaited(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a coroutine function as a test, with a time limit."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), TIMEOUT))

    return run


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Return the setting `database` for an empty database, of each kind in turn."""
    return str(request.getfixturevalue("postgres_database")) if request.param == "postgresql" else ""


@pytest.fixture(params=["folder", "s3"])
def audio(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the setting `audio` for an empty folder or bucket, in turn."""
    if request.param == "folder":
        return ""
    bucket: Bucket = request.getfixturevalue("s3_bucket")
    bucket.export(monkeypatch)
    return f"{bucket.url}/voices"


@pytest.fixture
def blank(database: str, tmp_path: Path) -> URL:
    """Return the URL of an empty database."""
    return database_url(database, tmp_path)


@pytest.fixture(scope="session")
def on_postgres(postgres_server: str) -> Iterator[URL]:
    """Yield the URL of a PostgreSQL database with all its tables, which take half a second to create."""
    setting = new_database(postgres_server)
    url = database_url(setting, Path())
    Database.migrate(url)
    yield url
    drop_database(setting)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """Return the URL of a database with all its tables, which are empty, of each kind in turn."""
    if request.param == "postgresql":
        url: URL = request.getfixturevalue("on_postgres")
        asyncio.run(emptied(url))
    else:
        url = database_url("", tmp_path)
        Database.migrate(url)
    return url


async def emptied(url: URL) -> None:
    """Delete what other tests left in a database."""
    async with connected(url) as database, database.writing() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            if table is not tables.library:
                await connection.execute(delete(table))


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[Database]:
    """Open a database for the block."""
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_library(place: LibraryLocation) -> AsyncIterator[OpenLibrary]:
    """Open a library for the block."""
    library = Library(place)
    try:
        yield await library.open()
    finally:
        await library.close()


async def found(database: Database, name: str, caller: str) -> Profile | None:
    """Return the voice that both ways of looking one up find."""
    one = await Store(database).find(name, caller)
    records = await look_up(database, name, caller)
    assert (records.exact or records.own or records.shared) == one
    return one


def voice(name: str, owner: str = "", **fields: Any) -> Profile:
    """Return a new custom voice's profile."""
    return Profile(new_id(VOICE), name, fields.pop("voice_type", "cloned"), owner, created=now(), **fields)


def sample(id: str, *, created: float = 0.0, **fields: Any) -> Sample:
    """Return a sample whose recording does not exist."""
    return Sample(
        id, f"{id}/original", f"{id}/prepared.wav", "0" * 64, 1.5, 16_000, created=created, **fields
    )


@lru_cache(8)
def clip(text: str = "One two three four.") -> bytes:
    """Return a WAV of somebody who speaks: by default 1.4 s, which are prepared in a hundredth of a second."""
    pcm = say(text).pcm
    return wav.header(RATE, len(pcm)) + pcm


async def check_whole(opened: OpenLibrary, profiles: Iterable[Profile]) -> None:
    """Check that all recordings of voices exist, as they were sent and, decoded, as they were prepared."""
    for profile in profiles:
        for one in profile.samples:
            assert hashlib.sha256(await opened.blobs.get(one.original)).hexdigest() == one.sha256
            prepared = io.BytesIO(await opened.blobs.get(one.prepared))
            assert 2 * round(one.seconds * one.rate) == sum(
                map(len, decode(prepared, rate=one.rate, max_seconds=math.inf))
            )
        assert not profile.avatar or await opened.blobs.get(profile.avatar)


async def check_no_orphans(opened: OpenLibrary, folder: Path) -> None:
    """Check that the store has no recording that no voice names, and, where it is a folder, no empty folder."""
    there = set(await opened.blobs.keys("")) - {MARK}
    assert {key for key in there if not key.startswith("prompts/")} == await opened.store.blobs()
    assert {key.split("/")[1] for key in there if key.startswith("prompts/")} <= await opened.store.ids()
    assert files(folder) in ({*there, MARK}, set())
    assert empty(folder) == []


def files(folder: Path) -> set[str]:
    """Return the paths of all files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def empty(folder: Path) -> list[Path]:
    """Return all empty folders below a folder."""
    return [path for path in folder.rglob("*") if path.is_dir() and not any(path.iterdir())]
