"""Tests of the store of voices, on SQLite and on PostgreSQL: changes are made as a whole or not at all."""

from __future__ import annotations

import asyncio

import libraries
import msgspec
import pytest
from libraries import awaited, connected, found, sample, voice
from msgspec.structs import replace
from sqlalchemy import func, insert, select
from sqlalchemy.engine import URL

from engines.errors import BadInput
from voices.consents import Consents
from voices.errors import NameTaken, UnknownProfile
from voices.naming.matching import nearest
from voices.profile import SAMPLE, Audit, Consent, Profile, new_id, now
from voices.storage import tables
from voices.storage.database import Database
from voices.storage.store import Store

on_postgres = libraries.on_postgres
url = libraries.url


async def count(database: Database, table: str) -> int:
    async with database.reading() as connection:
        return int(
            (
                await connection.execute(select(func.count()).select_from(tables.metadata.tables[table]))
            ).scalar_one()
        )


# What is stored...


@awaited
async def test_create_and_get(url: URL) -> None:
    """A voice is read as it was written, its samples in order, by each kind of lookup."""
    samples = (
        sample("samp_b", created=1.0, transcript="Dear O'Brien; --"),
        sample("samp_a", created=2.0, trimmed=(0.5, None)),
    )
    async with connected(url) as database:
        store = Store(database)
        bare = await store.create(voice("Bare", "one"))
        full = voice(
            "Rübezahl", "one", languages=("de", "pl"), description="桃太郎 🎙", speed=1.25, samples=samples
        )
        assert await store.create(full) == full
        assert await store.get(full.id, "one") == full
        assert await found(database, "rübezahl", "one") == full
        assert await store.visible("one") == [bare, full]
        assert await store.ids() == {bare.id, full.id}
        assert await store.blobs() == full.blobs() != set()


@awaited
async def test_deleted(url: URL) -> None:
    """A deleted voice's samples are deleted, and its name is free; others stay."""
    async with connected(url) as database:
        store = Store(database)
        kept = await store.create(voice("Kept", samples=(sample("samp_1"),)))
        gone = await store.create(voice("Gone", samples=(sample("samp_2"), sample("samp_3"))))
        assert await store.delete(gone.id, "") == gone
        assert await found(database, "Gone", "") is await found(database, gone.id, "") is None
        with pytest.raises(UnknownProfile):
            await store.delete(gone.id, "")
        assert await store.visible("") == [kept]
        assert await count(database, "samples") == 1
        await store.create(voice("gone"))


@awaited
async def test_samples_are_changed_with_their_voice(url: URL) -> None:
    """Samples are added, changed and deleted; the others stay as they were."""
    first, second, third = (sample(f"samp_{number}", created=float(number)) for number in range(3))
    async with connected(url) as database:
        store = Store(database)
        anna = await store.create(voice("Anna", samples=(first, second)))
        spoken = replace(second, transcript="Hello.")
        before, after = await store.change(anna.id, "", lambda one: replace(one, samples=(spoken, third)))
        assert before == anna
        assert after.samples == (spoken, third)
        assert await store.get(anna.id, "") == after
        assert await count(database, "samples") == 2


@awaited
async def test_id_and_creation_time_do_not_change(url: URL) -> None:
    """No change alters a voice's id or its creation time; the time of the change is stored."""
    async with connected(url) as database:
        store = Store(database)
        anna = await store.create(voice("Anna"))
        _, after = await store.change(
            anna.id, "", lambda one: replace(one, id="voice_other", created=0.0, description="new")
        )
        assert await store.visible("") == [after]
        assert after == replace(anna, description="new", updated=after.updated)
        assert anna.created <= after.updated <= now()


# All or nothing...


@awaited
async def test_a_change_that_is_refused(url: URL) -> None:
    """When a change raises, or the name is in use, the voice and its samples stay as they were."""

    def too_far(profile: Profile) -> Profile:
        raise BadInput("Too far.")

    def with_used_name(profile: Profile) -> Profile:
        return replace(profile, name="anna", description="new", samples=(sample("samp_9"),))

    async with connected(url) as database:
        store = Store(database)
        await store.create(voice("Anna", samples=(sample("samp_1"),)))
        bert = await store.create(voice("Bert", samples=(sample("samp_2"), sample("samp_3"))))
        with pytest.raises(BadInput, match="Too far"):
            await store.change(bert.id, "", too_far)
        with pytest.raises(NameTaken):
            await store.change(bert.id, "", with_used_name)
        assert await store.get(bert.id, "") == bert
        assert await count(database, "samples") == 3


@awaited
async def test_a_voice_that_is_refused(url: URL) -> None:
    """No sample is stored of a voice whose name is in use."""
    async with connected(url) as database:
        await Store(database).create(voice("Anna"))
        with pytest.raises(NameTaken):
            await Store(database).create(voice("anna", samples=(sample("samp_1"),)))
        assert (await count(database, "profiles"), await count(database, "samples")) == (1, 0)


