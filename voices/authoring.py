"""How voices and consents are made, changed and unmade: what is written where, in which order, and what the audit says of it."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable

import anyio
import msgspec

from engines.api import BadInput
from streaming.audio.decode import AudioFacts
from voices.errors import UnknownConsent, not_yours
from voices.library import Shelves
from voices.limits import Rules
from voices.profile import CONSENT, VOICE, Audit, Consent, Profile, new_id, now
from voices.samples.samples import MEDIA_TYPES, Samples, Upload

LONGEST_CONSENT = 300.0
"""seconds"""
SHORTEST_SCRIPT = 20
"""characters: what takes a second or two to say"""
AVATARS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}
"""by their first bytes; an SVG can hold scripts, so it is not among them"""


class Making:
    """Makes and unmakes voices in an open library."""

    def __init__(self, shelves: Shelves, rules: Rules, threads: anyio.CapacityLimiter) -> None:
        self._shelves = shelves
        self._rules = rules
        self._threads = threads
        self.samples = Samples(shelves, rules.bounds, threads)

    async def create(self, draft: Profile, uploads: tuple[Upload, ...] = ()) -> Profile:
        """Keep a new voice with its samples; `draft` needs no id. Raises BadInput, BadAudio, NameTaken or BlobsFailed."""
        await self._check(draft, cloned=bool(uploads))
        id = new_id(VOICE)
        blobs: set[str] = set()
        async with self.samples.kept(blobs):
            profile = msgspec.structs.replace(draft, id=id, created=now(), updated=now())
            for upload in uploads:
                sample = await self.samples.make(id, upload)
                profile = msgspec.structs.replace(profile, samples=(*profile.samples, sample))
                blobs |= profile.blobs()
            await self._shelves.store.create(profile, self._rules.voices_per_caller)
        await self.note("created", profile, key=draft.owner)
        return profile

    async def change(self, id: str, viewer: str, change: Callable[[Profile], Profile]) -> Profile:
        """Change a voice, though not its samples. Raises UnknownProfile, NotYours, NameTaken, or what `change` raises."""
        before, after = await self._shelves.store.change(id, viewer, change)
        await self.samples.forget(before, after)
        await self.note("changed", after, key=viewer)
        return after

    async def delete(self, id: str, viewer: str) -> Profile:
        """Delete a voice with all that was made of it. Raises UnknownProfile or NotYours."""
        before = await self._shelves.store.delete(id, viewer)
        await self.note("deleted", before, key=viewer)
        await self.samples.forget(before, None)
        return before

    async def require_consent(self, consent: str, owner: str) -> None:
        """Check that a consent is there where one is needed. Raises BadInput or UnknownConsent."""
        if consent:
            try:
                await self._shelves.consents.get(consent, owner)
            except UnknownConsent as exc:
                exc.param = "consent"
                raise
        elif self._rules.require_consent:
            raise BadInput("`consent` is missing: this server clones no voice without its owner's.", param="consent")

    async def consent(self, name: str, language: str, data: bytes, owner: str) -> Consent:
        """Keep a consent. Raises BadAudio or BlobsFailed."""
        facts, digest = await anyio.to_thread.run_sync(lambda: _checked(data), limiter=self._threads)
        id = new_id(CONSENT)
        consent = Consent(
            id=id,
            name=name,
            language=language,
            recording=f"consents/{id}/recording",
            sha256=digest,
            media_type=MEDIA_TYPES.get(facts.container, "application/octet-stream"),
            size=len(data),
            seconds=facts.duration or 0.0,
            owner=owner,
            created=now(),
        )
        await self._shelves.blobs.put(consent.recording, data)
        return await self._shelves.consents.create(consent)

    async def delete_consent(self, id: str, viewer: str) -> None:
        """Delete a consent and its recording; voices that were made by it stay. Raises UnknownConsent."""
        before = await self._shelves.consents.delete(id, viewer)
        await self._shelves.blobs.delete([before.recording])

    async def avatar(self, id: str, data: bytes, viewer: str) -> Profile:
        """Give a voice a picture. Raises BadInput, UnknownProfile or NotYours."""
        media_type = checked_picture(data, self._rules.avatar_bytes)
        if not (await self._shelves.store.get(id, viewer)).editable(viewer):
            raise not_yours()
        blob = f"profiles/{id}/{secrets.token_hex(12)}/avatar"
        await self._shelves.blobs.put(blob, data)
        async with self.samples.kept([blob]):
            return await self.change(id, viewer, lambda one: msgspec.structs.replace(one, avatar=blob, avatar_type=media_type))

    async def note(self, event: str, profile: Profile, *, key: str) -> None:
        """Write a line of audit."""
        await self._shelves.store.note(Audit(now(), event, profile.id, key, consent=profile.consent))

    async def _check(self, draft: Profile, *, cloned: bool) -> None:
        if cloned:
            await self.require_consent(draft.consent, draft.owner)


def checked_script(script: str, param: str = "script_hint") -> str:
    """Check what a designed voice is to say when it is made. Raises BadInput."""
    script = script.strip()
    if not script:
        raise BadInput(f"`{param}` must not be blank.", param=param)
    if len(script) < SHORTEST_SCRIPT:
        raise BadInput(f"`{param}` has {len(script)} characters; at least {SHORTEST_SCRIPT} are needed.", param=param)
    return script


def _checked(data: bytes) -> tuple[AudioFacts, str]:
    from voices.samples import prepare

    return prepare.check_recording(io.BytesIO(data), longest=LONGEST_CONSENT), hashlib.sha256(data).hexdigest()


def checked_picture(data: bytes, limit: int) -> str:
    """Give the media type of a picture. Raises BadInput."""
    if len(data) > limit:
        raise BadInput(f"The picture has {len(data)} bytes; {limit} are the most.", param="file")
    for first, media_type in AVATARS.items():
        if data.startswith(first) and (media_type != "image/webp" or data[8:12] == b"WEBP"):
            return media_type
    raise BadInput("The picture should be PNG, JPEG, GIF or WebP.", param="file")
