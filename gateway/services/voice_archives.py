"""Custom voices as ZIP files: a profile with its recordings and its consent, written and read."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import IO, TYPE_CHECKING

import msgspec

from engines.errors import NotFound, SpeechError
from gateway.config.settings import VoiceSettings
from gateway.services.engine_snapshot import EngineSnapshot
from gateway.services.profile_mapping import check_profile
from voices.limits import VoiceLimits
from voices.profile import Consent, Profile, checked_language, checked_name
from voices.pronunciation import check

if TYPE_CHECKING:
    from voices.archive import Archive, Manifest
    from voices.authoring import VoiceService
    from voices.library import OpenLibrary

IN_MEMORY = 1_000_000
"""bytes of a file that is written before it goes to disk"""
NOT_FIELDS = ("version", "samples", "consent", "avatar")
"""of a manifest, that a profile does not have in the same form"""


async def export_voice(library: OpenLibrary, profile: Profile, caller: str) -> IO[bytes]:
    """Write a voice into a file without a name, and return it, read from its start; who gets it closes it.

    Only a piece of a recording is held at a time. Raises BlobsFailed.
    """
    consent: Consent | None = None
    if profile.consent:
        try:
            consent = await library.consents.get(profile.consent, caller)
        except NotFound:
            consent = None
    file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the caller closes it
    try:
        await _write(file, library, profile, consent)
    except BaseException:  # cancelled or failed, nobody gets it
        file.close()
        raise
    return file


async def _write(file: IO[bytes], library: OpenLibrary, profile: Profile, consent: Consent | None) -> None:
    """Write an archive, and go back to its start."""
    from voices.archive import ArchiveWriter

    writer = ArchiveWriter(file, profile, consent)
    for name, key in writer.files.items():
        entry = writer.entry(name)
        try:
            async with aclosing(library.blobs.chunks(key)) as chunks:
                async for chunk in chunks:
                    await asyncio.to_thread(entry.write, chunk)
        finally:
            await asyncio.to_thread(entry.close)
    await asyncio.to_thread(writer.close)
    file.seek(0)


class VoiceImport:
    """Creates a caller's voices from ZIP files."""

    def __init__(self, library: OpenLibrary, voices: VoiceService, caller: str) -> None:
        self._library = library
        self._voices = voices
        self._caller = caller

    async def create(self, draft: Profile, found: Archive) -> Profile:
        """Create the voice of a draft with what is in the file. Raises BadInput, BadAudio or NameTaken."""
        avatar = b""
        if found.manifest.avatar:
            most = VoiceLimits().avatar_bytes
            avatar = await asyncio.to_thread(found.files[found.manifest.avatar].read, most + 1)
        if avatar:
            from voices.authoring import checked_picture

            checked_picture(avatar, VoiceLimits().avatar_bytes)
        consent, is_new = await self._consent(found)
        try:
            return await self._create(msgspec.structs.replace(draft, consent=consent), found, avatar)
        except SpeechError:
            if is_new:
                await self._voices.delete_consent(consent, self._caller)
            raise

    async def _consent(self, found: Archive) -> tuple[str, bool]:
        """Return the id of an archive's consent, and whether it is new: the same recording is kept once."""
        from voices.samples.samples import digest_and_size

        consent = found.manifest.consent
        if consent is None:
            return "", False
        name = checked_name(consent.name)
        language = checked_language(consent.language)
        data = found.files[consent.file]
        digest, _ = await asyncio.to_thread(digest_and_size, data)
        if known := await self._library.consents.same(digest, self._caller):
            return known.id, False
        return (await self._voices.consent(name, language, data, self._caller)).id, True

    async def _create(self, draft: Profile, found: Archive, avatar: bytes) -> Profile:
        from voices.samples.samples import Upload

        uploads = tuple(
            Upload(
                found.files[sample.file],
                sample.transcript,
                speech=not sample.designed,
                param="file",
                trim=sample.trimmed,
            )
            for sample in found.manifest.samples
        )
        profile = await self._voices.create(draft, uploads)
        if avatar:
            profile = await self._voices.avatar(profile.id, avatar, self._caller)
        await self._voices.write_audit("imported", profile, key=self._caller)
        return profile


@asynccontextmanager
async def open_archive(source: IO[bytes], settings: VoiceSettings) -> AsyncIterator[Archive]:
    """Unpack a ZIP file for the block. Raises BadInput for a malformed one, or one with too many samples."""
    from voices import archive

    def unpack() -> Archive:
        return archive.read(
            source,
            settings.import_bytes,
            most_samples=settings.samples,
            entry_limit=max(settings.upload_bytes, VoiceLimits().avatar_bytes),
        )

    found = await asyncio.to_thread(unpack)
    try:
        yield found
    finally:
        await asyncio.to_thread(found.close)


def draft_profile(manifest: Manifest, name: str | None, engines: EngineSnapshot, caller: str) -> Profile:
    """Return a profile of a manifest's fields, under another name if one is given. Raises BadInput."""
    fields = {
        field: getattr(manifest, field) for field in manifest.__struct_fields__ if field not in NOT_FIELDS
    }
    fields["name"] = checked_name(name or fields["name"])
    fields["languages"] = tuple(checked_language(tag, "languages") for tag in fields["languages"])
    fields["pronunciations"] = check(fields["pronunciations"])
    draft = Profile(id="", owner=caller, **fields)
    check_profile(draft, engines)
    return draft
