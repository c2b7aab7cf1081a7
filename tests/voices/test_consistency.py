"""Tests that simultaneous creation, change, use and deletion of voices lead to exactly what the successful
calls add up to.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import libraries
import pytest
from libraries import awaited, check_no_orphans, check_whole, clip, open_library, voice
from msgspec.structs import replace
from safetensors.numpy import save
from sqlalchemy import select
from stores import Bucket

from engines.api import CloningCapabilities, EngineInfo, Prompt, SpeechCapabilities
from engines.errors import BadAudio, BadInput, Forbidden
from streaming.audio.decoding_threads import DecodingThreads
from voices import prompts
from voices.authoring import VoiceService
from voices.errors import NameTaken, UnknownProfile, UnknownSample
from voices.library import LibraryLocation, OpenLibrary
from voices.limits import Bounds, VoiceLimits
from voices.profile import NOBODY, Profile, folded
from voices.samples.samples import Upload, sample_of
from voices.storage import tables
from voices.storage.blobs import BlobsFailed
from voices.storage.sweep import sweep

database = libraries.database

FIRST = 24
"""voices that are created first"""
LIKED = 6
"""voices of those that most calls concern"""
TRIES = 200
"""calls that are made then"""
KINDS = {
    "create": 5,
    "name": 5,
    "delete": 2,
    "add": 5,
    "remove": 3,
    "replace": 4,
    "cut": 2,
    "words": 4,
    "picture": 4,
    "read": 5,
    "speak": 4,
}
"""kinds of calls, with their weights"""
OWNERS = (NOBODY, "one", "two")
NAMES = [f"voice of {letter}" for letter in "abcdefghijklmnopqrstuvwxyzäöü"]
TEXTS = ("One two three four.", "Five six seven eight.")
RULES = VoiceLimits(Bounds(samples=3))
INFO = EngineInfo(
    "mimic",
    "1",
    "MIT",
    ("mimic",),
    speech=SpeechCapabilities(24_000, ("en",), cloning=CloningCapabilities(24_000)),
)
PROMPT = save({})
PICTURES = (b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n2")


class Try(NamedTuple):
    """A call that is tried with a voice, and with one of its samples."""

    kind: str
    caller: str
    voice: Profile
    sample: str
    name: str
    data: bytes


class Model:
    """The expected state, from the successful calls: every field has a history, by when the voice was
    changed.
    """

    def __init__(self) -> None:
        self.voices: dict[str, Profile] = {}
        self.deleted: set[str] = set()
        self.samples: dict[str, set[str]] = defaultdict(set)
        self.removed: set[str] = set()
        self.history: dict[tuple[str, str], list[tuple[float, Any]]] = defaultdict(list)
        self.events: Counter[tuple[str, str]] = Counter()

    def add_voice(self, profile: Profile) -> None:
        """Record a new voice."""
        self.voices[profile.id] = profile
        self.samples[profile.id] |= {sample.id for sample in profile.samples}
        self.record(profile, profile.id, name=profile.name, avatar="")
        for sample in profile.samples:
            self.record(profile, sample.id, recording=sample.prepared, words=sample.transcript)

    def record(self, profile: Profile, id: str, **what: Any) -> None:
        """Record what was set, by when the voice was changed."""
        for name, value in what.items():
            self.history[id, name].append((profile.updated, value))

    def last(self, id: str, what: str) -> Any:
        """Return what was set last."""
        return max(self.history[id, what])[1]

    def names(self, scope: str, but: str) -> set[str]:
        """Return all names that other voices ever had in a scope."""
        others = [id for id, profile in self.voices.items() if profile.scope == scope and id != but]
        return {folded(name) for id in others for _, name in self.history[id, "name"]}


class Program:
    """A program that makes random calls, all at once."""

    def __init__(self, opened: OpenLibrary, seed: int) -> None:
        self.library = opened
        self.model = Model()
        self.random = random.Random(seed)
        self.service = VoiceService(opened, RULES, DecodingThreads(anyio.CapacityLimiter(2)))
        self.refused: list[tuple[Try, BadInput]] = []

    async def run(self) -> None:
        """Create voices, then make all calls at once."""
        await asyncio.gather(*(self.tried(self.drawn("create", [])) for _ in range(FIRST)))
        voices = list(self.model.voices.values())
        kinds = self.random.choices(list(KINDS), list(KINDS.values()), k=TRIES)
        await asyncio.gather(*(self.tried(self.drawn(kind, voices)) for kind in kinds))

    def drawn(self, kind: str, voices: list[Profile]) -> Try:
        """Return a random call, mostly by one who is allowed to make it."""
        name = self.random.choice(NAMES)
        name = self.random.choice([name, name.upper(), name.title()])
        liked = voices[:LIKED] if kind != "delete" and self.random.random() < 0.6 else voices
        profile = self.random.choice(liked) if voices else voice(name)
        owner = profile.owner if voices and kind != "create" else self.random.choice(OWNERS)
        caller = owner if self.random.random() < 0.9 else self.random.choice(OWNERS)
        sample = self.random.choice([sample.id for sample in profile.samples] or ["samp_none"])
        data = clip(self.random.choice(TEXTS)) if self.random.random() < 0.9 else b"no recording"
        return Try(kind, caller, profile, sample, name, data)

    async def tried(self, what: Try) -> None:
        """Make a call, and record a refusal."""
        try:
            await getattr(self, what.kind)(what)
        except BadInput as exc:
            self.refused.append((what, exc))

    # The calls...

    async def create(self, what: Try) -> None:
        """Create a voice with up to two recordings."""
        uploads = tuple(Upload(data) for data in (clip(), what.data)[: self.random.randint(0, 2)])
        draft = replace(voice(what.name, what.caller), shared=self.random.random() < 0.3)
        created = await self.service.create(draft, uploads)
        self.model.add_voice(created)
        self.model.events[created.id, "created"] += 1

    async def name(self, what: Try) -> None:
        """Rename a voice."""
        after = await self.service.change(
            what.voice.id, what.caller, lambda one: replace(one, name=what.name)
        )
        self.model.record(after, after.id, name=what.name)
        self.model.events[after.id, "changed"] += 1

    async def delete(self, what: Try) -> None:
        """Delete a voice: only one call may succeed."""
        await self.service.delete(what.voice.id, what.caller)
        assert what.voice.id not in self.model.deleted
        self.model.deleted.add(what.voice.id)
        self.model.events[what.voice.id, "deleted"] += 1

    async def add(self, what: Try) -> None:
        """Add a recording."""
        profile = await self.library.store.get(what.voice.id, what.caller)
        after, new = await self.service.samples.add(profile, Upload(what.data, "Added."), what.caller)
        self.model.samples[after.id].add(new.id)
        self.model.record(after, new.id, recording=new.prepared, words="Added.")

    async def remove(self, what: Try) -> None:
        """Delete a sample: only one call may succeed."""
        await self.service.samples.remove(what.voice.id, what.sample, what.caller)
        assert what.sample not in self.model.removed
        self.model.removed.add(what.sample)

    async def replace(self, what: Try) -> None:
        """Replace a sample's recording."""
        profile = await self.library.store.get(what.voice.id, what.caller)
        old = sample_of(profile, what.sample)
        after, new = await self.service.samples.replace(
            profile, old, Upload(what.data, "Replaced."), what.caller
        )
        self.model.record(after, what.sample, recording=new.prepared, words="Replaced.")

    async def cut(self, what: Try) -> None:
        """Use only the beginning of a recording."""
        profile = await self.library.store.get(what.voice.id, what.caller)
        after, new = await self.service.samples.cut(
            profile, sample_of(profile, what.sample), 0.0, 1.3, what.caller
        )
        self.model.record(after, what.sample, recording=new.prepared, words="")

    async def words(self, what: Try) -> None:
        """Change a sample's transcript."""
        after = await self.service.samples.change(
            what.voice.id, what.sample, what.caller, lambda one: replace(one, transcript=what.name)
        )
        self.model.record(after, what.sample, words=what.name)

    async def picture(self, what: Try) -> None:
        """Set one of two pictures."""
        after = await self.service.avatar(what.voice.id, PICTURES[folded(what.name)[-1] < "n"], what.caller)
        self.model.record(after, after.id, avatar=after.avatar)
        self.model.events[after.id, "changed"] += 1

    async def read(self, what: Try) -> None:
        """Check the visible voices: no two of a name, and none of others."""
        store = self.library.store
        seen = await store.visible(what.caller)
        assert max(Counter((one.scope, folded(one.name)) for one in seen).values(), default=1) == 1
        assert (await store.get(what.voice.id, what.caller)).visible(what.caller)
        found = await store.find(what.name, what.caller)
        assert found is None or folded(found.name) == folded(what.name)

    async def speak(self, what: Try) -> None:
        """Have a prompt computed of a voice as it was a moment ago."""
        profile = await self.library.store.get(what.voice.id, what.caller)

        async def compute() -> Prompt:
            for sample in profile.samples:
                await self.library.blobs.get(sample.prepared)
            return Prompt("", PROMPT)

        try:
            await self.library.prompts.get(prompts.path(profile, INFO, "mimic"), compute)
        except BlobsFailed as exc:
            assert "missing" in exc.message, "the voice was changed since it was read"


