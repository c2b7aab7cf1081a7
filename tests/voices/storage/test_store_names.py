"""Tests of the store of voices: who finds, sees and changes which, on SQLite and on PostgreSQL."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import libraries
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libraries import awaited, connected, found, sample, voice
from msgspec.structs import replace
from sqlalchemy.engine import URL

from engines.errors import BadInput, Forbidden, NotFound
from voices.errors import NameTaken, UnknownProfile
from voices.profile import LONGEST_FOLDED, Profile, checked_name
from voices.storage import tables
from voices.storage.store import Store

on_postgres = libraries.on_postgres
url = libraries.url

SAME = {
    "case": ("Anna", "ANNA"),
    "composed": ("Zoë", unicodedata.normalize("NFD", "zoë")),
    "spaces": ("My  first\u3000 voice ", "my first voice"),
    "sharp s": ("Großer", "GROSSER"),
    "final sigma": ("Νίκος", "ΝΊΚΟΣ"),
    "width": ("Ｂｏｂ", "bob"),
    "ligature": ("ﬁona", "Fiona"),
    "half a kana": ("ｶﾞｸ", "ガク"),
}
OTHER = [
    ("Anna", "Ana"),
    ("a b", "ab"),
    ("résumé", "resume"),
    ("voice 1", "voice 2"),
    ("ı", "i"),
    ("あ", "ア"),
]


def named(name: str) -> Callable[[Profile], Profile]:
    return lambda profile: replace(profile, name=name)


# Names...


@pytest.mark.parametrize("kind", SAME)
@awaited
async def test_equal_names(url: URL, kind: str) -> None:
    """Two voices of one key cannot have equal names, and each equal name finds the voice."""
    one, other = SAME[kind]
    async with connected(url) as database:
        store = Store(database)
        first = await store.create(voice(one, "me"))
        second = await store.create(voice("second", "me"))
        with pytest.raises(NameTaken) as caught:
            await store.create(voice(other, "me"))
        assert (caught.value.param, caught.value.code) == ("name", "name_taken")
        with pytest.raises(NameTaken, match=other):
            await store.change(second.id, "me", named(other))
        assert await store.visible("me") == [first, second]
        for name in (one, other, one.upper(), f"  {other}", f"profile:{other}", f"PROFILE:{one}"):
            assert await found(database, name, "me") == first


@awaited
async def test_names_that_differ(url: URL) -> None:
    """Names that only look alike are two."""
    async with connected(url) as database:
        for number, pair in enumerate(OTHER):
            for name in pair:
                await Store(database).create(voice(name, f"key {number}"))


@awaited
async def test_a_name_can_be_reused(url: URL) -> None:
    """A voice may change the form of its own name, and use a name that is free again."""
    async with connected(url) as database:
        store = Store(database)
        created = await store.create(voice("anna"))
        assert (await store.change(created.id, "", named("ANNA")))[1].name == "ANNA"
        await store.change(created.id, "", named("Bert"))
        assert await found(database, "anna", "") is None
        await store.create(voice("Anna"))


@awaited
async def test_names_are_unique_by_scope(url: URL) -> None:
    """Each key has its own names, and there are those of all: shared voices, and those created without a key."""
    async with connected(url) as database:
        store = Store(database)
        mine = await store.create(voice("Anna", "one"))
        await store.create(voice("Anna", "two"))
        shared = await store.create(voice("Anna", "three", shared=True))
        for other in (voice("anna", "four", shared=True), voice("anna")):
            with pytest.raises(NameTaken):
                await store.create(other)
        with pytest.raises(NameTaken):
            await store.change(mine.id, "one", lambda one: replace(one, shared=True))
        assert await found(database, "anna", "one") == mine
        assert await found(database, "anna", "three") == await found(database, "anna", "") == shared


@pytest.mark.parametrize("name", ["x" * 100, "ﷺ" * 22, "🎙" * 100, "ΐ" * 100, "O'Brien; --", "100 % \\ _"])
@awaited
async def test_names_of_any_kind(url: URL, name: str) -> None:
    """Both databases store any valid name, up to the longest."""
    async with connected(url) as database:
        created = await Store(database).create(voice(checked_name(name)))
        assert await found(database, name, "") == created
        assert await found(database, name[:-1], "") is None


@given(name=st.one_of(st.text(max_size=100), st.text("ﷺﷲ㋿㌀ΐßİ\u0345\u0301 a", max_size=100)))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_is_stored_or_refused(url: URL, name: str) -> None:
    """A valid name finds its voice again, on both databases."""
    try:
        created = voice(checked_name(name))
    except BadInput:
        return

    @awaited
    async def kept() -> None:
        async with connected(url) as database:
            assert await Store(database).create(created) == await found(database, name, "")
            await Store(database).delete(created.id, "")

    kept()


def test_the_longest_name_fits() -> None:
    """The columns of folded names are as long as the rules for names allow."""
    for table in (tables.profiles, tables.aliases):
        assert getattr(table.c.folded.type, "length", 0) == LONGEST_FOLDED


@pytest.mark.parametrize("name", ["", "profile:", "a\0b", "voice_\0", "%", "x" * 10_000, "\ufffd"])
@awaited
async def test_unknown_names(url: URL, name: str) -> None:
    """An invalid name finds nothing, and is no database error."""
    async with connected(url) as database:
        store = Store(database)
        await store.create(voice("Anna"))
        assert await found(database, name, "") is None
        for ask in (store.get(name, ""), store.delete(name, ""), store.change(name, "", named("Bert"))):
            with pytest.raises(UnknownProfile):
                await ask


# Lookup...


@awaited
async def test_ids_go_before_names(url: URL) -> None:
    """An exact id finds its own voice, even where another voice has it as a name; then the caller's own name,
    then one for all.
    """
    async with connected(url) as database:
        store = Store(database)
        shared = await store.create(voice("Anna", shared=True, owner="two"))
        like_an_id = await store.create(voice(shared.id, "one"))
        mine = await store.create(voice("anna", "one"))
        assert await found(database, shared.id, "one") == shared
        assert await found(database, f"profile:{shared.id}", "one") == shared
        assert await found(database, shared.id.upper(), "one") == like_an_id
        assert await found(database, "ANNA", "one") == await found(database, "profile:Anna", "one") == mine
        assert await found(database, "ANNA", "three") == shared


@awaited
async def test_invisible_voices_are_unknown(url: URL) -> None:
    """Another key's voice is as unknown as one that never existed: same error, same words but the id, and it
    stays as it was.
    """
    async with connected(url) as database:
        store = Store(database)
        theirs = await store.create(voice("Secret", "two", samples=(sample("samp_1"),)))
        for caller in ("one", ""):
            for id in (theirs.id, "voice_none"):
                assert await found(database, id, caller) is None
                for ask in (
                    store.get(id, caller),
                    store.delete(id, caller),
                    store.change(id, caller, named("Bert")),
                ):
                    with pytest.raises(UnknownProfile, match=f"^No voice found with id '{id}'.$") as caught:
                        await ask
                    assert isinstance(caught.value, NotFound)
                    assert caught.value.code == "voice_not_found"
            assert await found(database, "secret", caller) is None
            assert await store.visible(caller) == []
        assert await store.get(theirs.id, "two") == theirs


@awaited
async def test_shared_voices(url: URL) -> None:
    """A shared voice is seen by all, and changed by its owner alone."""
    async with connected(url) as database:
        store = Store(database)
        shared = await store.create(voice("Anna", "two", shared=True))
        for caller in ("one", ""):
            assert await store.get(shared.id, caller) == await found(database, "anna", caller) == shared
            assert await store.visible(caller) == [shared]
            for ask in (store.delete(shared.id, caller), store.change(shared.id, caller, named("Bert"))):
                with pytest.raises(Forbidden):
                    await ask
        assert (await store.change(shared.id, "two", named("Bert")))[1].name == "Bert"


@awaited
async def test_voices_without_owner(url: URL) -> None:
    """A voice that was created without a key can be changed by everybody."""
    async with connected(url) as database:
        created = await Store(database).create(voice("Anna"))
        await Store(database).change(created.id, "one", named("Bert"))
        await Store(database).delete(created.id, "two")
