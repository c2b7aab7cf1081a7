"""The samples of custom voices: prepared when they are uploaded, kept as uploaded too, and deleted with all
that was made of them.

Blobs are written before the row that names them. When the row is refused they are taken back; what a crash
leaves, `voices.storage.sweep` finds.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import IO, TYPE_CHECKING

import msgspec

from engines.errors import BadInput
from streaming.audio.decoding_threads import DecodingThreads, StoppableSource
from streaming.audio.recording import Source
from voices.errors import recording_damaged, unknown_sample
from voices.library import OpenLibrary
from voices.limits import Bounds
from voices.profile import SAMPLE, Profile, Sample, new_id, now
from voices.storage.blobs import BlobsFailed

if TYPE_CHECKING:
    from voices.samples.prepare import SampleFacts

MEDIA_TYPES = {
    "wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg", "flac": "audio/flac", "aac": "audio/aac",
    "matroska": "audio/webm", "mov": "audio/mp4",
}  # fmt: skip
"""by the name that FFmpeg has for the container"""
CHUNK_BYTES = 1_048_576
"""of a file that are read at once"""


class Upload(msgspec.Struct, frozen=True):
    """An uploaded recording, its bytes or a file with them, and its words where they were given; `speech` is
    False for what an engine made.
    """

    data: bytes | IO[bytes]
    transcript: str = ""
    speech: bool = True
    param: str = "audio_sample"
    trim: tuple[float, float | None] | None = None


class Samples:
    """Creates, changes and deletes samples; `threads` bounds how many are worked on at once."""

    def __init__(self, opened: OpenLibrary, bounds: Bounds, threads: DecodingThreads) -> None:
        self._library = opened
        self._bounds = bounds
        self._threads = threads

    async def make(self, profile: str, upload: Upload) -> Sample:
        """Prepare a recording and keep it for a voice; its row is the caller's to write. Raises BadAudio,
        Overloaded or BlobsFailed.
        """
        file = io.BytesIO(upload.data) if isinstance(upload.data, bytes) else upload.data
        source = StoppableSource(file)
        wav, facts, digest, size = await self._threads.run(
            lambda: _prepared(source, upload, self._bounds), source
        )
        # Not the sample's id: that stays when its recording changes.
        folder = f"profiles/{profile}/{secrets.token_hex(12)}"
        sample = Sample(
            id=new_id(SAMPLE),
            original=f"{folder}/original",
            prepared=f"{folder}/prepared.wav",
            sha256=digest,
            seconds=facts.seconds,
            rate=facts.rate,
            media_type=MEDIA_TYPES.get(facts.container, "application/octet-stream"),
            size=size,
            transcript=upload.transcript.strip(),
            trimmed=upload.trim,
            facts=msgspec.to_builtins(facts),
            created=now(),
        )
        try:
            await self._library.blobs.put(sample.original, upload.data)
            await self._library.blobs.put(sample.prepared, wav)
        except BlobsFailed:
            with suppress(BlobsFailed):
                await self._library.blobs.delete([sample.original, sample.prepared])
            raise
        return sample

    async def add(self, profile: Profile, upload: Upload, caller: str) -> tuple[Profile, Sample]:
        """Add a sample to a voice. Raises BadInput, BadAudio, UnknownProfile or BlobsFailed."""
        self._check_room(profile)
        sample = await self.make(profile.id, upload)

        def added(before: Profile) -> Profile:
            self._check_room(before)
            return msgspec.structs.replace(before, samples=(*before.samples, sample))

        async with self.kept([sample.original, sample.prepared]):
            _, after = await self._library.store.change(profile.id, caller, added)
        return after, sample

    async def replace(
        self, profile: Profile, old: Sample, upload: Upload, caller: str
    ) -> tuple[Profile, Sample]:
        """Put another recording in a sample's place. Raises as `add` does."""
        made = await self.make(profile.id, upload)
        made = msgspec.structs.replace(made, id=old.id, created=old.created)

        def replaced(before: Profile) -> Profile:
            if sample_of(before, old.id).prepared != old.prepared:
                raise _changed()
            kept = tuple(made if sample.id == old.id else sample for sample in before.samples)
            return msgspec.structs.replace(before, samples=kept)

        async with self.kept([made.original, made.prepared]):
            before, after = await self._library.store.change(profile.id, caller, replaced)
        await self.forget(before, after)
        return after, made

    async def change(self, id: str, sample: str, caller: str, change: Callable[[Sample], Sample]) -> Profile:
        """Change what is known of a sample. Raises UnknownProfile or BadInput."""

        def changed(before: Profile) -> Profile:
            old = sample_of(before, sample)
            kept = tuple(change(old) if one.id == old.id else one for one in before.samples)
            return msgspec.structs.replace(before, samples=kept)

        before, after = await self._library.store.change(id, caller, changed)
        await self.forget(before, after)
        return after

    async def remove(self, id: str, sample: str, caller: str) -> Profile:
        """Delete a sample. Raises UnknownProfile or BadInput."""

        def removed(before: Profile) -> Profile:
            old = sample_of(before, sample)
            return msgspec.structs.replace(
                before, samples=tuple(one for one in before.samples if one.id != old.id)
            )

        before, after = await self._library.store.change(id, caller, removed)
        await self.forget(before, after)
        return after

    async def forget(self, before: Profile, after: Profile | None) -> None:
        """Delete what a voice kept before and does not any more, and the prompts that were made of it."""
        kept = after.blobs() if after else set()
        if after is None or before.samples != after.samples:
            await self._library.prompts.clear(before.id)
        await self._library.blobs.delete(before.blobs() - kept)

    @asynccontextmanager
    async def kept(self, blobs: Iterable[str]) -> AsyncIterator[None]:
        """Take blobs back when what names them is refused. Whatever else happens may have happened after the
        commit.
        """
        try:
            yield
        except BadInput:
            await self._library.blobs.delete(blobs)
            raise

    def _check_room(self, profile: Profile) -> None:
        if len(profile.samples) >= self._bounds.samples:
            raise BadInput(
                f"A voice may have {self._bounds.samples} samples; this one has as many.",
                code="too_many_samples",
            )

    async def cut(
        self, profile: Profile, sample: Sample, start: float, end: float | None, caller: str
    ) -> tuple[Profile, Sample]:
        """Use only a part of a sample's original, [start, end) in seconds; its words are others then. Raises
        as `add` does.
        """
        data = await self._library.blobs.find(sample.original)
        if data is None:
            raise _changed()
        if (await asyncio.to_thread(hashlib.sha256, data)).hexdigest() != sample.sha256:
            raise recording_damaged()
        upload = Upload(data, "", trim=(start, end), param="start")
        return await self.replace(profile, sample, upload, caller)


