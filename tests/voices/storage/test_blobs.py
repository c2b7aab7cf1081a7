"""Tests of the store of recordings, in a folder and in a bucket: objects are whole, and errors are reported."""

from __future__ import annotations

import asyncio
import os
import stat
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import libraries
import pytest
from libraries import awaited, empty, files
from stores import Bucket

from voices.errors import LibraryFailed
from voices.storage import blobs
from voices.storage.blobs import Blobs, BlobsFailed, open_blobs

audio = libraries.audio
KEYS = [
    "profiles/voice_1/a/original",
    "profiles/voice_1/b/original",
    "profiles/voice_10/a/original",
    "consents/cons_1/recording",
]


@pytest.fixture
def store(audio: str, tmp_path: Path) -> Blobs:
    return open_blobs(audio, tmp_path)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set the clock forward by some seconds."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Later:
            there = datetime.now(tz) + timedelta(seconds=seconds)
            return cls.fromtimestamp(there.timestamp(), tz)

    monkeypatch.setattr(blobs, "datetime", Later)


@awaited
async def test_put_and_get(store: Blobs) -> None:
    """Bytes of any number and kind are read as they were written, and can be replaced."""
    for data in (b"", b"\0", bytes(range(256)) * 8000):
        await store.put("profiles/voice_1/a/original", data)
        assert (
            await store.get("profiles/voice_1/a/original")
            == await store.find("profiles/voice_1/a/original")
            == data
        )


@awaited
async def test_missing_objects(store: Blobs) -> None:
    """A missing object is not found, is an error where it must exist, and can be deleted without error."""
    await store.put(KEYS[0], b"there")
    for key in ("profiles/voice_1/a/prepared.wav", "profiles/voice_1", "nothing"):
        assert await store.find(key) is None
        with pytest.raises(BlobsFailed, match="missing from the store"):
            await store.get(key)
    await store.delete([KEYS[1], KEYS[0], KEYS[0]])
    assert await store.find(KEYS[0]) is None
    await store.delete([])


@awaited
async def test_keys_under_a_prefix(store: Blobs) -> None:
    """Keys are listed by whole parts: the voice with id 1 is not that with id 10."""
    for key in KEYS:
        await store.put(key, b"x")
    assert sorted(await store.keys("")) == sorted(KEYS)
    assert sorted(await store.keys("profiles/")) == KEYS[:3]
    assert sorted(await store.keys("profiles/voice_1/")) == KEYS[:2]
    assert await store.keys("prompts/") == []
    await store.delete(KEYS[1:])
    assert await store.keys("") == KEYS[:1]


