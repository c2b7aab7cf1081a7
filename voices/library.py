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
from weakref import WeakValueDictionary

import anyio
import msgspec

from voices.errors import LibraryFailed
from voices.naming import matching
from voices.profile import NOBODY, Profile
from voices.pronunciation import Entry
from voices.storage import MARK

if TYPE_CHECKING:
    from voices.consents import Aliases, Consents, Dictionaries
    from voices.prompts import PromptCache
    from voices.storage.blobs import Blobs
    from voices.storage.database import Database
    from voices.storage.lookup import LookupResult
    from voices.storage.store import Store


ARCHIVES_AT_ONCE = 2
"""archives that are held in memory at the same time"""
DOWN_SECONDS = 5.0
"""in which a library that failed is not asked again: each try may take as long"""


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
        kind, _, path = self.database.partition(":///")
        return Path(path) if path and kind.startswith("sqlite") else None


class FoundProfile(msgspec.Struct, frozen=True):
    """The result of looking a voice's name up: a custom voice, or a name to look for among presets."""

    voice: str
    profile: Profile | None = None
    words: tuple[Entry, ...] = ()
    """how the caller wants words said"""


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
        self.look_up: Callable[[str, str], Awaitable[LookupResult]] = functools.partial(look_up, database)


class Library:
    """The library, open or not. `threads` bounds how many recordings are worked on at once."""

    def __init__(self, place: LibraryLocation, threads: anyio.CapacityLimiter) -> None:
        self.place = place
        self.threads = threads
        self.heavy = anyio.CapacityLimiter(ARCHIVES_AT_ONCE)
        """for work that holds whole archives in memory"""
        self._library: OpenLibrary | None = None
        self._opening = asyncio.Lock()
        self._alone: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._down_until = 0.0

    async def is_empty(self) -> bool:
        """Return whether nothing was ever stored."""
        file = self.place.file
        return self._library is None and file is not None and not await asyncio.to_thread(file.exists)

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
        aliases: Mapping[str, str] | None = None,
        known: Callable[[str], bool] = lambda _: False,
    ) -> FoundProfile:
        """Look a voice's name up: among custom voices, then among aliases, of which `aliases` are the
        settings'.

        A voice that another key shares cannot take a name that is `known` already. Raises LibraryFailed, and,
        once it did, for some seconds without trying again: each try may take as long.
        """
        if await self.is_empty():
            return FoundProfile(voice)
        if time.monotonic() < self._down_until:
            raise LibraryFailed("The library of voices is out of reach.")
        try:
            return await self._find(voice, caller, aliases, known)
        except LibraryFailed:
            self._down_until = time.monotonic() + DOWN_SECONDS
            raise

    async def _find(
        self, voice: str, caller: str, aliases: Mapping[str, str] | None, known: Callable[[str], bool]
    ) -> FoundProfile:
        opened = await self.open()
        looked = await opened.look_up(voice, caller)
        if looked.profile and not (_is_anothers(looked.profile, voice, caller) and known(voice)):
            return FoundProfile(voice, looked.profile, looked.words)
        if looked.alias:
            return FoundProfile(
                looked.alias, (await opened.look_up(looked.alias, caller)).profile, looked.words
            )
        target = matching.alias(voice, aliases or {})  # the resolver knows these too, but no custom voices
        return FoundProfile(
            voice, (await opened.look_up(target, caller)).profile if target else None, looked.words
        )

    async def visible(self, caller: str) -> list[Profile]:
        """Return the custom voices that a caller may use, oldest first."""
        return [] if await self.is_empty() else await (await self.open()).store.visible(caller)


def _is_anothers(profile: Profile, voice: str, caller: str) -> bool:
    """Return whether a voice was found by its bare name, and belongs to another caller."""
    by_name = profile.id != voice and not voice.casefold().startswith("profile:")
    return by_name and profile.owner not in (NOBODY, caller)


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

    for folder in {place.folder, place.file.parent if place.file else place.folder}:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if place.file:
        # There are names and words of people in it. What SQLite puts beside it has the same mode.
        place.file.touch(mode=0o600)
    url = database_url(place.database, place.folder)
    try:
        Database.migrate(url)
    except ImportError as exc:
        raise LibraryFailed(
            "The driver of the database of voices is missing: pip install 'voicebox-gateway[postgresql]'"
        ) from exc
    return OpenLibrary(Database(url), open_blobs(place.audio, place.folder))
