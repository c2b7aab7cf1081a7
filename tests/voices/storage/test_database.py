"""Tests of the database: its schema is migrated when it is opened, by whoever opens it, and errors say why it
cannot be opened.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import libraries
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from libraries import awaited, connected, sample, voice
from sqlalchemy import Connection, column, delete, insert, inspect, select, table, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import IntegrityError

import voices
from voices.storage import tables
from voices.storage.database import HEAD, VERSION, Database, StoreFailed, database_url
from voices.storage.store import Store

database = libraries.database
blank = libraries.blank
on_postgres = libraries.on_postgres
url = libraries.url

VERSIONS = table(VERSION, column("version_num"))
MIGRATIONS = Path(voices.__file__).parent / "storage" / "migrations"
OPENER = """
import os, sys
from sqlalchemy.engine import make_url
from voices.storage.database import Database
url = make_url(sys.argv[1])
Database(url)
for _ in range(int(sys.argv[2])):
    if not os.fork():
        Database.migrate(url)
        os.write(1, b"steps " if "alembic" in sys.modules else b"none ")
        os._exit(0)
try:
    while os.wait()[1] == 0:
        pass
except ChildProcessError:
    sys.exit(0)
sys.exit("one of them failed")
"""
"""opens a database from several processes at once, each of which prints whether it imported the migrations"""


def opened(url: URL, processes: int) -> list[str]:
    command = [sys.executable, "-c", OPENER, url.render_as_string(hide_password=False), str(processes)]
    return sorted(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split())


async def version(database: Database) -> str:
    async with database.reading() as connection:
        return str((await connection.execute(select(VERSIONS.c.version_num))).scalar_one())


async def contents(url: URL) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables."""
    async with connected(url) as database, database.reading() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        found = [
            await connection.execute(select(text("*")).select_from(table(name)).order_by(text("1")))
            for name in sorted(names)
        ]
        return {
            name: [tuple(row) for row in rows.all()] for name, rows in zip(sorted(names), found, strict=True)
        }


def alembic_config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def differences(connection: Connection) -> list[object]:
    """Return how the existing tables differ from the declared ones."""
    return list(compare_metadata(MigrationContext.configure(connection), tables.metadata))


def test_the_newest_migration() -> None:
    """The program's newest migration is that of the folder, and there is one head."""
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


@awaited
async def test_a_new_database_is_up_to_date(url: URL) -> None:
    """A database that was empty has the declared tables and the newest version."""
    async with connected(url) as database:
        assert await version(database) == HEAD
        async with database.reading() as connection:
            assert await connection.run_sync(differences) == []


@awaited
async def test_migrations_can_be_reverted(url: URL) -> None:
    """All migrations back leave only the version table, and forth again all tables."""
    async with connected(url) as database:
        async with database.writing() as connection:
            await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), "base"))
            assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == [VERSION]
            await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "head"))
        async with database.reading() as connection:
            assert await connection.run_sync(differences) == []


@awaited
async def test_differences_are_detected(url: URL) -> None:
    """The comparison detects a superfluous column."""
    async with connected(url) as database, database.writing() as connection:
        await connection.execute(text("ALTER TABLE consents ADD COLUMN spare VARCHAR(9)"))
        assert "spare" in str(await connection.run_sync(differences))


def test_four_open_it_at_once(blank: URL) -> None:
    """Of four programs that open an empty database none fails, and the schema is created once."""
    assert opened(blank, 4) == ["none", "none", "none", "steps"], (
        "who comes later does not so much as load what takes them"
    )


def test_it_is_opened_while_another_writes(tmp_path: Path) -> None:
    """A new database can be opened while another program holds its lock: it waits, as SQLite itself would
    not.
    """
    file = tmp_path / "voices.db"
    url = database_url(f"sqlite:///{file}", tmp_path)
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE something (id INTEGER)")
    release = threading.Timer(0.6, other.rollback)
    release.start()
    Database.migrate(url)
    release.join()
    other.close()

    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT count(*) FROM profiles").fetchone() == (0,)


