"""Archives of custom voices: ZIP files with `profile.json`, its samples as they came, its picture, and the
consent behind it.

Nothing in an archive is ever unpacked by its own name: the manifest says which entries there are, their names
have one form, and each is read into memory up to a limit.
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3
"""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, Annotated

import msgspec
from msgspec import Meta

from engines.errors import BadInput
from voices.profile import Consent, Profile, Sample, VoiceType
from voices.pronunciation import Entry

MANIFEST = "profile.json"
MANIFEST_BYTES = 1_000_000
"""the most that a manifest may have"""
ENTRY = re.compile(r"(samples/[0-9]{1,4}|avatar|consent)")
DIRECTORY_BYTES = 100_000
"""what the list of entries may take: a few hundred entries"""
END = b"PK\x05\x06"
"""what the end of central directory record begins with"""
END_SIZE = 22
"""bytes, without its comment"""
LONGEST_COMMENT = 65_535
ZIP64_LOCATOR = b"PK\x06\x07"
ZIP64_LOCATOR_SIZE = 20
CHUNK = 65_536
"""bytes that are unpacked at once"""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    struct.error,
    OverflowError,
)
"""what zipfile raises for bytes that it cannot read"""

File = Annotated[str, Meta(max_length=40)]
Text = Annotated[str, Meta(max_length=10_000)]


class ArchivedSample(msgspec.Struct, frozen=True):
    """A sample in an archive."""

    file: File
    sha256: str = ""
    transcript: Text = ""
    transcribed_by: Text = ""
    trimmed: tuple[float, float | None] | None = None
    designed: bool = False
    """an engine spoke it"""


class ArchivedConsent(msgspec.Struct, frozen=True):
    """A consent in an archive."""

    file: File
    name: Text
    language: Text
    sha256: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest of an archive, `profile.json`: the profile, and which entries there are."""

    version: Annotated[int, Meta(ge=1, le=1)] = 1
    name: Text
    voice_type: VoiceType
    languages: Annotated[tuple[Text, ...], Meta(max_length=50)] = ()
    description: Text = ""
    engines: Annotated[tuple[Text, ...], Meta(max_length=50)] = ()
    preset_engine: Text = ""
    preset_voice: Text = ""
    design_prompt: Text = ""
    design_script: Text = ""
    designed_by: Text = ""
    model: Text = ""
    speed: Annotated[float, Meta(ge=0.25, le=4.0)] | None = None
    instructions: Text = ""
    pronunciations: Annotated[tuple[Entry, ...], Meta(max_length=1000)] = ()
    samples: Annotated[tuple[ArchivedSample, ...], Meta(max_length=100)] = ()
    consent: ArchivedConsent | None = None
    avatar: File = ""


class Archive(msgspec.Struct, frozen=True):
    """The contents of an archive: the manifest, and the entries that it names."""

    manifest: Manifest
    files: Mapping[str, bytes]


def write(target: IO[bytes], profile: Profile, blobs: Mapping[str, bytes], consent: Consent | None) -> None:
    """Write the archive of a voice; `blobs` are its recordings and picture, by their keys in the store.

    Audio is not compressed again.
    """
    files = {f"samples/{number}": sample.original for number, sample in enumerate(profile.samples, 1)}
    samples = [_archived(name, sample, profile) for name, sample in zip(files, profile.samples, strict=True)]
    kept = ArchivedConsent("consent", consent.name, consent.language, consent.sha256) if consent else None
    if consent:
        files["consent"] = consent.recording
    if profile.avatar:
        files["avatar"] = profile.avatar
    same = {
        name: getattr(profile, name)
        for name in Manifest.__struct_fields__
        if name in Profile.__struct_fields__
    }
    manifest = Manifest(
        **(same | {"samples": tuple(samples), "consent": kept, "avatar": "avatar" if profile.avatar else ""})
    )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        for name, key in files.items():
            archive.writestr(name, blobs[key])


def read(source: IO[bytes], limit: int) -> Archive:
    """Read an archive that holds so many bytes at most, unpacked. Raises BadInput with the reason."""
    try:
        _check_directory(source)
        with zipfile.ZipFile(source) as archive:
            manifest = _manifest(archive)
            return Archive(manifest, _files(archive, manifest, limit))
    except FAULTS as exc:
        raise _bad("it is no ZIP file, or a damaged one") from exc


def _check_directory(source: IO[bytes]) -> None:
    """Look at how long the list of entries claims to be, before any of it is read. Raises BadInput."""
    size = source.seek(0, 2)
    start = source.seek(max(0, size - END_SIZE - LONGEST_COMMENT - ZIP64_LOCATOR_SIZE))
    tail = source.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) < at + END_SIZE:
        raise _bad("it is no ZIP file, or a damaged one")
    (directory,) = struct.unpack_from("<12xI", tail, at)
    if (
        directory > min(DIRECTORY_BYTES, start + at)
        or ZIP64_LOCATOR in tail[max(0, at - ZIP64_LOCATOR_SIZE) : at]
    ):
        raise _bad("it has far more entries than a voice needs")
    source.seek(0)


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        return msgspec.json.decode(_entry(archive, MANIFEST, MANIFEST_BYTES), type=Manifest)
    except msgspec.DecodeError as exc:
        raise _bad(f"its {MANIFEST} cannot be read: {exc}") from exc


def _files(archive: zipfile.ZipFile, manifest: Manifest, limit: int) -> dict[str, bytes]:
    wanted = {sample.file: sample.sha256 for sample in manifest.samples}
    if manifest.consent:
        wanted[manifest.consent.file] = manifest.consent.sha256
    if manifest.avatar:
        wanted[manifest.avatar] = ""
    files: dict[str, bytes] = {}
    for name, checksum in wanted.items():
        if not ENTRY.fullmatch(name):
            raise _bad(f"its {MANIFEST} names an entry '{name}'")
        files[name] = _entry(archive, name, limit)
        limit -= len(files[name])
        if checksum and hashlib.sha256(files[name]).hexdigest() != checksum:
            raise _bad(f"its entry '{name}' is not what its {MANIFEST} says")
    return files


def _entry(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Read an entry, whatever size it claims, up to a limit."""
    found = [info for info in archive.infolist() if info.filename == name]
    if len(found) != 1:
        raise _bad(f"it has {'several entries' if found else 'no entry'} '{name}'")
    if found[0].flag_bits & 1 or found[0].compress_type not in METHODS:
        raise _bad(f"its entry '{name}' is encrypted, or compressed in a way that is not known here")
    data = bytearray()
    with archive.open(found[0]) as entry:
        while chunk := entry.read(CHUNK):
            data += chunk
            if len(data) > limit:
                raise _bad(f"its entry '{name}' is larger than is taken, unpacked")
    return bytes(data)


def _archived(name: str, sample: Sample, profile: Profile) -> ArchivedSample:
    designed = profile.voice_type == "designed"
    return ArchivedSample(
        name, sample.sha256, sample.transcript, sample.transcribed_by, sample.trimmed, designed
    )


def _bad(reason: str) -> BadInput:
    return BadInput(f"The archive cannot be imported: {reason}.", param="file", code="bad_archive")
