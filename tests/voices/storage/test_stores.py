"""Tests of the stores that other tests rely on: a real PostgreSQL, a real S3 server, and their client
libraries.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import pytest
import stores
from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore, S3Store, from_url
from servers import TIMEOUT, status, wait_until
from sqlalchemy import Column, Integer, MetaData, String, Table, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from stores import Bucket, postgres, postgres_programs, s3

if TYPE_CHECKING:  # obstore has it for type checkers only
    from obstore.store import ClientConfig


TALES = Table(
    "tales", MetaData(), Column("id", Integer, primary_key=True), Column("title", String(100), nullable=False)
)
TITLES = ["Rübezahl", "桃太郎", "O'Brien; --"]
HTTP: ClientConfig = {"allow_http": True}
OPENED: dict[str, Callable[[Bucket, str], ObjectStore]] = {
    "S3Store": lambda bucket, prefix: S3Store(
        bucket.name, prefix=prefix or None, config=bucket.config, client_options=HTTP
    ),
    "from_url": lambda bucket, prefix: from_url(
        f"{bucket.url}/{prefix}", config=bucket.config, client_options=HTTP
    ),
    "S3Store, environment": lambda bucket, prefix: S3Store(bucket.name, prefix=prefix or None),
    "from_url, environment": lambda bucket, prefix: from_url(f"{bucket.url}/{prefix}"),
}
HOLDER = """
import sys, time
sys.path.insert(0, sys.argv[1])
import stores
with getattr(stores, sys.argv[2])() as held:
    print(getattr(held, "endpoint", held), flush=True)
    time.sleep(600)
"""


async def tables(url: str) -> list[str]:
    """Return the names of a database's tables."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    await engine.dispose()
    return found


async def kept(url: str) -> list[str]:
    """Write titles on one connection, and return those that another reads."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(TALES.metadata.create_all)
        await connection.execute(TALES.insert(), [{"title": title} for title in TITLES])
    await engine.dispose()
    async with engine.connect() as connection:
        rows = await connection.execute(select(TALES.c.title).order_by(TALES.c.id))
    await engine.dispose()
    return [row.title for row in rows]


@pytest.fixture(params=OPENED)
def opened(
    request: pytest.FixtureRequest, s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], ObjectStore]:
    """Open the bucket with a prefix, in each way that there is."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    if "environment" in request.param:
        s3_bucket.export(monkeypatch)
    return lambda prefix: OPENED[request.param](s3_bucket, prefix)


