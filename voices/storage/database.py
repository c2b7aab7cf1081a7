"""The database of custom voices: SQLite in a file, or PostgreSQL by URL, through SQLAlchemy.

Its schema is brought up to date when it is opened.

Alembic is imported only where the schema is not the newest already. SQLite runs in WAL mode, so that reading
and writing do not wait for each other; whoever writes takes the write lock when the transaction begins, or
two who read first would deadlock.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from voices.errors import LibraryFailed
from voices.storage import tables

HEAD = "0001"
"""the newest step of voices/storage/migrations"""
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
LOCK = 0x766F6963
"""of PostgreSQL's advisory locks, the one that is held while the schema changes"""
BUSY_SECONDS = 3
"""for which a locked SQLite file is waited for; our own transactions take milliseconds"""
LOCKED_SECONDS = 5
"""for which a file that stayed locked is not written to again: who waits would wait in vain, one by one"""
POLL_SECONDS = 0.02
"""between two tries to turn WAL mode on"""
CONNECT_SECONDS = 5
"""in which a connection to PostgreSQL must be there"""
POOL_SECONDS = 5
"""for which a transaction waits for a connection that others use"""
LOCKED = "The database of voices is locked by another program."
VERSION = "alembic_version"
"""Alembic's table"""
PRAGMAS = ("synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON")
"""secure_delete overwrites what is deleted: a person may want to be forgotten"""


class StoreFailed(LibraryFailed):
    """The database cannot be opened, reached, or understood."""


def database_url(setting: str, folder: Path) -> URL:
    """Return the URL of the database that the settings mean; empty is SQLite in the data folder. Raises
    StoreFailed.
    """
    try:
        url = make_url(setting or f"sqlite:///{folder / 'voices.db'}")
    except (ArgumentError, ValueError) as exc:  # the latter where a port is no number
        raise StoreFailed(
            "voices.database is no URL of a database, such as postgresql://user@host/name."
        ) from exc
    known = {*DRIVERS, *DRIVERS.values()}
    if url.drivername not in known:
        raise StoreFailed(
            f"voices.database: '{url.drivername}' is not supported, only sqlite and postgresql are."
        )
    if url.drivername.startswith("sqlite") and not _has_file(url):
        raise StoreFailed("voices.database: SQLite needs a file, as in sqlite:////srv/voices.db.")
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))


def _has_file(url: URL) -> bool:
    """Return whether a URL of SQLite names a file: each connection has a memory of its own."""
    return bool(url.database) and ":memory:" not in str(url.database) and url.query.get("mode") != "memory"


class Database:
    """Connections to the database, and transactions to read or to write in."""

    def __init__(self, url: URL) -> None:
        self._sqlite = url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"hide_parameters": True, "max_overflow": 0}
        # Each connection to SQLite has a thread and three open files, and a statement takes a fifth of a
        # millisecond.
        if self._sqlite:
            options |= {"pool_size": 2, "pool_timeout": POOL_SECONDS}
        else:
            options |= {"pool_size": 10, "pool_timeout": POOL_SECONDS, "pool_pre_ping": True}
            options["connect_args"] = {"timeout": CONNECT_SECONDS, "command_timeout": 60}
        self._engine = create_async_engine(url, **options)
        self._reader = create_async_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            skip_autocommit_rollback=True,
            **options,
        )
        """for single statements, with nothing around them: on every request there is one"""
        self._writer = asyncio.Lock()
        self._locked_until = 0.0
        if self._sqlite:
            _prepare_sqlite(self._engine, begins="BEGIN IMMEDIATE")
            _prepare_sqlite(self._reader)

    @staticmethod
    def migrate(url: URL) -> None:
        """Bring the schema up to date; blocks, and has an event loop of its own. Raises StoreFailed."""
        asyncio.run(_brought_up_to_date(url))

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
        await self._reader.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection to read, each statement by itself: what belongs together is read in one."""
        async with _faults(), self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Begin a transaction: all of it happens, or, when it is left by an exception, nothing.

        Raises StoreFailed, at once while another program is known to hold SQLite's lock.
        """
        async with AsyncExitStack() as stack:
            if self._sqlite:  # which has one writer anyhow: here they wait in order, there by chance
                await stack.enter_async_context(self._writer)
            if time.monotonic() < self._locked_until:
                raise StoreFailed(LOCKED)
            await stack.enter_async_context(_faults())
            connection = await stack.enter_async_context(self._engine.connect())
            with self._noting_locks():
                await stack.enter_async_context(connection.begin())
            yield connection

    @contextmanager
    def _noting_locks(self) -> Iterator[None]:
        """Note that another program holds SQLite's lock, which was waited for in vain."""
        try:
            yield
        except OperationalError as exc:
            if _is_locked(exc):
                self._locked_until = time.monotonic() + LOCKED_SECONDS
            raise

    async def forget(self) -> None:
        """Overwrite SQLite's log, in which what was deleted may still stand."""
        if self._sqlite:
            async with self.reading() as connection:
                await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


