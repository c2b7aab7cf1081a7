"""Archives to test with: a good one, and ZIP files composed byte by byte, valid or not."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import pytest
from libraries import sample, voice
from msgspec.structs import replace

from engines.errors import BadInput
from voices.archive import MANIFEST, ArchiveWriter, Manifest, read
from voices.profile import Consent, Profile
from voices.pronunciation import Entry


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


LIMIT = 1_000_000
FIRST = b"first recording " * 99
SECOND = bytes(range(256)) * 9
PICTURE = b"\x89PNG\r\n\x1a\n"
AGREED = b"I agree."
BLOBS = {"samp_1/original": FIRST, "samp_2/original": SECOND, "picture": PICTURE, "consent/recording": AGREED}
CONSENT = Consent("cons_1", "Anna", "de-AT", "consent/recording", digest(AGREED))
FULL = voice(
    "Rübezahl", "one", languages=("de", "pl"), description="桃太郎 🎙", engines=("mimic",), model="mimic-xl", speed=1.25,
    instructions="Slowly.", pronunciations=(Entry("SQL", "sequel"), Entry("GIF", ipa="dʒɪf")), avatar="picture", consent="cons_1",
    samples=(replace(sample("samp_1", transcript="Hello.", transcribed_by="ear", trimmed=(0.5, None)), sha256=digest(FIRST)),
             replace(sample("samp_2"), sha256=digest(SECOND))),
)  # fmt: skip
CRC = 14
STORED = 0
DEFLATED = 8
ENCRYPTED = 0x01
PATCHED = 0x20


@dataclasses.dataclass
class Raw:
    """An entry of a ZIP file by its bytes, valid or not; where the two headers can differ, the second is the
    directory's.
    """

    name: str
    data: bytes
    method: int = STORED
    flags: int = 0
    crc: int | None = None
    packed: int | None = None
    size: int | None = None
    attributes: int = 0
    offset: int | None = None
    local_name: str | None = None

    def header(self, *, local: bool) -> bytes:
        """Return what both headers share: APPNOTE.TXT, 4.3.7 and 4.3.12."""
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        name = (self.local_name if local and self.local_name is not None else self.name).encode()
        packed = len(self.data) if self.packed is None else self.packed
        size = len(self.data) if self.size is None else self.size
        return struct.pack(
            "<HHHHHIIIHH", 20, self.flags | 0x800, self.method, 0, 33, crc, packed, size, len(name), 0
        )


def zipped(
    *entries: Raw, comment: bytes = b"", count: int | None = None, directory_size: int | None = None
) -> bytes:
    """Return a ZIP file of the entries."""
    body, directory = b"", b""
    for entry in entries:
        start = len(body) if entry.offset is None else entry.offset
        tail = struct.pack("<HHHII", 0, 0, 0, entry.attributes, start)
        directory += (
            b"PK\x01\x02" + struct.pack("<H", 0x0314) + entry.header(local=False) + tail + entry.name.encode()
        )
        local = entry.name if entry.local_name is None else entry.local_name
        body += b"PK\x03\x04" + entry.header(local=True) + local.encode() + entry.data
    number = len(entries) if count is None else count
    size = len(directory) if directory_size is None else directory_size
    return (
        body
        + directory
        + b"PK\x05\x06"
        + struct.pack("<HHHHIIH", 0, 0, number, number, size, len(body), len(comment))
        + comment
    )


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def zeros(gigabytes: int) -> bytes:
    """Deflate gigabytes of zeros without having them all: independent blocks can be repeated."""
    packer = zlib.compressobj(wbits=-15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (1024 * gigabytes) + packer.flush()


def manifest(**fields: Any) -> bytes:
    return msgspec.json.encode({"name": "Anna", "voice_type": "cloned", **fields})


def replaced(entry: Raw, **fields: Any) -> Raw:
    return dataclasses.replace(entry, **fields)


def with_manifest(data: bytes, *others: Raw, **options: Any) -> bytes:
    return zipped(Raw(MANIFEST, data), *others, **options)


def one_sample(entry: Raw, file: str = "samples/1", **options: Any) -> bytes:
    return with_manifest(manifest(samples=[{"file": file}]), entry, **options)


def written(profile: Profile = FULL, consent: Consent | None = CONSENT) -> bytes:
    return packed(profile, BLOBS, consent)


def packed(profile: Profile, blobs: Mapping[str, bytes], consent: Consent | None) -> bytes:
    """Return the archive of a voice whose recordings and picture are `blobs`, by their keys."""
    file = io.BytesIO()
    writer = ArchiveWriter(file, profile, consent)
    for name, key in writer.files.items():
        with writer.entry(name) as entry:
            entry.write(blobs[key])
    writer.close()
    return file.getvalue()


class Unpacked(NamedTuple):
    """What was in an archive."""

    manifest: Manifest
    files: dict[str, bytes]


def unpacked(data: bytes, limit: int = LIMIT) -> Unpacked:
    """Read an archive, and all that it holds."""
    found = read(io.BytesIO(data), limit)
    try:
        return Unpacked(found.manifest, {name: file.read() for name, file in found.files.items()})
    finally:
        found.close()


def refused(data: bytes, limit: int = LIMIT) -> str:
    """Check that an archive is refused, and return the reason."""
    with pytest.raises(BadInput, match=r"^The archive cannot be imported: ") as caught:
        read(io.BytesIO(data), limit)
    assert (caught.value.param, caught.value.code) == ("file", "bad_archive")
    assert len(caught.value.message) < 500
    return caught.value.message


def refused_or_right(data: bytes) -> Unpacked | None:
    """Check that an archive is refused, or read as its manifest says."""
    try:
        found = unpacked(data)
    except BadInput as exc:
        assert exc.code == "bad_archive"
        return None
    sums = {one.file: one.sha256 for one in (*found.manifest.samples, found.manifest.consent) if one}
    assert set(found.files) == {*sums, found.manifest.avatar} - {""}
    assert all(sum in ("", digest(found.files[name])) for name, sum in sums.items())
    return found


def peak(work: Callable[[], object]) -> int:
    """Return the bytes that a function allocates at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