@contextmanager
def holding(what: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a store from another process; yield that process and the store's URL."""
    command = [sys.executable, "-c", HOLDER, str(Path(stores.__file__).parent), what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        try:
            yield holder, holder.stdout.readline().strip()
        finally:
            holder.kill()


def folder_of(url: str) -> Path:
    """Return the folder of a PostgreSQL server."""
    return Path(str(make_url(url).query["host"]))


def server_answers(url: str) -> bool:
    """Return whether a PostgreSQL server answers."""
    return stores.postgres_command(url, "pg_isready", "-q") == 0


def test_postgres_keeps_what_is_written(postgres_database: str) -> None:
    """Through SQLAlchemy and asyncpg a table is created, filled and read, over a Unix socket."""
    assert asyncio.run(kept(postgres_database)) == TITLES


def test_sqlite_keeps_what_is_written(tmp_path: Path) -> None:
    """The same code has the same outcome with aiosqlite."""
    assert asyncio.run(kept(f"sqlite+aiosqlite:///{tmp_path / 'tales.db'}")) == TITLES


@pytest.mark.parametrize("_time", ["first", "second"])
def test_each_test_has_an_empty_database(postgres_database: str, _time: str) -> None:
    """A test's database is empty, whatever previous tests wrote."""
    assert asyncio.run(tables(postgres_database)) == []
    asyncio.run(kept(postgres_database))
    assert asyncio.run(tables(postgres_database)) == ["tales"]


def test_postgres_leaves_nothing() -> None:
    """The server ends with the block and its folder is deleted, also when an exception ends the block."""
    with pytest.raises(KeyboardInterrupt), postgres() as url:
        assert server_answers(url)
        assert folder_of(url).is_dir()
        raise KeyboardInterrupt
    assert not folder_of(url).exists()
    assert not server_answers(url)


def test_postgres_ends_with_who_started_it() -> None:
    """A test session that is killed leaves neither a server nor its files."""
    if postgres_programs() is None:
        pytest.skip(stores.ABSENT)
    with holding("postgres") as (holder, url):
        assert server_answers(url)
        holder.send_signal(signal.SIGKILL)
        holder.wait(TIMEOUT)
        wait_until(lambda: not folder_of(url).exists() and not server_answers(url), "the server is gone")


def test_without_postgres_tests_are_skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where PostgreSQL is not installed the summary says so, and how to install it."""
    monkeypatch.setattr(stores, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="apt-get install postgresql"), postgres():
        pass


def test_the_newest_postgres_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of Debian's versions the highest number is used; without any, the one on the PATH."""
    monkeypatch.setattr(stores, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "own"))
    for version in ("own", "9.6", "15", "18"):
        program = tmp_path / version / ("initdb" if version == "own" else "bin/initdb")
        program.parent.mkdir(parents=True)
        program.touch(mode=0o755)
        assert postgres_programs() == program.parent


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The error has the server's output."""
    broken = ["sh", "-c", "echo no room left; exit 3"]
    with (
        pytest.raises(RuntimeError, match=r"ended with 3:\nno room left"),
        stores.leashed(broken, tmp_path, "KILL") as process,
    ):
        stores.wait_for(lambda: False, process, tmp_path / "log")


def test_s3_keeps_what_is_put(opened: Callable[[str], ObjectStore]) -> None:
    """Objects are put, read, listed under a prefix and deleted."""
    store = opened("")
    for key in ("voices/a/1", "voices/a/2", "voices/b/1"):
        obstore.put(store, key, key.encode())
    assert bytes(obstore.get(store, "voices/a/2").bytes()) == b"voices/a/2"
    assert [one["path"] for one in obstore.list(store, "voices/a").collect()] == ["voices/a/1", "voices/a/2"]
    obstore.delete(store, "voices/a/1")
    assert [one["path"] for one in obstore.list(store).collect()] == ["voices/a/2", "voices/b/1"]
    with pytest.raises(FileNotFoundError):
        obstore.get(store, "voices/a/1")


def test_s3_keeps_prefixes_apart(opened: Callable[[str], ObjectStore]) -> None:
    """A store that was opened with a prefix has its keys under it, and sees no others."""
    obstore.put(opened("tenant/one"), "key", b"mine")
    obstore.put(opened(""), "else", b"other")
    assert [one["path"] for one in obstore.list(opened("tenant/one")).collect()] == ["key"]
    assert bytes(obstore.get(opened(""), "tenant/one/key").bytes()) == b"mine"


def test_s3_puts_only_where_nothing_is(opened: Callable[[str], ObjectStore]) -> None:
    """With mode="create" an existing object stays as it is."""
    store = opened("")
    obstore.put(store, "key", b"first", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "key", b"second", mode="create")
    assert bytes(obstore.get(store, "key").bytes()) == b"first"


@pytest.mark.parametrize("size", [5_000_000, 13_000_000], ids=["one request", "parts"])
def test_s3_keeps_large_objects(opened: Callable[[str], ObjectStore], size: int) -> None:
    """Five megabytes are read as they were written, and so do more, which are sent in parts; without blocking
    the event loop.
    """
    data = os.urandom(size)

    async def there_and_back() -> bytes:
        store = opened("large")
        await obstore.put_async(store, "recording", data)
        answer = await obstore.get_async(store, "recording")
        return bytes(await answer.bytes_async())

    assert asyncio.run(there_and_back()) == data


def test_s3_ends_with_who_started_it() -> None:
    """A test session that is killed leaves no server."""
    with holding("s3") as (holder, endpoint):
        assert status(endpoint) == 200
        holder.send_signal(signal.SIGKILL)
        holder.wait(TIMEOUT)
        wait_until(lambda: status(endpoint) == 0, "the server is gone")


def test_s3_leaves_nothing() -> None:
    """The server ends with the block."""
    with s3() as bucket:
        assert status(bucket.endpoint) == 200
    assert status(bucket.endpoint) == 0