@awaited
async def test_opening_changes_nothing(url: URL, tmp_path: Path) -> None:
    """Opening a database that is up to date changes nothing: not a byte, where it is a file."""
    async with connected(url) as database:
        await Store(database).create(voice("Anna", samples=(sample("samp_1"),)))
    before, file = await contents(url), tmp_path / "voices.db"
    data = file.read_bytes() if file.exists() else b""

    assert opened(url, 1) == ["none"]
    assert await contents(url) == before
    assert before["profiles"]
    assert (file.read_bytes() if file.exists() else b"") == data


@pytest.mark.parametrize("at", ["0002", "9999", "9a7c"])
def test_a_newer_version_is_refused(url: URL, at: str) -> None:
    """A database of a newer program is not changed, and the error names both versions."""

    @awaited
    async def set_newer_version() -> None:
        async with connected(url) as database, database.writing() as connection:
            await connection.execute(update(VERSIONS).values(version_num=at))

    @awaited
    async def is_still_newer() -> None:
        async with connected(url) as database:
            assert await version(database) == at

    set_newer_version()
    with pytest.raises(StoreFailed, match=rf"newer version \({at}\) than this program \({HEAD}\)"):
        Database.migrate(url)
    is_still_newer()


# Databases that cannot be opened...


@pytest.mark.parametrize(
    "setting",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "mysql://host/voices",
        "sqlite+pysqlite:///x.db",
        "voices.db",
        "postgresql://a:b:c:d",
    ],
)
def test_unsupported_urls(setting: str, tmp_path: Path) -> None:
    """A URL of another kind of database, or an invalid one, is refused by the setting's name."""
    with pytest.raises(StoreFailed, match=r"^voices\.database"):
        database_url(setting, tmp_path)


def test_urls_get_the_driver(tmp_path: Path) -> None:
    """A URL need not name a driver; without a URL there is a file in the data folder."""
    assert database_url("", tmp_path).render_as_string() == f"sqlite+aiosqlite:///{tmp_path / 'voices.db'}"
    for scheme in ("postgres", "postgresql", "postgresql+asyncpg"):
        assert database_url(f"{scheme}://me@host/db", tmp_path) == make_url("postgresql+asyncpg://me@host/db")


def test_out_of_reach(tmp_path: Path) -> None:
    """A file that is no database, and a server that does not listen, are errors without their location."""
    (tmp_path / "letter").write_text("Dear sir or madam, " * 100)
    for setting in (f"sqlite:///{tmp_path}/letter", f"postgresql://me:secret@/db?host={tmp_path}"):
        with pytest.raises(StoreFailed, match=r"^The database of voices [\w ]+\.$"):
            Database.migrate(database_url(setting, tmp_path))


# Transactions...


@awaited
async def test_all_or_nothing(url: URL) -> None:
    """A transaction that an exception ends changes nothing."""
    row = {"owner": "me", "document": "[]"}
    async with connected(url) as database:
        with pytest.raises(KeyError):
            async with database.writing() as connection:
                await connection.execute(insert(tables.dictionaries).values(row))
                raise KeyError
    assert (await contents(url))["dictionaries"] == []


@awaited
async def test_samples_go_with_their_voice(url: URL) -> None:
    """The database deletes a voice's samples with it, and refuses samples of unknown voices."""
    async with connected(url) as database:
        await Store(database).create(voice("Anna", samples=(sample("samp_1"), sample("samp_2"))))
        with pytest.raises(IntegrityError):
            async with database.writing() as connection:
                orphan = {"id": "samp_3", "profile": "voice_none", "created": 0.0, "document": "{}"}
                await connection.execute(insert(tables.samples).values(orphan))
        async with database.writing() as connection:
            await connection.execute(delete(tables.profiles))
            assert (await connection.execute(select(tables.samples))).all() == []


@awaited
async def test_deleted_voices_leave_no_trace(tmp_path: Path) -> None:
    """No word of a deleted voice is left in SQLite's files."""
    url = database_url("", tmp_path)
    words = [f"rumpelstilzchen {number}" for number in range(200)]

    def files() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.iterdir())

    async with connected(url) as database:
        await migrated(database)
        store = Store(database)
        profiles = [
            await store.create(voice(word, description=f"Secretly {word}", samples=(sample(word),)))
            for word in words
        ]
    assert b"umpelstilzchen" in files()
    async with connected(url) as database:
        for profile in profiles:
            await Store(database).delete(profile.id, "")
    assert b"umpelstilzchen" not in files()


async def migrated(database: Database) -> None:
    async with database.writing() as connection:
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "head"))