def is_just(model: Model, what: Try, exc: BadInput) -> bool:
    """Return whether a refusal had a valid reason."""
    own = "" if what.kind == "create" else what.voice.id
    reasons = {
        UnknownProfile: what.voice.id in model.deleted or not what.voice.visible(what.caller),
        Forbidden: what.voice.visible(what.caller) and not what.voice.editable(what.caller),
        UnknownSample: what.sample in model.removed or what.sample == "samp_none",
        BadAudio: what.data == b"no recording",
        NameTaken: any(
            folded(what.name) in model.names(scope, own) for scope in {what.caller, what.voice.scope, NOBODY}
        ),
    }
    codes = {
        "too_many_samples": len(model.samples[what.voice.id]) >= RULES.bounds.samples,
        "changed_meanwhile": what.sample in model.removed
        or what.voice.id in model.deleted
        or len(model.history[what.sample, "recording"]) > 1,
    }
    return reasons.get(type(exc), codes.get(exc.code or "", False))


async def everything(opened: OpenLibrary) -> dict[str, Profile]:
    return {profile.id: profile for caller in OWNERS for profile in await opened.store.visible(caller)}


async def events(opened: OpenLibrary) -> Counter[tuple[str, str]]:
    async with opened.database.reading() as connection:
        voices = (await connection.execute(select(tables.audit.c.profile).distinct())).scalars().all()
    lines = [line for id in voices for line in await opened.store.audit(id)]
    return Counter((line.profile, line.event) for line in lines)


