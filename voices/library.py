"""The library: the voices of one's own, their recordings, prompts, and what else a key keeps.

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

if TYPE_CHECKING:
    from voices.consents import Aliases, Consents, Dictionaries
    from voices.prompts import PromptCache
    from voices.storage.blobs import Blobs
    from voices.storage.database import Database
    from voices.storage.lookup import LookupResult
    from voices.storage.store import Store


HEAVY = 2
DOWN_SECONDS = 5.0
MARK = "library"
"""the blob that tells to which database the recordings belong"""


class LibraryLocation(msgspec.Struct, frozen=True):
    """Where a library lies: the URL of a database, that of a store of recordings, and the folder for what is
    empty of both.
    """

    folder: Path
    database: str = ""
    audio: str = ""

    @property
    def file(self) -> Path | None:
        """Where SQLite keeps the database; None where it is kept elsewhere."""
        if not self.database:
            return self.folder / "voices.db"
        kind, _, path = self.database.partition(":///")
        return Path(path) if path and kind.startswith("sqlite") else None


class FoundProfile(msgspec.Struct, frozen=True):
    """What a voice's name led to: a voice of one's own, or the name that is to be looked for among the
    engines' voices.
    """

    voice: str
    profile: Profile | None = None
    words: tuple[Entry, ...] = ()
    """how the viewer wants words said"""


class OpenLibrary:
    """What is in an open library."""

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
    """See the module. `threads` bounds how many recordings are worked on at once."""

    def __init__(self, place: LibraryLocation, threads: anyio.CapacityLimiter) -> None:
        self.place = place
        self.threads = threads
        self.heavy = anyio.CapacityLimiter(HEAVY)
        """for work that holds whole archives in memory"""
        self._library: OpenLibrary | None = None
        self._opening = asyncio.Lock()
        self._alone: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._down_until = 0.0

    async def is_empty(self) -> bool:
        """Tell whether nothing was ever put in."""
        file = self.place.file
        return self._library is None and file is not None and not await asyncio.to_thread(file.exists)

    async def open(self) -> OpenLibrary:
        """Open it, or make it. Raises StoreFailed or BlobsFailed."""
        if self._library is None:
            async with self._opening:
                if self._library is None:
                    self._library = await _marked(await asyncio.to_thread(_opened, self.place))
        return self._library

    async def close(self) -> None:
        """Let go of all connections."""
        if self._library:
            await self._library.database.close()

    def alone(self, name: str) -> asyncio.Lock:
        """Give the lock that lets one at a time do something of a name."""
        return self._alone.setdefault(name, asyncio.Lock())

    async def find(
        self,
        voice: str,
        caller: str,
        aliases: Mapping[str, str] | None = None,
        known: Callable[[str], bool] = lambda _: False,
    ) -> FoundProfile:
        """Look a voice's name up: among voices of one's own, then among aliases, of which `aliases` are the
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
        target = matching.alias(
            voice, aliases or {}
        )  # the resolver knows these too, but no voices of one's own
        return FoundProfile(
            voice, (await opened.look_up(target, caller)).profile if target else None, looked.words
        )

    async def visible(self, caller: str) -> list[Profile]:
        """Give the voices that a key may use, oldest first."""
        return [] if await self.is_empty() else await (await self.open()).store.visible(caller)


def _is_anothers(profile: Profile, voice: str, caller: str) -> bool:
    """Tell whether a voice was found by its bare name, which another key gave it."""
    by_name = profile.id != voice and not voice.casefold().startswith("profile:")
    return by_name and profile.owner not in (NOBODY, caller)


async def _marked(opened: OpenLibrary) -> OpenLibrary:
    """Put the mark of the database on the store of recordings, where there is none."""
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
        place.file.touch(
            mode=0o600
        )  # there are names and words of people in it; what SQLite puts beside it is alike
    url = database_url(place.database, place.folder)
    try:
        Database.migrate(url)
    except ImportError as exc:
        raise LibraryFailed(
            "The driver of the database of voices is missing: pip install 'voicebox-gateway[postgresql]'"
        ) from exc
    return OpenLibrary(Database(url), open_blobs(place.audio, place.folder))