@awaited
async def test_recent_objects_can_be_left_out(store: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects written less than so many seconds ago can be left out of the list."""
    await store.put(KEYS[0], b"x")
    assert await store.keys("", older=60) == []
    later(monkeypatch, 30)
    assert await store.keys("", older=60) == []
    later(monkeypatch, 90)
    assert await store.keys("", older=60) == KEYS[:1]


@awaited
async def test_many_at_once(store: Blobs) -> None:
    """A read during writes and deletions returns a whole recording, or none."""
    whole = [bytes([number]) * 100_000 for number in range(4)]

    async def write(data: bytes) -> None:
        for _ in range(10):
            await store.put(KEYS[0], data)

    async def read() -> None:
        for _ in range(20):
            assert await store.find(KEYS[0]) in [*whole, None]

    async def unmake() -> None:
        for _ in range(10):
            await store.delete([KEYS[0]])

    await asyncio.gather(*map(write, whole), read(), read(), unmake())


# A folder...


@awaited
async def test_no_empty_folder_stays(tmp_path: Path) -> None:
    """The last recording's folder is deleted with it, unless it is the root or has other files."""
    store, folder = open_blobs("", tmp_path), tmp_path / "voices"
    for key in KEYS:
        await store.put(key, b"x")
    await store.delete(KEYS[:1])
    assert [path.name for path in sorted(folder.glob("*/*"))] == ["cons_1", "voice_1", "voice_10"]
    await store.delete(KEYS[1:])
    assert empty(tmp_path) == [folder]
    await store.put(KEYS[0], b"x")


@awaited
async def test_folders_come_and_go_at_once(tmp_path: Path) -> None:
    """A recording can be put into a folder that is being deleted; listing and tidying meanwhile are no errors
    either.
    """
    store = open_blobs("", tmp_path)

    async def come_and_go() -> None:
        for _ in range(400):
            await store.put(KEYS[0], b"x")
            await store.delete(KEYS[:1])

    async def look() -> None:
        for _ in range(400):
            assert await store.keys("profiles/") in ([], KEYS[:1])
            assert await store.delete_unfinished(older=60) == []

    await asyncio.gather(come_and_go(), come_and_go(), come_and_go(), come_and_go(), look())
    assert list((tmp_path / "voices").iterdir()) == []


def test_the_folder_is_private(tmp_path: Path) -> None:
    """The folder is readable by its owner alone; a setting may name another, also as a URL, and with ~."""
    for setting, path in (("", "voices"), (str(tmp_path / "a/b"), "a/b"), (f"file://{tmp_path}/c", "c")):
        open_blobs(setting, tmp_path)
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == 0o700


def test_tilde_is_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """~ is the home of whoever runs the server."""
    monkeypatch.setenv("HOME", str(tmp_path))
    open_blobs("~/own", tmp_path / "data")
    assert (tmp_path / "own").is_dir()


def test_folders_that_cannot_be_created(tmp_path: Path) -> None:
    """Where a file is in the way, or no folder can be created, opening the store fails with the reason."""
    (tmp_path / "voices").write_text("no folder")
    for setting in ("", f"file://{tmp_path}/voices/deeper", "/proc/voices"):
        with pytest.raises(BlobsFailed, match="store of recordings cannot be opened") as caught:
            open_blobs(setting, tmp_path)
        assert isinstance(caught.value, LibraryFailed)


@awaited
async def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """A failed write, read or deletion is an error that says what failed, without the server's paths."""
    store, key = open_blobs("", tmp_path), "profiles/voice_1/a/original"
    (tmp_path / "voices/profiles").write_text("in the way, also of root")
    with pytest.raises(BlobsFailed, match=r"^A recording could not be kept\.$"):
        await store.put(key, b"x")
    with pytest.raises(BlobsFailed, match=r"^A recording could not be read\.$"):
        await store.find(key)
    (tmp_path / "voices/consents/cons_1").mkdir(parents=True)
    with pytest.raises(BlobsFailed, match=r"^A recording could not be deleted\.$"):
        await store.delete(["consents/cons_1"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
@awaited
async def test_a_folder_without_the_right_to_write(tmp_path: Path) -> None:
    """A folder of another account is such an error too."""
    store = open_blobs("", tmp_path)
    (tmp_path / "voices").chmod(0o500)
    with pytest.raises(BlobsFailed, match="could not be kept"):
        await store.put(KEYS[0], b"x")


@awaited
async def test_partial_files(tmp_path: Path) -> None:
    """Partial files of a killed process are not listed, and deleted once they are old; whole files and
    others' stay.
    """
    store, folder = open_blobs("", tmp_path), tmp_path / "voices/profiles/voice_1"
    names = ("a/original#1", "a/prepared.wav#22", "b/avatar#1", "p/x.safetensors#3")
    others = ("a/original", "a/notes#1", "a/original#one", "c#1/original")
    for name in (*names, *others):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert set(await store.keys("")).isdisjoint(f"profiles/voice_1/{name}" for name in names)
    assert await store.delete_unfinished(older=60) == []
    assert sorted(await store.delete_unfinished(older=0)) == [f"profiles/voice_1/{name}" for name in names]
    assert files(folder) == set(others)
    assert not (folder / "b").exists()


@awaited
async def test_folders_left_empty(tmp_path: Path) -> None:
    """Empty folders of a killed process are deleted once they are old; others' stay."""
    store, folder = open_blobs("", tmp_path), tmp_path / "voices"
    for name in ("profiles/voice_1/a", "consents/cons_1", "theirs/empty", "profiles/voice_2"):
        (folder / name).mkdir(parents=True)
    await store.put("profiles/voice_2/a/original", b"x")
    await store.delete_unfinished(older=60)
    assert (folder / "profiles/voice_1/a").is_dir()
    for _ in range(3):  # one level at a time: a folder that lost a subfolder has just been changed
        await store.delete_unfinished(older=0)
    assert sorted(path.name for path in folder.iterdir()) == ["profiles", "theirs"]
    assert [path.name for path in (folder / "profiles").iterdir()] == ["voice_2"]
    assert (folder / "theirs/empty").is_dir()


# A bucket...


@awaited
async def test_a_missing_bucket(s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Writing to and listing a bucket that does not exist are errors."""
    s3_bucket.export(monkeypatch)
    store = open_blobs("s3://nobody-made-this", tmp_path)
    with pytest.raises(BlobsFailed, match=r"^A recording could not be kept\.$"):
        await store.put(KEYS[0], b"x")
    with pytest.raises(BlobsFailed, match=r"^The recordings could not be listed\.$"):
        await store.keys("")
    with pytest.raises(BlobsFailed, match="missing"):
        await store.get(KEYS[0])


@awaited
async def test_a_bucket_has_no_files(
    s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A bucket has no partial files, and no folder is searched for them."""
    s3_bucket.export(monkeypatch)
    (tmp_path / "original#1").write_bytes(b"x")
    assert await open_blobs(s3_bucket.url, tmp_path).delete_unfinished(older=0) == []
    assert files(tmp_path) == {"original#1"}


@awaited
async def test_two_prefixes_of_a_bucket(
    s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two libraries in one bucket do not see each other."""
    s3_bucket.export(monkeypatch)
    one, two = (open_blobs(f"{s3_bucket.url}/{prefix}", tmp_path) for prefix in ("one", "two"))
    await one.put(KEYS[0], b"one")
    assert await two.keys("") == []
    await two.delete([KEYS[0]])
    assert await one.get(KEYS[0]) == b"one"


@pytest.mark.parametrize("setting", ["s3://", "ftp://host/x", "nonsense://x", "http://"])
def test_unsupported_urls(setting: str, tmp_path: Path) -> None:
    """A URL of an unsupported kind is refused when it is opened."""
    with pytest.raises(BlobsFailed, match="cannot be opened"):
        open_blobs(setting, tmp_path)
