"""Tests of what belongs to a key beside its voices: aliases, consents and pronunciations."""

from __future__ import annotations

import asyncio

import libraries
import pytest
from libraries import awaited, connected, voice
from msgspec.structs import replace
from sqlalchemy.engine import URL

from engines.errors import NotFound
from voices.consents import Aliases, Consents, Dictionaries
from voices.errors import UnknownConsent
from voices.profile import Consent
from voices.pronunciation import Entry
from voices.storage.lookup import look_up
from voices.storage.store import Store

on_postgres = libraries.on_postgres
url = libraries.url
MANY = 20


def consent(id: str, owner: str = "", created: float = 0.0) -> Consent:
    return Consent(
        id, "Anna", "en", f"consents/{id}/recording", f"hash of {id}", owner=owner, created=created
    )


# Aliases...


@awaited
async def test_aliases(url: URL) -> None:
    """An alias is found regardless of case, spaces and Unicode form; one's own is told from one for all."""
    async with connected(url) as database:
        aliases = Aliases(database)
        await aliases.put("House Voice", "tone/a", "")
        await aliases.put("Ｎews", "tone/b", "one")
        await aliases.put("house  voice", "tone/c", "one")
        for caller, own, common in (
            ("one", "tone/c", "tone/a"),
            ("two", None, "tone/a"),
            ("", "tone/a", None),
        ):
            records = await look_up(database, "HOUSE\tVOICE", caller)
            assert (records.alias, records.common_alias) == (own, common)
        assert await aliases.list("one") == {"house  voice": "tone/c", "Ｎews": "tone/b"}
        assert await aliases.list("two") == {}
        assert await aliases.list("") == {"House Voice": "tone/a"}
        assert (await look_up(database, "news", "two")).alias is None
        assert (await look_up(database, "profile:news", "one")).alias is None


@awaited
async def test_an_alias_is_changed_and_deleted(url: URL) -> None:
    """An alias has one target, and none once it is deleted; other keys' aliases stay."""
    async with connected(url) as database:
        aliases = Aliases(database)
        await aliases.put("news", "tone/a", "one")
        await aliases.put("News", "tone/b", "one")
        await aliases.put("news", "tone/c", "two")
        assert await aliases.list("one") == {"News": "tone/b"}
        assert await aliases.delete("NEWS", "one")
        assert not await aliases.delete("NEWS", "one")
        assert not await aliases.delete("a\0b", "one")
        assert (await look_up(database, "news", "one")).alias is None
        assert (await look_up(database, "news", "two")).alias == "tone/c"


@awaited
async def test_unknown_aliases(url: URL) -> None:
    """A text that cannot be a name has no target, and is no database error."""
    async with connected(url) as database:
        for name in ("", "a\0b", "x" * 10_000):
            assert (await look_up(database, name, "one")).alias is None


@awaited
async def test_simultaneous_writes_of_an_alias(url: URL) -> None:
    """Simultaneous writes of an alias all succeed, and one of them is the last."""
    async with connected(url) as one, connected(url) as two:
        targets = [f"tone/{number}" for number in range(MANY)]
        await asyncio.gather(
            *(
                Aliases(one if number % 2 else two).put("news", target, "")
                for number, target in enumerate(targets)
            )
        )
        assert list(await Aliases(one).list("")) == ["news"]
        assert (await look_up(two, "news", "")).alias in targets


@awaited
async def test_aliases_go_with_their_voice(url: URL) -> None:
    """Aliases of a deleted voice are deleted, by whichever of its names they were; others stay."""
    async with connected(url) as database:
        aliases, store = Aliases(database), Store(database)
        anna, _ = await store.create(voice("Anna", "one")), await store.create(voice("Anna", "two"))
        for name, target in (
            ("a", "ANNA"),
            ("b", anna.id),
            ("c", f"profile:{anna.id}"),
            ("d", "profile:anna"),
            ("e", "tone/anna"),
        ):
            await aliases.put(name, target, "one")
        await aliases.put("a", "Anna", "two")
        await store.delete(anna.id, "one")
        assert await aliases.list("one") == {"e": "tone/anna"}
        assert await aliases.list("two") == {"a": "Anna"}


