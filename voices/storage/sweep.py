"""The sweep, which deletes recordings and prompts that nothing names: a crash leaves them behind.

Only what has the form of our own keys goes, and only where the store of recordings bears the mark of this
database: to another database, an empty one even, everything there would look left behind. And only what is
older than `SPARE_SECONDS`: a recording is there before the row that names it.
"""

from __future__ import annotations

import re
from typing import Protocol

from voices.storage import MARK
from voices.storage.blobs import Blobs, BlobsFailed
from voices.storage.database import Database
from voices.storage.store import Store

SPARE_SECONDS = 3600.0
"""age below which nothing is deleted"""
ID = "[0-9a-f]{24}"
OUR_KEYS = re.compile(
    rf"profiles/voice_{ID}/{ID}/(original|prepared\.wav|avatar)|consents/cons_{ID}/recording|prompts/voice_{ID}/[^/]+/[^/]+"
)


class Storage(Protocol):
    """The parts of an open library that are swept."""

    database: Database
    blobs: Blobs
    store: Store


class NotOurs(BlobsFailed):
    """The store of recordings belongs to another database."""


async def sweep(opened: Storage, spare: float = SPARE_SECONDS) -> list[str]:
    """Delete what nothing names, and return the keys. Raises NotOurs, StoreFailed or BlobsFailed."""
    if await opened.blobs.find(MARK) != (await opened.store.library()).encode():
        raise NotOurs(
            "The recordings belong to another database of voices; nothing was deleted. "
            f"If they are this one's, delete `{MARK}` beside them and start again."
        )
    folders = ("profiles/", "consents/", "prompts/")
    there = [
        key
        for folder in folders
        for key in await opened.blobs.keys(folder, older=spare)
        if OUR_KEYS.fullmatch(key)
    ]
    named = await opened.store.blobs() if there else set()
    voices = await opened.store.ids() if there else set()
    orphans = [
        key
        for key in there
        if key not in named and not (key.startswith("prompts/") and key.split("/")[1] in voices)
    ]
    await opened.blobs.delete(orphans)
    await opened.database.forget()
    return orphans + await opened.blobs.delete_unfinished(older=spare)
