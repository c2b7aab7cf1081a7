"""The service that creates, changes and deletes custom voices and consents.

It decides what is written where, in which order, and what the audit says of it.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable
from typing import IO

import msgspec

from engines.errors import BadInput
from streaming.audio.decoding_threads import DecodingThreads, StoppableSource
from streaming.audio.recording import AudioFacts, Source
from voices.errors import UnknownConsent, not_yours
from voices.library import OpenLibrary
from voices.limits import VoiceLimits
from voices.profile import CONSENT, VOICE, Audit, Consent, Profile, new_id, now
from voices.samples.samples import MEDIA_TYPES, Samples, Upload, digest_and_size

LONGEST_CONSENT = 300.0
"""seconds of a consent's recording"""
SHORTEST_SCRIPT = 20
"""characters of what a designed voice says when it is made: a second or two"""
AVATARS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}
"""media types of pictures by their first bytes; an SVG can hold scripts, so it is not among them"""


class VoiceService:
    """Creates, changes and deletes voices and consents in an open library."""

    def __init__(self, opened: OpenLibrary, rules: VoiceLimits, threads: DecodingThreads) -> None:
        self._library = opened
        self._rules = rules
        self._threads = threads
        self.samples = Samples(opened, rules.bounds, threads)

    async def create(self, draft: Profile, uploads: tuple[Upload, ...] = ()) -> Profile:
        """Create a voice with its samples; `draft` needs no id. Raises BadInput, BadAudio, NameTaken or
        BlobsFailed.
        """
        await self._check(draft, cloned=bool(uploads))
        id = new_id(VOICE)
        blobs: set[str] = set()
        async with self.samples.kept(blobs):
            profile = msgspec.structs.replace(draft, id=id, created=now(), updated=now())
            for upload in uploads:
                sample = await self.samples.make(id, upload)
                profile = msgspec.structs.replace(profile, samples=(*profile.samples, sample))
                blobs |= profile.blobs()
            await self._library.store.create(profile, self._rules.voices_per_caller)
        await self.write_audit("created", profile, key=draft.owner)
        return profile

    async def change(self, id: str, caller: str, change: Callable[[Profile], Profile]) -> Profile:
        """Change a voice, though not its samples. Raises UnknownProfile, Forbidden, NameTaken, or what
        `change` raises.
        """
        before, after = await self._library.store.change(id, caller, change)
        await self.samples.forget(before, after)
        await self.write_audit("changed", after, key=caller)
        return after

    async def delete(self, id: str, caller: str) -> Profile:
        """Delete a voice with all that was made of it. Raises UnknownProfile or Forbidden."""
        before = await self._library.store.delete(id, caller)
        await self.write_audit("deleted", before, key=caller)
        await self.samples.forget(before, None)
        return before

    async def require_consent(self, consent: str, owner: str) -> None:
        """Check that a consent is there where one is needed. Raises BadInput or UnknownConsent."""
        if consent:
            try:
                await self._library.consents.get(consent, owner)
            except UnknownConsent as exc:
                exc.param = "consent"
                raise
        elif self._rules.require_consent:
            raise BadInput(
                "`consent` is missing: this server clones no voice without its owner's.", param="consent"
            )

    async def consent(self, name: str, language: str, data: bytes | IO[bytes], owner: str) -> Consent:
        """Create a consent of its recording, bytes or a file. Raises BadAudio, Overloaded or BlobsFailed."""
        source = StoppableSource(io.BytesIO(data) if isinstance(data, bytes) else data)
        facts, digest, size = await self._threads.run(lambda: _checked(source), source)
        id = new_id(CONSENT)
        consent = Consent(
            id=id,
            name=name,
            language=language,
            recording=f"consents/{id}/recording",
            sha256=digest,
            media_type=MEDIA_TYPES.get(facts.container, "application/octet-stream"),
            size=size,
            seconds=facts.duration or 0.0,
            owner=owner,
            created=now(),
        )
        await self._library.blobs.put(consent.recording, data)
        return await self._library.consents.create(consent)

    async def delete_consent(self, id: str, caller: str) -> None:
        """Delete a consent and its recording; voices that were made by it stay. Raises UnknownConsent."""
        before = await self._library.consents.delete(id, caller)
        await self._library.blobs.delete([before.recording])

    async def avatar(self, id: str, data: bytes, caller: str) -> Profile:
        """Set a voice's picture. Raises BadInput, UnknownProfile or Forbidden."""
        media_type = checked_picture(data, self._rules.avatar_bytes)
        if not (await self._library.store.get(id, caller)).editable(caller):
            raise not_yours()
        blob = f"profiles/{id}/{secrets.token_hex(12)}/avatar"
        await self._library.blobs.put(blob, data)
        async with self.samples.kept([blob]):
            return await self.change(
                id, caller, lambda one: msgspec.structs.replace(one, avatar=blob, avatar_type=media_type)
            )

    async def write_audit(self, event: str, profile: Profile, *, key: str) -> None:
        """Write what was done with a voice into the audit."""
        await self._library.store.write_audit(Audit(now(), event, profile.id, key, consent=profile.consent))

    async def _check(self, draft: Profile, *, cloned: bool) -> None:
        if cloned:
            await self.require_consent(draft.consent, draft.owner)


def checked_script(script: str, param: str = "script_hint") -> str:
    """Check what a designed voice is to say when it is made. Raises BadInput."""
    script = script.strip()
    if not script:
        raise BadInput(f"`{param}` must not be blank.", param=param)
    if len(script) < SHORTEST_SCRIPT:
        raise BadInput(
            f"`{param}` has {len(script)} characters; at least {SHORTEST_SCRIPT} are needed.", param=param
        )
    return script


def _checked(source: Source) -> tuple[AudioFacts, str, int]:
    """Check a consent's recording, and return its facts, its SHA-256 and its size; blocks."""
    from voices.samples import prepare

    return prepare.check_recording(source, longest=LONGEST_CONSENT), *digest_and_size(source)


def checked_picture(data: bytes, limit: int) -> str:
    """Return the media type of a picture of at most `limit` bytes. Raises BadInput."""
    if len(data) > limit:
        raise BadInput(f"The picture has {len(data)} bytes; {limit} are the most.", param="file")
    for first, media_type in AVATARS.items():
        if data.startswith(first) and (media_type != "image/webp" or data[8:12] == b"WEBP"):
            return media_type
    raise BadInput("The picture should be PNG, JPEG, GIF or WebP.", param="file")
