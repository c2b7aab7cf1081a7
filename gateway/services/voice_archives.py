"""Custom voices as ZIP files: a profile with its recordings and its consent, written and read."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tempfile
from typing import IO, TYPE_CHECKING

import msgspec

from engines.errors import BadInput, NotFound, SpeechError
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
    """Write a voice into a file without a name, and return it, read from its start; who gets it closes it."""
    from voices import archive

    consent: Consent | None = None
    if profile.consent:
        try:
            consent = await library.consents.get(profile.consent, caller)
        except NotFound:
            consent = None
    keys = {sample.original for sample in profile.samples} | ({profile.avatar} - {""})
    keys |= {consent.recording} if consent else set()
    blobs = {key: await library.blobs.get(key) for key in keys}
    file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the caller closes it
    await asyncio.to_thread(archive.write, file, profile, blobs, consent)
    file.seek(0)
    return file


class VoiceImport:
    """Creates a caller's voices from ZIP files."""

    def __init__(self, library: OpenLibrary, voices: VoiceService, caller: str) -> None:
        self._library = library
        self._voices = voices
        self._caller = caller

    async def create(self, draft: Profile, found: Archive) -> Profile:
        """Create the voice of a draft with what is in the file. Raises BadInput, BadAudio or NameTaken."""
        avatar = found.files[found.manifest.avatar] if found.manifest.avatar else b""
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
        consent = found.manifest.consent
        if consent is None:
            return "", False
        name = checked_name(consent.name)
        language = checked_language(consent.language)
        data = found.files[consent.file]
        digest = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
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


async def read_archive(data: bytes, settings: VoiceSettings) -> Archive:
    """Return what is in a ZIP file. Raises BadInput for a malformed one, or one with too many samples."""
    from voices import archive

    found = await asyncio.to_thread(archive.read, io.BytesIO(data), settings.import_bytes)
    if len(found.manifest.samples) > settings.samples:
        raise BadInput(
            f"A voice may have {settings.samples} samples; this one has {len(found.manifest.samples)}.",
            param="file",
        )
    return found


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
