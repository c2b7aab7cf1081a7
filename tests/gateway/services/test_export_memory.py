"""Tests that an export holds pieces of its recordings only."""

from __future__ import annotations

import asyncio
import tracemalloc
import zipfile
from pathlib import Path

from libraries import awaited, open_library, sample, voice

from gateway.services.voice_archives import export_voice
from voices.library import LibraryLocation

MEGABYTE = 1 << 20
SIZE = 48 * MEGABYTE
"""bytes of each recording"""


@awaited
async def test_exports_are_written_piece_by_piece(tmp_path: Path) -> None:
    """An archive of a hundred megabytes is made of pieces of about one."""
    samples = sample("samp_1"), sample("samp_2")
    profile = voice("Anna", samples=samples)
    async with open_library(LibraryLocation(tmp_path)) as opened:
        for one in samples:
            await opened.blobs.put(one.original, bytes(SIZE))
        tracemalloc.start()
        try:
            file = await export_voice(opened, profile, profile.owner)
            assert tracemalloc.get_traced_memory()[1] < SIZE / 4
        finally:
            tracemalloc.stop()

    def sizes() -> dict[str, int]:
        with file, zipfile.ZipFile(file) as archive:
            assert archive.testzip() is None
            return {entry.filename: entry.file_size for entry in archive.infolist()}

    found = await asyncio.to_thread(sizes)
    assert [found["samples/1"], found["samples/2"]] == [SIZE, SIZE]
