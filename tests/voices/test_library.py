"""Tests that a library opens once, whoever opens it, and leaves nothing behind where it cannot open."""

from __future__ import annotations

import asyncio
import gc
import stat
from pathlib import Path

import libraries
import pytest
from libraries import awaited, files, open_library, voice
from stores import Bucket

from voices.library import Library, LibraryLocation
from voices.storage import MARK
from voices.storage.blobs import BlobsFailed

database = libraries.database
audio = libraries.audio


def library(place: LibraryLocation) -> Library:
    return Library(place)


@awaited
async def test_opened_once(database: str, audio: str, tmp_path: Path) -> None:
    """Many simultaneous opens return the same library; what one process writes the next finds, with the same
    mark.
    """
    shared = library(LibraryLocation(tmp_path, database, audio))
    opened = await asyncio.gather(*(shared.open() for _ in range(20)))
    assert {id(one) for one in opened} == {id(opened[0])}
    created = await opened[0].store.create(voice("Anna"))
    mark = await opened[0].blobs.get(MARK)
    assert mark.decode() == await opened[0].store.library()
    await shared.close()
    async with open_library(LibraryLocation(tmp_path, database, audio)) as again:
        assert await again.store.visible("") == [created]
        assert await again.blobs.get(MARK) == mark


@awaited
async def test_two_libraries_have_two_marks(tmp_path: Path) -> None:
    """No two databases have the same mark."""
    async with (
        open_library(LibraryLocation(tmp_path / "one")) as one,
        open_library(LibraryLocation(tmp_path / "two")) as two,
    ):
        assert await one.blobs.get(MARK) != await two.blobs.get(MARK)


@awaited
async def test_asking_creates_nothing(tmp_path: Path) -> None:
    """Asking for the voices of a library that was never written to creates no file."""
    folder = tmp_path / "data"
    asked = library(LibraryLocation(folder))
    assert await asked.is_empty()
    assert await asked.page("", "", 10) == ([], False)
    assert files(tmp_path) == set()
    await asked.open()
    assert not await asked.is_empty()
    assert not await library(LibraryLocation(folder)).is_empty()
    await asked.close()


@awaited
async def test_other_accounts_cannot_read_it(tmp_path: Path) -> None:
    """Other accounts of the machine can read neither the database nor the recordings."""
    async with open_library(LibraryLocation(tmp_path / "data")) as opened:
        await opened.store.create(voice("Anna"))
        for path in (
            tmp_path / "data",
            tmp_path / "data/voices.db",
            tmp_path / "data/voices.db-wal",
            tmp_path / "data/voices",
        ):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@awaited
async def test_a_failed_open_leaves_nothing(
    database: str, s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """While the recordings are unreachable every attempt fails and leaves no connection; one succeeds once
    they are reachable.
    """
    s3_bucket.export(monkeypatch)
    opened = library(LibraryLocation(tmp_path, database, "s3://nobody-made-this"))
    for _ in range(3):
        with pytest.raises(BlobsFailed):
            await opened.open()
    gc.collect()  # a leaked connection would warn now
    opened.place = LibraryLocation(tmp_path, database, s3_bucket.url)
    assert await (await opened.open()).store.visible("") == []
    await opened.close()


@pytest.mark.parametrize("query", ["", "?timeout=3", "?timeout=3&cached_statements=20"])
@pytest.mark.parametrize("name", ["x.db", "our voices.db"])
@awaited
async def test_only_the_file_of_the_url(tmp_path: Path, name: str, query: str) -> None:
    """A URL of SQLite names one file, whatever options follow; no other is made."""
    file = tmp_path / "there" / name
    place = LibraryLocation(tmp_path / "data", f"sqlite:///{str(file).replace(' ', '%20')}{query}")
    async with open_library(place) as opened:
        await opened.store.create(voice("Anna"), 0)
    made = {path.name.removesuffix("-wal").removesuffix("-shm") for path in file.parent.iterdir()}
    assert made == {name}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not await library(place).is_empty()


@awaited
async def test_a_uri_of_sqlites_own(tmp_path: Path) -> None:
    """A URI as SQLite has them is understood as well."""
    place = LibraryLocation(tmp_path / "data", f"sqlite:///file:{tmp_path}/x.db?mode=rwc&uri=true")
    async with open_library(place):
        made = await asyncio.to_thread(lambda: {path.name[:4] for path in tmp_path.iterdir()})
    assert made == {"x.db", "data"}
