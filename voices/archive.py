"""Archives of custom voices: ZIP files with `profile.json`, its samples as they came, its picture, and the
consent behind it.

Nothing in an archive is ever unpacked by its own name: the manifest says which entries there are, their names
have one form, and each is unpacked into a file without a name, up to a limit.
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3
"""

from __future__ import annotations

import errno
import hashlib
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Annotated

import msgspec
from msgspec import Meta

from engines.errors import BadInput
from streaming.formats import TextFormat
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
SPOOL_BYTES = 262_144
"""an entry longer than this goes to disk"""
MOST_SAMPLES = 100
"""that a manifest may name"""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE)
"""why a file could not be written, where the archive has no part in it"""
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
    settings: Annotated[dict[Text, bool | float | Text], Meta(max_length=64)] = {}
    text_format: TextFormat | None = None
    pronunciations: Annotated[tuple[Entry, ...], Meta(max_length=1000)] = ()
    samples: Annotated[tuple[ArchivedSample, ...], Meta(max_length=MOST_SAMPLES)] = ()
    consent: ArchivedConsent | None = None
    avatar: File = ""


class Archive:
    """The contents of an archive: the manifest, and the entries that it names, each in a file. `close` it."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.files: dict[str, IO[bytes]] = {}

    def close(self) -> None:
        """Close all files, which deletes them."""
        for file in self.files.values():
            file.close()


class ArchiveWriter:
    """Writes the archive of a voice, piece by piece: its manifest, then an entry for each of `files`.

    Audio is not compressed again.
    """

    def __init__(self, target: IO[bytes], profile: Profile, consent: Consent | None) -> None:
        manifest, self.files = _contents(profile, consent)
        """`files` has the keys in the store of what belongs in, by the names of the entries"""
        self._archive = zipfile.ZipFile(target, "w", zipfile.ZIP_STORED)
        self._archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))

    def entry(self, name: str) -> IO[bytes]:
        """Begin an entry, and return what it is written to; it is to be closed before the next."""
        return self._archive.open(name, "w")

    def close(self) -> None:
        """Write the list of entries, which ends the archive."""
        self._archive.close()


def _contents(profile: Profile, consent: Consent | None) -> tuple[Manifest, dict[str, str]]:
    """Return the manifest of a voice's archive, and the keys of its other entries in the store."""
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
    return manifest, files


def read(
    source: IO[bytes], limit: int, *, most_samples: int = MOST_SAMPLES, entry_limit: int | None = None
) -> Archive:
    """Read an archive that holds so many bytes at most, unpacked, and so many in each entry; who gets it
    closes it. Raises BadInput with the reason, and OSError where there is no room on the disk.
    """
    try:
        _check_directory(source)
        with zipfile.ZipFile(source) as archive:
            found = Archive(_manifest(archive))
            _check_samples(found.manifest, most_samples)
            try:
                _unpack(archive, found, limit, limit if entry_limit is None else entry_limit)
            except BaseException:  # cancelled or failed, no file stays
                found.close()
                raise
            return found
    except FAULTS as exc:
        if isinstance(exc, OSError) and exc.errno in NO_ROOM:
            raise
        raise _bad("it is no ZIP file, or a damaged one") from exc


def _check_samples(manifest: Manifest, most: int) -> None:
    """Check that a voice may have so many samples, before any is unpacked. Raises BadInput."""
    if len(manifest.samples) > most:
        raise BadInput(
            f"A voice may have {most} samples; this one has {len(manifest.samples)}.", param="file"
        )


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
        return msgspec.json.decode(b"".join(_entry(archive, MANIFEST, MANIFEST_BYTES)), type=Manifest)
    except msgspec.DecodeError as exc:
        raise _bad(f"its {MANIFEST} cannot be read: {exc}") from exc


def _unpack(archive: zipfile.ZipFile, found: Archive, limit: int, entry_limit: int) -> None:
    """Unpack the entries that a manifest names, each into a file."""
    manifest = found.manifest
    wanted = {sample.file: sample.sha256 for sample in manifest.samples}
    if manifest.consent:
        wanted[manifest.consent.file] = manifest.consent.sha256
    if manifest.avatar:
        wanted[manifest.avatar] = ""
    for name, checksum in wanted.items():
        if not ENTRY.fullmatch(name):
            raise _bad(f"its {MANIFEST} names an entry '{name}'")
        file = found.files[name] = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - Archive closes it
        digest = hashlib.sha256()
        for chunk in _entry(archive, name, min(limit, entry_limit)):
            file.write(chunk)
            digest.update(chunk)
            limit -= len(chunk)
        file.seek(0)
        if checksum and digest.hexdigest() != checksum:
            raise _bad(f"its entry '{name}' is not what its {MANIFEST} says")


def _entry(archive: zipfile.ZipFile, name: str, limit: int) -> Iterator[bytes]:
    """Yield an entry in chunks, whatever size it claims, up to a limit."""
    found = [info for info in archive.infolist() if info.filename == name]
    if len(found) != 1:
        raise _bad(f"it has {'several entries' if found else 'no entry'} '{name}'")
    if found[0].flag_bits & 1 or found[0].compress_type not in METHODS:
        raise _bad(f"its entry '{name}' is encrypted, or compressed in a way that is not known here")
    with archive.open(found[0]) as entry:
        while chunk := entry.read(CHUNK):
            limit -= len(chunk)
            if limit < 0:
                raise _bad(f"its entry '{name}' is larger than is taken, unpacked")
            yield chunk


def _archived(name: str, sample: Sample, profile: Profile) -> ArchivedSample:
    designed = profile.voice_type == "designed"
    return ArchivedSample(
        name, sample.sha256, sample.transcript, sample.transcribed_by, sample.trimmed, designed
    )


def _bad(reason: str) -> BadInput:
    return BadInput(f"The archive cannot be imported: {reason}.", param="file", code="bad_archive")
