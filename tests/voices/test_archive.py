"""Tests of archives: what is written is read again, whatever else a ZIP file contains."""

from __future__ import annotations

import zlib

import pytest
from archives import (
    AGREED,
    DEFLATED,
    FIRST,
    FULL,
    LIMIT,
    PICTURE,
    SECOND,
    Raw,
    Unpacked,
    deflated,
    digest,
    manifest,
    one_sample,
    packed,
    peak,
    refused,
    replaced,
    unpacked,
    with_manifest,
    written,
)  # fmt: skip
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import sample, voice
from msgspec.structs import replace

from voices.archive import MANIFEST, ArchivedConsent, ArchivedSample, Manifest
from voices.profile import Profile
from voices.pronunciation import Entry

PACKED = Raw("samples/1", deflated(FIRST), DEFLATED, crc=zlib.crc32(FIRST), size=len(FIRST))
NAMES = ["../../x", "/etc/x", "C:\\x", "\\\\host\\x", "samples/../../x", "samples//1", "samples/1\0x", "samples/12345", "con", "",
         "samples", "samples/1/", "SAMPLES/1", "samples/１", "avatar2", " avatar", "x" * 41]  # fmt: skip


# Writing and reading...


def test_write_and_read() -> None:
    """An archive has all of a voice: its fields, its original recordings, its picture and the consent."""
    found = unpacked(written(), LIMIT)

    assert found.files == {"samples/1": FIRST, "samples/2": SECOND, "avatar": PICTURE, "consent": AGREED}
    first, second = found.manifest.samples
    assert first == ArchivedSample("samples/1", digest(FIRST), "Hello.", "ear", (0.5, None))
    assert second == ArchivedSample("samples/2", digest(SECOND))
    assert found.manifest.consent == ArchivedConsent("consent", "Anna", "de-AT", digest(AGREED))
    assert found.manifest.avatar == "avatar"
    for name in set(Manifest.__struct_fields__) - {"version", "samples", "consent", "avatar"}:
        assert getattr(found.manifest, name) == getattr(FULL, name), name


def test_private_fields_are_left_out() -> None:
    """A voice's owner, its sharing, and its ids are not in its archive."""
    data = written(replace(FULL, owner="a secret key", shared=True))
    for secret in (FULL.id, "a secret key", "shared", "cons_1", "samp_1"):
        assert secret.encode() not in data


def test_a_voice_without_recordings() -> None:
    """A voice without recordings has an archive too."""
    bare = voice("Bare", voice_type="preset", preset_engine="mimic", preset_voice="low(2)+high")
    assert unpacked(written(bare, None), 0) == Unpacked(
        Manifest(name="Bare", voice_type="preset", preset_engine="mimic", preset_voice="low(2)+high"), {}
    )


def test_designed_samples_are_marked() -> None:
    """A sample that an engine spoke is still marked as such after reading."""
    found = unpacked(written(replace(FULL, voice_type="designed", design_prompt="warm", designed_by="mimic")))
    assert [one.designed for one in found.manifest.samples] == [True, True]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
PROFILES = st.builds(
    Profile, id=st.just("voice_1"), name=TEXT, voice_type=st.sampled_from(["preset", "cloned", "designed"]), languages=st.tuples(TEXT),
    description=TEXT, engines=st.lists(TEXT, max_size=3).map(tuple), preset_engine=TEXT, preset_voice=TEXT, design_prompt=TEXT,
    design_script=TEXT, designed_by=TEXT, model=TEXT, speed=st.none() | st.floats(0.25, 4), instructions=TEXT,
    pronunciations=st.lists(st.builds(Entry, TEXT, TEXT, TEXT), max_size=2).map(tuple),
)  # fmt: skip


@given(PROFILES, st.lists(st.tuples(st.binary(max_size=3000), TEXT), max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_voice_comes_back(profile: Profile, recordings: list[tuple[bytes, str]]) -> None:
    """A voice of any fields and recordings is the same after writing and reading."""
    blobs = {f"samp_{number}/original": data for number, (data, _) in enumerate(recordings)}
    samples = [
        replace(sample(f"samp_{number}", transcript=text), sha256=digest(data))
        for number, (data, text) in enumerate(recordings)
    ]
    data = packed(replace(profile, samples=tuple(samples)), blobs, None)
    found = unpacked(data, sum(map(len, blobs.values())))
    assert list(found.files.values()) == list(blobs.values())
    assert [one.transcript for one in found.manifest.samples] == [text for _, text in recordings]
    for name in set(Manifest.__struct_fields__) - {"version", "samples", "consent", "avatar"}:
        assert getattr(found.manifest, name) == getattr(profile, name), name


def test_archives_of_others() -> None:
    """A ZIP file may be compressed, and have a comment, more entries, more fields, and bytes before it."""
    data = with_manifest(
        manifest(samples=[{"file": "samples/1"}], color="red"),
        PACKED,
        Raw("README", b"Hello"),
        comment=b"c" * 65_535,
    )
    for prefix in (b"", b"#!/bin/sh\n"):
        assert unpacked(prefix + data, len(FIRST)).files == {"samples/1": FIRST}


def test_limit() -> None:
    """All entries together may have as many bytes, unpacked, as the limit, and not one more."""
    total = sum(map(len, (FIRST, SECOND, PICTURE, AGREED)))
    assert len(unpacked(written(), total).files) == 4
    assert "larger than is taken" in refused(written(), total - 1)


@pytest.mark.parametrize("written_size", [len(FIRST) + 1, 2**31, 0xFFFFFFFE])
def test_wrong_sizes_are_ignored(written_size: int) -> None:
    """An entry whose header has a larger size is read with its real bytes."""
    data = one_sample(replaced(PACKED, size=written_size))
    assert peak(lambda: unpacked(data, LIMIT)) < LIMIT
    assert unpacked(data, LIMIT).files == {"samples/1": FIRST}


# Names...


@pytest.mark.parametrize("name", NAMES)
def test_entries_of_any_name(name: str) -> None:
    """Entries of other names are ignored. Only a manifest that refers to such a name is refused."""
    assert unpacked(with_manifest(manifest(), Raw(name, FIRST)), LIMIT).files == {}
    for field in (
        {"samples": [{"file": name}]},
        {"consent": {"file": name, "name": "A", "language": "en"}},
        {"avatar": name},
    ):
        if name or "avatar" not in field:
            assert MANIFEST in refused(with_manifest(manifest(**field), Raw(name, FIRST)))


def test_a_link_is_no_link() -> None:
    """An entry marked as a symbolic link, a folder or a device is read as bytes."""
    for kind in (0o120777, 0o040755, 0o020666):
        found = unpacked(one_sample(Raw("samples/1", b"/etc/passwd", attributes=kind << 16)), LIMIT)
        assert found.files == {"samples/1": b"/etc/passwd"}


def test_an_archive_in_an_archive() -> None:
    """A recording that is a ZIP file is read as bytes."""
    inner = written()
    assert unpacked(one_sample(Raw("samples/1", inner)), LIMIT).files == {"samples/1": inner}
