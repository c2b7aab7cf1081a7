"""Tests that any bytes as an archive are refused or read: nothing is written to disk, and memory is bounded."""

from __future__ import annotations

import functools
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from archives import (
    DEFLATED,
    ENCRYPTED,
    FIRST,
    LIMIT,
    PATCHED,
    Raw,
    deflated,
    manifest,
    one_sample,
    peak,
    refused,
    refused_or_right,
    replaced,
    with_manifest,
    written,
    zeros,
    zipped,
)  # fmt: skip
from hypothesis import given, settings
from hypothesis import strategies as st

from voices.archive import MANIFEST


@pytest.fixture(autouse=True)
def _nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in an empty folder, and check that neither it nor its parent is changed."""
    inner = tmp_path / "above" / "here"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    before = [(path, path.stat().st_mtime_ns) for path in (tmp_path, *tmp_path.rglob("*"))]
    yield
    assert [(path, path.stat().st_mtime_ns) for path in (tmp_path, *tmp_path.rglob("*"))] == before


# Invalid archives...

SAMPLE = Raw("samples/1", FIRST)
PACKED = Raw("samples/1", deflated(FIRST), DEFLATED, crc=zlib.crc32(FIRST), size=len(FIRST))
REFUSED = {
    "empty": (b"", "no ZIP file"),
    "no ZIP": (b"PK no ZIP file at all " * 99, "no ZIP file"),
    "empty ZIP": (zipped(), "no entry 'profile.json'"),
    "end alone": (b"PK\x05\x06", "no ZIP file"),
    "no manifest": (zipped(SAMPLE), "no entry 'profile.json'"),
    "two manifests": (zipped(Raw(MANIFEST, manifest()), Raw(MANIFEST, manifest())), "several entries 'profile.json'"),
    "no sample": (with_manifest(manifest(samples=[{"file": "samples/1"}])), "no entry 'samples/1'"),
    "two samples of a name": (with_manifest(manifest(samples=[{"file": "samples/1"}]), SAMPLE, SAMPLE), "several"),
    "another recording": (with_manifest(manifest(samples=[{"file": "samples/1", "sha256": "0" * 64}]), SAMPLE), "is not what"),
    "encrypted": (one_sample(replaced(SAMPLE, flags=ENCRYPTED)), "encrypted"),
    "strongly encrypted": (one_sample(replaced(SAMPLE, flags=0x41)), "encrypted"),
    "strongly encrypted, it says": (one_sample(replaced(SAMPLE, flags=0x40)), "no ZIP file"),
    "patched": (one_sample(replaced(SAMPLE, flags=PATCHED)), "no ZIP file"),
    "bzip2": (one_sample(replaced(SAMPLE, method=12)), "compressed in a way"),
    "lzma": (one_sample(replaced(SAMPLE, method=14)), "compressed in a way"),
    "unknown": (one_sample(replaced(SAMPLE, method=97)), "compressed in a way"),
    "not deflated": (one_sample(replaced(SAMPLE, method=DEFLATED)), "no ZIP file"),
    "wrong checksum": (one_sample(replaced(SAMPLE, crc=1)), "no ZIP file"),
    "shorter than it is": (one_sample(replaced(PACKED, size=1)), "no ZIP file"),
    "packed longer than the file": (one_sample(replaced(SAMPLE, packed=2**31, size=2**31)), "no ZIP file"),
    "other name inside": (one_sample(replaced(SAMPLE, local_name="samples/2")), "no ZIP file"),
    "one in the other": (one_sample(replaced(SAMPLE, offset=0)), "no ZIP file"),
    "beyond the end": (one_sample(replaced(SAMPLE, offset=2**31)), "no ZIP file"),
    "more entries than it has": (one_sample(SAMPLE, directory_size=2**16), "no ZIP file|far more"),
    "directory longer than the file": (one_sample(SAMPLE, directory_size=2**32 - 1), "far more"),
    "directory of nothing": (one_sample(SAMPLE, directory_size=0), "no entry"),
    "directory cut off": (one_sample(SAMPLE, directory_size=60), "no ZIP file"),
    "100,000 entries": (zipped(*(Raw(f"{number}", b"") for number in range(5000)), count=100_000 % 65_536), "far more"),
    "comment that is an end": (with_manifest(manifest(), comment=b"x" * 30 + b"PK\x05\x06"), "no ZIP file"),
    "ZIP64": (with_manifest(manifest())[:-22] + b"PK\x06\x07" + bytes(16) + with_manifest(manifest())[-22:], "far more"),
    "manifest too large": (with_manifest(manifest(description="x" * 1_000_000)), "larger than is taken"),
    "manifest that unpacks": (zipped(Raw(MANIFEST, zeros(1), DEFLATED, size=2**30)), "larger than is taken"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_invalid_archives(what: str) -> None:
    """An invalid archive is refused with its reason."""
    data, reason = REFUSED[what]
    message = refused(data)
    assert any(one in message for one in reason.split("|")), message


MANIFESTS = {
    "no JSON": b"name: Anna", "nothing": b"", "a list": b"[]", "null": b"null", "cut off": manifest()[:-1], "two": manifest() * 2,
    "no UTF-8": b'{"name": "\xff", "voice_type": "cloned"}', "half a character": b'{"name": "\\ud800", "voice_type": "cloned"}',
    "deep": b"[" * 100_000, "deep where nobody looks": b'{"x":' + b"[" * 100_000, "deep in a sample": manifest()[:-1] + b',"samples":' + b"[" * 900_000,
    "no name": b'{"voice_type": "cloned"}', "of no kind": manifest(voice_type="other"), "a number": manifest(name=1),
    "a later version": manifest(version=2), "too fast": manifest(speed=99), "not a number": manifest()[:-1] + b',"speed":NaN}',
    "no end to it": manifest()[:-1] + b',"speed":1e999}', "many languages": manifest(languages=["en"] * 51), "one language": manifest(languages="en"),
    "many samples": manifest(samples=[{"file": "samples/1"}] * 101), "long text": manifest(description="x" * 10_001),
    "odd trim": manifest(samples=[{"file": "samples/1", "trimmed": [1]}]), "odd word": manifest(pronunciations=[{"word": "a", "b": "c"}]),
}  # fmt: skip


@pytest.mark.parametrize("what", MANIFESTS)
def test_invalid_manifests(what: str) -> None:
    """An invalid manifest is refused."""
    refused(with_manifest(MANIFESTS[what]))


# Bombs...


@pytest.mark.parametrize("written_size", [2**30, 1000, 0xFFFFFFFE])
def test_a_gigabyte_of_zeros(written_size: int) -> None:
    """An entry of a gigabyte is unpacked up to the limit and no further, whatever size its header has."""
    bomb = one_sample(Raw("samples/1", zeros(1), DEFLATED, size=written_size))
    assert peak(lambda: refused(bomb)) < 2 * len(bomb) + 4 * LIMIT


def test_bombs_side_by_side() -> None:
    """A hundred recordings that are each within the limit exceed it together."""
    half = deflated(bytes(LIMIT // 2))
    names = [f"samples/{number}" for number in range(100)]
    entries = [
        Raw(name, half, DEFLATED, crc=zlib.crc32(bytes(LIMIT // 2)), size=LIMIT // 2) for name in names
    ]
    bomb = with_manifest(manifest(samples=[{"file": name} for name in names]), *entries)
    assert peak(lambda: refused(bomb)) < 2 * len(bomb) + 4 * LIMIT


def test_one_bomb_under_many_names() -> None:
    """Entries that share their bytes, as in 42.zip's successors, are refused."""
    names = [f"samples/{number}" for number in range(100)]
    first = Raw(names[0], deflated(bytes(LIMIT)), DEFLATED, crc=zlib.crc32(bytes(LIMIT)), size=LIMIT)
    others = [
        Raw(name, b"", DEFLATED, crc=first.crc, packed=len(first.data), size=LIMIT, offset=0)
        for name in names[1:]
    ]
    bomb = zipped(first, *others, Raw(MANIFEST, manifest(samples=[{"file": name} for name in names])))
    assert peak(lambda: refused(bomb)) < 2 * len(bomb) + 4 * LIMIT


