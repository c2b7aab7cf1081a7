"""The library of custom voices: profiles, recordings, prompts, and what else a caller keeps.

It opens when there is something in it: a server on which nobody ever made a voice does not load a database
for it.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote
from weakref import WeakValueDictionary

import msgspec

from voices.errors import LibraryFailed
from voices.naming.matching import nearest
from voices.naming.meaning import Meaning, find_meaning
from voices.profile import NameRecords, Profile
from voices.storage import MARK

if TYPE_CHECKING:
    from voices.consents import Aliases, Consents, Dictionaries
    from voices.prompts import PromptCache
    from voices.storage.blobs import Blobs
    from voices.storage.database import Database
    from voices.storage.store import Store


ARCHIVES_AT_ONCE = 2
"""archives that are packed or unpacked at the same time"""
DOWN_SECONDS = 5.0
"""in which a library that failed is not asked again: each try may take as long"""
EMPTY_SECONDS = 0.1
"""in which the disk is not looked at again for what another process may have stored: each look takes a
thread, which many streams at once would wait for
"""


class LibraryLocation(msgspec.Struct, frozen=True):
    """Where a library lies: URLs of database and recordings; the folder is for those that are empty."""

    folder: Path
    database: str = ""
    audio: str = ""

    @property
    def file(self) -> Path | None:
        """The file of a SQLite database; None where the database is another."""
        if not self.database:
            return self.folder / "voices.db"
        kind, _, rest = self.database.partition(":///")
        path = unquote(rest.partition("?")[0]).removeprefix("file:")  # the latter in SQLite's own URIs
        return Path(path) if path and kind.startswith("sqlite") else None


class OpenLibrary:
    """An open library: the parts that hold profiles, recordings, consents, aliases, pronunciations and
    prompts.
    """

    def __init__(self, database: Database, blobs: Blobs) -> None:
        from voices.consents import Aliases, Consents, Dictionaries
        from voices.prompts import PromptCache
        from voices.storage.lookup import look_up
        from voices.storage.store import Store

        self.database = database
        self.blobs: Blobs = blobs
        self.store: Store = Store(database)
        self.consents: Consents = Consents(database)
        self.aliases: Aliases = Aliases(database)
        self.dictionaries: Dictionaries = Dictionaries(database)
        self.prompts: PromptCache = PromptCache(blobs)
        self.look_up: Callable[[str, str], Awaitable[NameRecords]] = functools.partial(look_up, database)


class Library:
    """The library, open or not."""

    def __init__(self, place: LibraryLocation) -> None:
        self.place = place
        self.archives = asyncio.Semaphore(ARCHIVES_AT_ONCE)
        """for work on archives, which takes room on the disk"""
        self._library: OpenLibrary | None = None
        self._opening = asyncio.Lock()
        self._alone: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._down_until = 0.0
        self._empty_until = 0.0

    async def is_empty(self) -> bool:
        """Return whether nothing was ever stored, here, or by another process a tenth of a second ago."""
        file = self.place.file
        if self._library is not None or file is None:
            return False
        if time.monotonic() >= self._empty_until:
            if await asyncio.to_thread(file.exists):
                return False
            self._empty_until = time.monotonic() + EMPTY_SECONDS
        return True

    async def open(self) -> OpenLibrary:
        """Open the library, and create it where there is none. Raises StoreFailed or BlobsFailed."""
        if self._library is None:
            async with self._opening:
                if self._library is None:
                    self._library = await _marked(await asyncio.to_thread(_opened, self.place))
        return self._library

    async def close(self) -> None:
        """Close all connections to the database."""
        if self._library:
            await self._library.database.close()

    def alone(self, name: str) -> asyncio.Lock:
        """Return the lock under which only one task at a time does what `name` says."""
        return self._alone.setdefault(name, asyncio.Lock())

    async def find(
        self,
        voice: str,
        caller: str,
        aliases: Mapping[str, str],
        is_understood: Callable[[str], bool],
        *,
        is_target: bool = False,
    ) -> Meaning:
        """Return what a voice's name means to a caller, as `voices.naming.meaning` says.

        Raises LibraryFailed, and, once it did, for some seconds without trying again: each try may take as
        long.
        """
        if await self.is_empty():
            return Meaning(voice)
        if time.monotonic() < self._down_until:
            raise LibraryFailed("The library of voices is out of reach.")
        try:
            look_up = (await self.open()).look_up
            return await find_meaning(
                voice, lambda name: look_up(name, caller), aliases, is_understood, is_target=is_target
            )
        except LibraryFailed:
            self._down_until = time.monotonic() + DOWN_SECONDS
            raise

    async def page(self, caller: str, after: str, limit: int) -> tuple[list[Profile], bool]:
        """Return some of the custom voices that a caller may use, oldest first, and whether there are more.

        They follow `after`, the id of one, or empty. Raises UnknownProfile.
        """
        if await self.is_empty():
            return [], False
        return await (await self.open()).store.page(caller, after, limit)

    async def near_names(self, voice: str, caller: str) -> list[str]:
        """Return the names of custom voices, which a caller may use, that are most like one."""
        if await self.is_empty():
            return []
        return await (await self.open()).store.near_names(voice, caller, nearest)


async def _marked(opened: OpenLibrary) -> OpenLibrary:
    """Write the mark of the database into the store of recordings, where there is none."""
    try:
        if await opened.blobs.find(MARK) is None:
            await opened.blobs.put(MARK, (await opened.store.library()).encode())
    except BaseException:  # whatever it is: each try would leave connections behind
        await opened.database.close()
        raise
    return opened


def _opened(place: LibraryLocation) -> OpenLibrary:
    from voices.storage.blobs import open_blobs
    from voices.storage.database import Database, database_url

    try:
        for folder in {place.folder, place.file.parent if place.file else place.folder}:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if place.file:
            # There are names and words of people in it. What SQLite puts beside it has the same mode.
            place.file.touch(mode=0o600)
    except OSError as exc:
        raise LibraryFailed("The folder of the library of voices cannot be used.") from exc
    url = database_url(place.database, place.folder)
    try:
        Database.migrate(url)
    except ImportError as exc:
        raise LibraryFailed(
            "The driver of the database of voices is missing; in the clone: "
            ".venv/bin/python -m pip install -e '.[postgresql]'"
        ) from exc
    return OpenLibrary(Database(url), open_blobs(place.audio, place.folder))