async def _brought_up_to_date(url: URL) -> None:
    database = Database(url)
    try:
        async with database.writing() as connection:
            if url.get_backend_name() != "sqlite":
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            await connection.run_sync(_migrate)
    except (SQLAlchemyError, OSError) as exc:
        raise StoreFailed("The database of voices cannot be opened.") from exc
    finally:
        await database.close()


@asynccontextmanager
async def _faults() -> AsyncIterator[None]:
    """Raise StoreFailed for a database that does not answer, without its URL or the statement.

    What a constraint refuses is for the caller.
    """
    try:
        yield
    except IntegrityError:
        raise
    except (SQLAlchemyError, OSError, TimeoutError) as exc:
        raise StoreFailed(LOCKED if _is_locked(exc) else "The database of voices does not answer.") from exc


def _is_locked(exc: BaseException) -> bool:
    """Return whether SQLite's file is locked by another program."""
    original = getattr(exc, "orig", None)
    return str(getattr(original, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def plain(text: str) -> str:
    """Return a text without NUL, which PostgreSQL cannot hold: what is looked for by such a name is not
    there.
    """
    return text.replace("\0", "\ufffd")


async def one_by_one(connection: AsyncConnection) -> None:
    """Let only one transaction at a time go on from here: what others count or replace could not be there
    yet.
    """
    # SQLite ignores FOR UPDATE: it has one writer at a time anyhow.
    await connection.execute(select(tables.library.c.id).with_for_update())


def _prepare_sqlite(engine: AsyncEngine, begins: str = "") -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, below
        cursor = connection.cursor()
        try:
            cursor.execute(f"PRAGMA busy_timeout={1000 * BUSY_SECONDS}")
            _use_wal(connection, cursor)
            for pragma in PRAGMAS:
                cursor.execute(f"PRAGMA {pragma}")
        except Exception:  # whatever it is, nobody else would close it, and its thread would stay
            connection.close()
            raise
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        if begins:
            connection.exec_driver_sql(begins)


def _use_wal(connection: Any, cursor: Any) -> None:  # noqa: ANN401 - SQLAlchemy's adapters
    """Turn WAL mode on. SQLite never waits for this while somebody else writes, whatever
    `busy_timeout` is.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
        connection.run_async(lambda _: asyncio.sleep(POLL_SECONDS))


def _migrate(connection: Connection) -> None:
    """Run the migrations that are missing. Raises StoreFailed when the database is newer than this
    program.
    """
    known = inspect(connection).has_table(VERSION)
    at = connection.execute(text(f"SELECT version_num FROM {VERSION}")).scalar() if known else None  # noqa: S608 - a constant
    if at == HEAD:
        return
    if at is not None and str(at) > HEAD:
        raise StoreFailed(f"The database of voices is of a newer version ({at}) than this program ({HEAD}).")
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