def test_a_hundred_thousand_entries() -> None:
    """So many entries are refused before they are read."""
    entry = Raw("x", b"")
    directory = b"PK\x01\x02" + struct.pack("<H", 0x0314) + entry.header(local=False) + bytes(14) + b"x"
    data = (
        directory * 100_000
        + b"PK\x05\x06"
        + struct.pack("<HHHHIIH", 0, 0, 65_535, 65_535, 100_000 * len(directory), 0, 0)
    )
    assert peak(lambda: refused(data)) < 2 * len(data)


def test_a_large_manifest_of_small_things() -> None:
    """A manifest of a megabyte needs twenty megabytes at most, whatever it contains."""
    for list_of in (b"[]", b"{}", b"null", b'"x"', b'{"file":"samples/1"}', b'{"word":"a"}'):
        for field in (b"samples", b"pronunciations", b"languages", b"elsewhere"):
            body = (
                manifest()[:-1]
                + b',"'
                + field
                + b'":['
                + b",".join([list_of] * (900_000 // (len(list_of) + 1)))
                + b"]}"
            )
            assert peak(functools.partial(refused_or_right, with_manifest(body))) < 25 * LIMIT


# Anything at all...


@given(st.binary(max_size=2000))
@settings(max_examples=150, deadline=None)
def test_any_bytes(data: bytes) -> None:
    """Arbitrary bytes are refused, also before a valid end, and after a valid beginning."""
    refused(data)
    refused(data + zipped())
    refused_or_right(written() + data)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_archives(data: st.DataObject) -> None:
    """An archive in which bits, bytes and pieces are changed is refused, or read as its manifest says."""
    broken = bytearray(data.draw(st.sampled_from([WHOLE, SMALL])))
    for _ in range(data.draw(st.integers(1, 6))):
        start, length = data.draw(st.integers(0, len(broken))), data.draw(st.integers(0, 40))
        piece = data.draw(
            st.binary(max_size=8) | st.integers(0, len(broken)).map(lambda at: bytes(broken[at : at + 46]))
        )
        broken[start : start + length] = piece
    refused_or_right(bytes(broken))


@given(st.integers(0), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_a_byte_of_the_headers(place: int, value: int) -> None:
    """An archive with any byte of the headers changed, where the sizes and offsets are, is refused or read as
    its manifest says.
    """
    at = HEADERS[place % len(HEADERS)]
    refused_or_right(SMALL[:at] + bytes([value]) + SMALL[at + 1 :])


def test_truncated_archives() -> None:
    """An archive that is truncated anywhere is refused."""
    for length in range(len(SMALL)):
        refused(SMALL[:length])


WHOLE = written()
SMALL = one_sample(PACKED)
HEADERS = [at for at in range(len(SMALL)) if not 30 + len(MANIFEST) <= at < SMALL.index(b"PK\x03\x04", 4)]
assert zipfile.is_zipfile(io.BytesIO(SMALL))
