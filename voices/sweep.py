"""The sweep: recordings and prompts that nothing names any more, left behind by a crash, are deleted.

Only what is older than `SPARE_SECONDS` goes: a recording is there before the row that names it.
"""

from __future__ import annotations

from voices.library import Shelves

SPARE_SECONDS = 3600.0


async def sweep(shelves: Shelves, spare: float = SPARE_SECONDS) -> list[str]:
    """Delete what nothing names; give the keys. Raises StoreFailed or BlobsFailed."""
    there = [key for folder in ("profiles/", "consents/", "prompts/") for key in await shelves.blobs.list(folder, older=spare)]
    named = await shelves.store.blobs() if there else set()
    voices = await shelves.store.ids() if there else set()
    orphans = [key for key in there if key not in named and not (key.startswith("prompts/") and key.split("/")[1] in voices)]
    await shelves.blobs.delete(orphans)
    return orphans
