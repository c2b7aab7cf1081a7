"""Libraries to test with: on either database, with the recordings in a folder or in a bucket."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec

import anyio
import pytest
from speaking import RATE, say
from sqlalchemy import delete
from sqlalchemy.engine import URL
from stores import Bucket, drop_database, new_database

from streaming import wav
from voices import tables
from voices.database import Database, database_url
from voices.library import Library, Place, Shelves
from voices.profile import VOICE, Profile, Sample, new_id, now

P = ParamSpec("P")


def awaited(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a coroutine function as a test."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Give the setting `database` for an empty database, of each kind in turn."""
    return str(request.getfixturevalue("postgres_database")) if request.param == "postgresql" else ""


@pytest.fixture(params=["folder", "s3"])
def audio(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the setting `audio` for an empty folder or bucket, in turn."""
    if request.param == "folder":
        return ""
    bucket: Bucket = request.getfixturevalue("s3_bucket")
    bucket.export(monkeypatch)
    return f"{bucket.url}/voices"


@pytest.fixture
def blank(database: str, tmp_path: Path) -> URL:
    """Give the URL of an empty database."""
    return database_url(database, tmp_path)


@pytest.fixture(scope="session")
def on_postgres(postgres_server: str) -> Iterator[URL]:
    """Give the URL of a PostgreSQL database with all its tables: to make one takes half a second."""
    setting = new_database(postgres_server)
    url = database_url(setting, Path())
    Database.migrate(url)
    yield url
    drop_database(setting)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """Give the URL of a database with all its tables, which are empty, of each kind in turn."""
    if request.param == "postgresql":
        url: URL = request.getfixturevalue("on_postgres")
        asyncio.run(emptied(url))
    else:
        url = database_url("", tmp_path)
        Database.migrate(url)
    return url


async def emptied(url: URL) -> None:
    """Delete what other tests left."""
    async with connected(url) as database, database.writing() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            if table is not tables.library:
                await connection.execute(delete(table))


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[Database]:
    """Use a database."""
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def shelves_at(place: Place) -> AsyncIterator[Shelves]:
    """Open a library."""
    library = Library(place, anyio.CapacityLimiter(1))
    try:
        yield await library.open()
    finally:
        await library.close()


def voice(name: str, owner: str = "", **fields: Any) -> Profile:
    """Make a voice of one's own."""
    return Profile(new_id(VOICE), name, fields.pop("voice_type", "cloned"), owner, created=now(), **fields)


def sample(id: str, *, created: float = 0.0, **fields: Any) -> Sample:
    """Make a sample whose recording is nowhere."""
    return Sample(id, f"{id}/original", f"{id}/prepared.wav", "0" * 64, 1.5, 16_000, created=created, **fields)


@lru_cache(8)
def clip(text: str = "One two three four.") -> bytes:
    """Make a WAV of somebody who speaks: by default 1.4 s, which are prepared in a hundredth of a second."""
    pcm = say(text).pcm
    return wav.header(RATE, len(pcm)) + pcm