def sample_of(profile: Profile, id: str) -> Sample:
    """Return the sample of a voice that has an id. Raises BadInput."""
    for sample in profile.samples:
        if sample.id == id:
            return sample
    raise unknown_sample(id)


def _changed() -> BadInput:
    return BadInput("This sample was changed in the meantime.", code="changed_meanwhile")


def _prepared(source: Source, upload: Upload, bounds: Bounds) -> tuple[bytes, SampleFacts, str, int]:
    """Prepare a recording, and give the SHA-256 and the size of it as it came; blocks, and brings numpy
    along.
    """
    from voices.samples import prepare

    limits = prepare.Bounds(bounds.shortest, bounds.longest)
    if upload.trim:
        made = prepare.trim(source, *upload.trim, limits, speech=upload.speech, param=upload.param)
    else:
        made = prepare.prepare(source, limits, speech=upload.speech, param=upload.param)
    return *made, *digest_and_size(source)


def digest_and_size(source: Source) -> tuple[str, int]:
    """Return the SHA-256 of a file in hexadecimal, and its size in bytes; blocks."""
    digest, size = hashlib.sha256(), 0
    source.seek(0)
    while data := source.read(CHUNK_BYTES):
        digest.update(data)
        size += len(data)
    return digest.hexdigest(), size
