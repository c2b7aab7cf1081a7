"""Tests that the sweep deletes what nothing names, and nothing else."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from libraries import audio, awaited, clip, open_library, voice  # noqa: F401 - audio is a fixture

from engines.errors import BadInput, Forbidden
from streaming.audio.decoding_threads import DecodingThreads
from voices.authoring import VoiceService
from voices.library import LibraryLocation
from voices.limits import VoiceLimits
from voices.samples.samples import Upload
from voices.storage import MARK
from voices.storage.sweep import NotOurs, sweep

PNG = b"\x89PNG\r\n\x1a\n picture"
ORPHAN = "profiles/voice_0123456789abcdef01234567/0123456789abcdef01234567/original"


@awaited
async def test_only_what_nothing_names_goes(tmp_path: Path, audio: str) -> None:  # noqa: F811
    """Existing voices' recordings and prompts stay, and so do files of unknown kinds."""
    async with open_library(LibraryLocation(tmp_path, audio=audio)) as opened:
        kept = await VoiceService(opened, VoiceLimits(), _threads()).create(voice("Anna"), (Upload(clip()),))
        foreign = "profiles/mine/thesis.txt"
        prompt = f"prompts/{kept.id}/mimic/aa.safetensors"
        for key in (ORPHAN, foreign, prompt, "prompts/voice_0123456789abcdef01234567/mimic/aa.safetensors"):
            await opened.blobs.put(key, b"bytes")

        assert await sweep(opened, spare=3600) == []
        gone = await sweep(opened, spare=0)
        left = set(await opened.blobs.keys(""))

    assert set(gone) == {ORPHAN, "prompts/voice_0123456789abcdef01234567/mimic/aa.safetensors"}
    assert left == {*kept.blobs(), foreign, prompt, MARK}


@awaited
async def test_another_databases_recordings_are_left_alone(tmp_path: Path) -> None:
    """Where the settings wrongly give two databases one folder of recordings, the second deletes nothing of
    the first's.
    """
    recordings = str(tmp_path / "recordings")
    async with open_library(LibraryLocation(tmp_path / "one", audio=recordings)) as opened:
        await VoiceService(opened, VoiceLimits(), _threads()).create(voice("Anna"), (Upload(clip()),))
        before = await opened.blobs.keys("")
    async with open_library(LibraryLocation(tmp_path / "other", audio=recordings)) as opened:
        with pytest.raises(NotOurs):
            await sweep(opened, spare=0)
        assert await opened.blobs.keys("") == before


@awaited
async def test_partial_files_are_deleted(tmp_path: Path) -> None:
    """A partial file of a killed process is not listed, and is deleted all the same."""
    async with open_library(LibraryLocation(tmp_path)) as opened:
        half = tmp_path / "voices" / f"{ORPHAN}#1"
        half.parent.mkdir(parents=True)
        half.write_bytes(b"half a rec")

        assert await sweep(opened, spare=3600) == []
        assert await sweep(opened, spare=0) == [f"{ORPHAN}#1"]
        assert not half.exists()


@awaited
async def test_a_refused_change_deletes_nothing(tmp_path: Path) -> None:
    """A picture that is refused deletes no picture, even an identical one."""
    async with open_library(LibraryLocation(tmp_path)) as opened:
        voices = VoiceService(opened, VoiceLimits(), _threads())
        kept = await voices.create(voice("Anna", "alice", shared=True))
        kept = await voices.avatar(kept.id, PNG, "alice")

        with pytest.raises(Forbidden):
            await voices.avatar(kept.id, PNG, "bob")

        assert await opened.blobs.get(kept.avatar) == PNG


@awaited
async def test_simultaneous_cuts_of_a_sample(tmp_path: Path) -> None:
    """Of two simultaneous cuts of a recording the second is refused; the first's recording stays."""
    async with open_library(LibraryLocation(tmp_path)) as opened:
        voices = VoiceService(opened, VoiceLimits(), _threads())
        kept = await voices.create(
            voice("Anna"), (Upload(clip("One two three four five six seven eight nine ten.")),)
        )
        after, _ = await voices.samples.cut(kept, kept.samples[0], 0.0, 2.0, "")

        with pytest.raises(BadInput, match="meantime"):
            await voices.samples.cut(kept, kept.samples[0], 0.5, 2.5, "")

        assert set(await opened.blobs.keys("profiles/")) == after.blobs()


@awaited
async def test_a_creation_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Where the last of several recordings is invalid, or the name is in use, no recording is left."""
    async with open_library(LibraryLocation(tmp_path)) as opened:
        voices = VoiceService(opened, VoiceLimits(voices_per_caller=1), _threads())
        for uploads in ((Upload(clip()), Upload(b"no audio")), (Upload(clip()), Upload(b""))):
            with pytest.raises(BadInput):
                await voices.create(voice("Anna"), uploads)
        kept = await voices.create(voice("Anna", "alice"), (Upload(clip()),))
        with pytest.raises(BadInput, match="1 voices"):
            await voices.create(voice("Another", "alice"), (Upload(clip()),))
        with pytest.raises(BadInput, match="already"):
            await VoiceService(opened, VoiceLimits(), _threads()).create(
                voice("ANNA", "alice"), (Upload(clip()),)
            )

        assert set(await opened.blobs.keys("profiles/")) == kept.blobs()


def _threads() -> DecodingThreads:
    return DecodingThreads(anyio.CapacityLimiter(1))