async def check(program: Program, opened: OpenLibrary, folder: Path) -> None:
    """Compare the library with the expected state."""
    model, there = program.model, await everything(opened)
    assert there.keys() == model.voices.keys() - model.deleted
    for id, profile in there.items():
        assert (profile.name, profile.avatar) == (model.last(id, "name"), model.last(id, "avatar"))
        assert {sample.id for sample in profile.samples} == model.samples[id] - model.removed
        for sample in profile.samples:
            assert (sample.prepared, sample.transcript) == (
                model.last(sample.id, "recording"),
                model.last(sample.id, "words"),
            )
    assert [one for one in program.refused if not is_just(model, *one)] == []
    assert await events(opened) == model.events
    await check_whole(opened, there.values())
    assert all(key.startswith("prompts/") for key in await sweep(opened, spare=0)), (
        "only prompts of voices that went meanwhile"
    )
    await check_no_orphans(opened, folder / "voices")


async def run(place: LibraryLocation, seed: int) -> None:
    async with open_library(place) as opened:
        program = Program(opened, seed)
        await program.run()
        await check(program, opened, place.folder)
    refused = {type(exc) for _, exc in program.refused}
    assert refused >= {UnknownProfile, NameTaken, BadAudio}, "something was in the way of something"
    assert len(program.refused) < 0.75 * TRIES


@pytest.fixture(autouse=True)
def patient_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls wait for a connection for as long as a busy machine takes: two hundred share ten."""
    monkeypatch.setattr("voices.storage.database.POOL_SECONDS", 120)


@pytest.mark.parametrize("seed", range(2))
@awaited
async def test_simultaneous_calls(database: str, tmp_path: Path, seed: int) -> None:
    """After two hundred simultaneous calls that create, change, use and delete voices, the library is what
    the successful ones add up to.

    Every voice has the name, the samples, the transcripts and the picture that were set last; every recording
    that is named exists and can be decoded; there is no other, and no empty folder. Every refusal had a valid
    reason.
    """
    await run(LibraryLocation(tmp_path, database), seed)


@awaited
async def test_simultaneous_calls_with_a_bucket(
    database: str, s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same holds where the recordings are in a bucket."""
    s3_bucket.export(monkeypatch)
    await run(LibraryLocation(tmp_path, database, f"{s3_bucket.url}/voices"), 9)