# Dictionaries...


@awaited
async def test_dictionaries(url: URL) -> None:
    """A key has its own entries, and replaces them all at once."""
    first, second = (Entry("SQL", "sequel"),), (Entry("GIF", ipa="dʒɪf"), Entry("nginx", "engine x"))
    async with connected(url) as database:
        dictionaries = Dictionaries(database)
        assert await dictionaries.get("one") == ()
        await dictionaries.put("one", first)
        await dictionaries.put("one", second)
        await dictionaries.put("two", first)
        assert await dictionaries.get("one") == (await look_up(database, "any", "one")).words == second
        assert await dictionaries.get("two") == first
        await dictionaries.put("one", ())
        assert await dictionaries.get("one") == ()


@awaited
async def test_simultaneous_writes_of_a_dictionary(url: URL) -> None:
    """Simultaneous replacements of a dictionary all succeed, and the stored one is whole."""
    async with connected(url) as one, connected(url) as two:
        words = [(Entry("SQL", f"sequel {number}"), Entry("GIF", f"jif {number}")) for number in range(MANY)]
        await asyncio.gather(
            *(
                Dictionaries(one if number % 2 else two).put("me", entries)
                for number, entries in enumerate(words)
            )
        )
        assert await Dictionaries(one).get("me") in words


# Consents...


@awaited
async def test_consents(url: URL) -> None:
    """A consent is seen, changed and deleted by the key that created it, and by all where there was none."""
    async with connected(url) as database:
        consents = Consents(database)
        mine, everybodys = (
            await consents.create(consent("cons_1", "one")),
            await consents.create(consent("cons_2")),
        )
        assert await consents.get("cons_1", "one") == await consents.same(mine.sha256, "one") == mine
        assert await consents.get("cons_2", "two") == everybodys
        assert await consents.same(mine.sha256, "two") is None
        for id in ("cons_1", "cons_none", "a\0b"):
            for ask in (
                consents.get(id, "two"),
                consents.delete(id, "two"),
                consents.change(id, "two", lambda one: one),
            ):
                with pytest.raises(UnknownConsent) as caught:
                    await ask
                assert isinstance(caught.value, NotFound)
        after = await consents.change("cons_1", "one", lambda one: replace(one, name="Berta"))
        assert after == await consents.get("cons_1", "one") == replace(mine, name="Berta")
        assert await consents.delete("cons_1", "one") == after
        assert await consents.same(mine.sha256, "one") is None


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
@awaited
async def test_pages(url: URL, limit: int) -> None:
    """Every consent comes on one page only, newest first, also those of the same moment."""
    async with connected(url) as database:
        consents, moments = Consents(database), (1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 4.5)
        for number, moment in enumerate(moments):
            await consents.create(consent(f"cons_{number}", "one" if number % 2 else "", moment))
        await consents.create(consent("cons_other", "two", 2.0))
        found: list[Consent] = []
        more = True
        while more:
            page = await consents.page("one", found[-1].id if found else "", limit)
            found, more = found + page.consents, page.more
            assert len(page.consents) == limit or not more
        assert [one.id for one in found] == [f"cons_{number}" for number in (6, 5, 4, 3, 2, 1, 0)]
        with pytest.raises(UnknownConsent):
            await consents.page("one", "cons_other", limit)


@awaited
async def test_no_change_of_a_consent_is_lost(url: URL) -> None:
    """Simultaneous changes build on each other."""
    async with connected(url) as one, connected(url) as two:
        await Consents(one).create(consent("cons_1"))
        changes = (
            Consents(database).change("cons_1", "", lambda was: replace(was, name=was.name + "x"))
            for database in (one, two) * 10
        )
        await asyncio.gather(*changes)
        assert (await Consents(two).get("cons_1", "")).name == "Anna" + "x" * 20
