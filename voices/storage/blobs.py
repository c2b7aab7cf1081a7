"""The store of recordings: a folder, or a bucket of S3, through obstore.

What is written appears whole or not at all. A blob is written before the row that names it, and deleted after
it: what a crash leaves behind is a blob that nobody names, and `sweep` finds those.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from voices.errors import LibraryFailed

PRIVATE = 0o700
"""the mode of folders"""
UNFINISHED = re.compile(r"^(original|prepared\.wav|avatar|recording|library|.*\.safetensors)#\d+$")
OUR_FOLDERS = (("profiles",), ("consents",), ("prompts",))
TRIES = 5
"""of writing a file, whose folder may go at that moment"""
PARTS_AT_ONCE = 2
"""of a file, each of 5 MB, that are on their way to a bucket"""
CHUNK_BYTES = 1_048_576
RETRIES = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
"""of a store that does not answer well; left alone, a request would hang for three minutes"""


class BlobsFailed(LibraryFailed):
    """The store of recordings does not answer, or has lost one."""


def open_blobs(setting: str, folder: Path) -> Blobs:
    """Open the store that the settings mean: a folder, or a URL such as s3://bucket/prefix; empty is in
    `folder`.

    How S3 is reached, the environment says: AWS_ENDPOINT, AWS_ACCESS_KEY_ID and so on. Raises BlobsFailed.
    """
    try:
        if "://" in setting and not setting.startswith("file://"):
            return Blobs(from_url(setting, retry_config=RETRIES))  # type: ignore[call-overload]
        path = Path(setting.removeprefix("file://")).expanduser() if setting else folder / "voices"
        path.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        return Blobs(LocalStore(path, automatic_cleanup=True), path)
    except (BaseError, OSError, ValueError) as exc:
        raise BlobsFailed("The store of recordings cannot be opened.") from exc


class Blobs:
    """The store of recordings: bytes by key."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    async def put(self, key: str, data: bytes | IO[bytes]) -> None:
        """Write a blob, from its bytes or from a file, which is never held whole. Raises BlobsFailed."""
        for left in reversed(range(TRIES if self._folder else 1)):
            try:
                if not isinstance(data, bytes):
                    data.seek(0)
                await obstore.put_async(self._store, key, data, max_concurrency=PARTS_AT_ONCE)
                break
            except (BaseError, OSError) as exc:
                if not left:
                    raise BlobsFailed("A recording could not be kept.") from exc

    async def get(self, key: str) -> bytes:
        """Return a blob. Raises BlobsFailed."""
        found = await self.find(key)
        if found is None:
            raise BlobsFailed("A recording of this voice is missing from the store.")
        return found

    async def find(self, key: str) -> bytes | None:
        """Return a blob; None where there is none. Raises BlobsFailed."""
        try:
            answer = await obstore.get_async(self._store, key)
            return bytes(await answer.bytes_async())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as exc:
            raise BlobsFailed("A recording could not be read.") from exc

    async def chunks(self, key: str) -> AsyncGenerator[bytes, None]:
        """Yield a blob in pieces of about a megabyte. Raises BlobsFailed."""
        try:
            answer = await obstore.get_async(self._store, key)
            async for chunk in answer.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)
        except FileNotFoundError as exc:
            raise BlobsFailed("A recording of this voice is missing from the store.") from exc
        except (BaseError, OSError) as exc:
            raise BlobsFailed("A recording could not be read.") from exc

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete blobs; those that do not exist are ignored. Raises BlobsFailed."""
        for key in keys:
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue
            except (BaseError, OSError) as exc:
                raise BlobsFailed("A recording could not be deleted.") from exc

    async def keys(self, prefix: str, *, older: float = 0.0) -> list[str]:
        """Return the keys under a prefix that are older than so many seconds. Raises BlobsFailed."""
        until = datetime.now(UTC) - timedelta(seconds=older)
        try:
            batches = obstore.list(self._store, prefix)
            return [
                one["path"]
                async for batch in batches
                for one in batch
                if not older or one["last_modified"] <= until
            ]
        except (BaseError, OSError) as exc:
            raise BlobsFailed("The recordings could not be listed.") from exc

    async def delete_unfinished(self, *, older: float) -> list[str]:
        """Delete what a killed process was writing, which LocalStore names `key#number` and lists nowhere.
        Raises BlobsFailed.
        """
        return await asyncio.to_thread(_unfinished, self._folder, older) if self._folder else []


def _unfinished(folder: Path, older: float) -> list[str]:
    """Delete old files that were being written, and old folders of ours with nothing in them, and return the
    files.
    """
    until, gone = time.time() - older, []
    try:
        for place, _, names in os.walk(folder, topdown=False):  # which does not mind what goes meanwhile
            parent = Path(place)
            with suppress(FileNotFoundError):
                changed = parent.stat().st_mtime
                for path in (parent / name for name in names if UNFINISHED.search(name)):
                    if path.stat().st_mtime <= until:
                        path.unlink()
                        gone.append(path.relative_to(folder).as_posix())
                if (
                    changed <= until
                    and parent.relative_to(folder).parts[:1] in OUR_FOLDERS
                    and not any(parent.iterdir())
                ):
                    parent.rmdir()
    except OSError as exc:
        raise BlobsFailed("What was left half-written could not be deleted.") from exc
    return gone
