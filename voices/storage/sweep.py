"""The sweep: recordings and prompts that nothing names any more, left behind by a crash, are deleted.

Only what has the form of our own keys goes, and only where the store of recordings bears the mark of this
database: to another database, an empty one even, everything there would look left behind. And only what is
older than `SPARE_SECONDS`: a recording is there before the row that names it.
"""

from __future__ import annotations

import re

from voices.library import MARK, OpenLibrary
from voices.storage.blobs import BlobsFailed

SPARE_SECONDS = 3600.0
ID = "[0-9a-f]{24}"
OURS = re.compile(
    rf"profiles/voice_{ID}/{ID}/(original|prepared\.wav|avatar)|consents/cons_{ID}/recording|prompts/voice_{ID}/[^/]+/[^/]+"
)


class NotOurs(BlobsFailed):
    """The store of recordings belongs to another database."""


async def sweep(opened: OpenLibrary, spare: float = SPARE_SECONDS) -> list[str]:
    """Delete what nothing names; give the keys. Raises NotOurs, StoreFailed or BlobsFailed."""
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
        if OURS.fullmatch(key)
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