@awaited
async def test_simultaneous_creations_of_a_name(url: URL) -> None:
    """Of many who create a name at the same time, from two processes even, one succeeds; the others are
    refused.
    """
    async with connected(url) as one, connected(url) as two:
        makers = [Store(database).create(voice("Anna")) for database in (one, two) for _ in range(10)]
        outcomes = await asyncio.gather(*makers, return_exceptions=True)
        created = [outcome for outcome in outcomes if isinstance(outcome, Profile)]
        assert await Store(one).visible("") == created
        assert len(created) == 1
        assert [type(outcome) for outcome in outcomes if not isinstance(outcome, Profile)] == [NameTaken] * 19


@awaited
async def test_no_change_is_lost(url: URL) -> None:
    """Simultaneous changes, from two processes even, build on each other."""

    def longer(profile: Profile) -> Profile:
        return replace(
            profile,
            description=profile.description + "x",
            samples=(*profile.samples, sample(new_id(SAMPLE), created=now())),
        )

    async with connected(url) as one, connected(url) as two:
        anna = await Store(one).create(voice("Anna"))
        await asyncio.gather(
            *(Store(database).change(anna.id, "", longer) for database in (one, two) for _ in range(20))
        )
        after = await Store(two).get(anna.id, "")
        assert (len(after.description), len(after.samples)) == (40, 40)


@awaited
async def test_voices_per_owner_are_limited(url: URL) -> None:
    """An owner's voices are limited, however many are created at once; others' do not count."""
    async with connected(url) as database:
        await Store(database).create(voice("Anna", "two"))
        makers = [Store(database).create(voice(f"Voice {number}", "one"), 3) for number in range(20)]
        outcomes = await asyncio.gather(*makers, return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, BadInput)]
        assert [error.code for error in refused] == ["too_many_voices"] * 17
        assert len(await Store(database).visible("one")) == 3


@awaited
async def test_two_processes_see_the_same(url: URL) -> None:
    """A change by one process is seen by the other at once."""
    async with connected(url) as one, connected(url) as two:
        anna = await Store(one).create(voice("Anna", samples=(sample("samp_1"),)))
        assert await found(two, "anna", "") == anna
        _, changed = await Store(two).change(anna.id, "", lambda one: replace(one, name="Bert"))
        assert await Store(one).visible("") == [changed]
        await Store(one).delete(anna.id, "")
        assert await Store(two).visible("") == []


# The audit...


@awaited
async def test_the_audit(url: URL) -> None:
    """The audit of a voice is stored in order, and stays when the voice is deleted."""
    async with connected(url) as database:
        store = Store(database)
        anna = await store.create(voice("Anna"))
        lines = [
            Audit(float(9 - number), event, anna.id, "one", engine="mimic")
            for number, event in enumerate(("created", "spoken", "deleted"))
        ]
        for line in lines:
            await store.write_audit(line)
        await store.write_audit(Audit(0.0, "created", "voice_other"))
        await store.delete(anna.id, "")
        assert await store.audit(anna.id) == lines
        assert await store.audit(anna.id, limit=2) == lines[1:]
        assert await store.audit("voice_none") == []


@awaited
async def test_blobs_of_consents_are_named(url: URL) -> None:
    """Consents' recordings are among the named blobs, as voices' are."""
    async with connected(url) as database:
        await Consents(database).create(
            Consent("cons_1", "Anna", "en", "consents/cons_1/recording", "0" * 64)
        )
        anna = await Store(database).create(voice("Anna", avatar="avatar"))
        assert (
            await Store(database).blobs()
            == anna.blobs() | {"consents/cons_1/recording"}
            == {"avatar", "consents/cons_1/recording"}
        )


# Many...


@awaited
async def test_pages(url: URL) -> None:
    """Pages one behind another are all voices that a caller may use, once each, in order, with their samples."""
    async with connected(url) as database:
        store = Store(database)
        for number in range(7):
            await store.create(voice(f"Voice {number}", "one", samples=(sample(f"samp_{number}"),)))
        await store.create(voice("Hidden", "two"))
        seen: list[Profile] = []
        after, more = "", True
        while more:
            page, more = await store.page("one", after, 3)
            assert len(page) <= 3
            seen += page
            after = page[-1].id
        assert seen == await store.visible("one")
        assert len(seen) == 7
        hidden = (await store.visible("two"))[0]
        with pytest.raises(UnknownProfile):
            await store.page("one", hidden.id, 3)


@awaited
async def test_near_names(url: URL) -> None:
    """Of thousands of names the nearest is found, though few are looked at, and none that is hidden."""
    async with connected(url) as database:
        store = Store(database)
        await store.create(replace(voice("Anneliese", "one"), created=1.0))
        await store.create(replace(voice("Annelise", "two"), created=2.0))
        rows = [
            {
                "id": f"voice_{number}",
                "owner": "one",
                "scope": "one",
                "folded": f"voice {number}",
                "consent": "",
                "created": 10.0 + number,
                "document": msgspec.json.encode(voice(f"Voice {number}", "one")).decode(),
            }
            for number in range(3000)
        ]
        async with database.writing() as connection:
            await connection.execute(insert(tables.profiles), rows)
        assert await store.near_names("anneliesse", "one", nearest) == ["Anneliese"]
        assert await store.near_names("a" + "\u0301\u0323" * 20_000, "one", nearest) == []
