"""Tests of what a voice's name means: whatever others do, what is mine, the settings' or the server's stays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import voice
from msgspec.structs import replace
from sqlalchemy import delete

from engines.errors import SpeechError
from voices.consents import Aliases
from voices.naming import matching
from voices.naming.meaning import Meaning, find_meaning, lasting_target
from voices.storage import tables
from voices.storage.database import Database, database_url
from voices.storage.lookup import look_up
from voices.storage.store import Store

ME = "anna"
OTHERS = ("bert", "")
"""another key's name, and whoever comes with a key that is nobody's"""
NAMES = ("alloy", "af_heart", "boss", "Siegfried", "house", "default")
SETTINGS = {"house": "Siegfried", "default": "af_heart"}
"""aliases of the settings"""
PRESETS = frozenset({"af_heart"})
OTHERS_GIVE = ("shared", "common alias", "nothing")
"""sources of a meaning that what others do may change: it is theirs, or there is none"""
KINDS = ("make", "share", "unshare", "rename", "delete", "alias", "forget")


class Act(NamedTuple):
    """What somebody does; `pick` chooses among that caller's voices."""

    caller: str
    kind: str
    name: str
    target: str
    pick: int


def acts(callers: tuple[str, ...], most: int) -> st.SearchStrategy[list[Act]]:
    """Return a strategy of what callers do, one after the other."""
    names = st.sampled_from(NAMES)
    one = st.builds(Act, st.sampled_from(callers), st.sampled_from(KINDS), names, names, st.integers(0, 3))
    return st.lists(one, max_size=most)


def is_taken(name: str) -> bool:
    """Return whether the engines of these tests make anything of a name."""
    return (matching.alias(name, SETTINGS) or name) in PRESETS


class World:
    """A library with everybody's voices and aliases."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._store = Store(database)
        self._aliases = Aliases(database)

    async def clear(self) -> None:
        """Take all away."""
        async with self._database.writing() as connection:
            for table in (tables.aliases, tables.profiles):
                await connection.execute(delete(table))

    async def meaning(self, name: str, caller: str = ME, *, is_target: bool = False) -> Meaning:
        """Return what a name means to a caller."""
        return await find_meaning(
            name,
            lambda wanted: look_up(self._database, wanted, caller),
            SETTINGS,
            is_taken,
            is_target=is_target,
        )

    async def do(self, act: Act) -> None:
        """Do something, unless it is refused."""
        with suppress(SpeechError):
            await self._do(act)

    async def _do(self, act: Act) -> None:
        if act.kind == "make":
            await self._store.create(voice(act.name, act.caller))
        elif act.kind == "alias":
            found = await self.meaning(act.target, act.caller, is_target=True)
            if found.source != "nothing":
                await self._aliases.put(act.name, lasting_target(act.target, found, act.caller), act.caller)
        elif act.kind == "forget":
            await self._aliases.delete(act.name, act.caller)
        elif own := [one for one in await self._store.visible(act.caller) if one.owner == act.caller]:
            await self._change(act, own[act.pick % len(own)].id)

    async def _change(self, act: Act, id: str) -> None:
        if act.kind == "delete":
            await self._store.delete(id, act.caller)
        elif act.kind == "rename":
            await self._store.change(id, act.caller, lambda one: replace(one, name=act.name))
        else:
            await self._store.change(id, act.caller, lambda one: replace(one, shared=act.kind == "share"))


def own(meaning: Meaning) -> bool:
    """Return whether a meaning is none of what others do."""
    profile = meaning.profile
    return meaning.source not in OTHERS_GIVE and (profile is None or profile.owner == ME)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, World]]:
    """Open a library, and a loop to use it in."""
    folder = Path(tmp_path_factory.mktemp("meaning"))
    url = database_url("", folder)
    Database.migrate(url)
    with asyncio.Runner() as runner:
        database = Database(url)
        yield runner, World(database)
        runner.run(database.close())


@settings(max_examples=60, deadline=None)
@given(acts((ME, *OTHERS), 10), acts(OTHERS, 6))
def test_what_others_do_changes_nothing(
    world: tuple[asyncio.Runner, World], before: list[Act], then: list[Act]
) -> None:
    """After whatever was done, no act of another's changes what a name means that means something of mine, of
    the settings' or of the engines'; and an alias of mine never leads to another voice than it did.
    """

    async def check() -> None:
        await world[1].clear()
        for act in before:
            await world[1].do(act)
        meanings = {name: await world[1].meaning(name) for name in NAMES}
        for act in then:
            await world[1].do(act)
            for name, was in meanings.items():
                now = await world[1].meaning(name)
                if own(was):
                    assert now == was, (name, act)
                if was.source == "alias" and was.profile and now.profile:
                    assert now.profile.id == was.profile.id, (name, act)

    world[0].run(check())


@pytest.mark.parametrize(
    ("mine", "theirs", "name", "source", "owner"),
    [
        ((), (Act("bert", "make", "alloy", "", 0), Act("bert", "share", "", "", 0)), "alloy", "engines", None),
        ((), (Act("", "make", "alloy", "", 0),), "ALLOY", "engines", None),
        ((), (Act("", "alias", "alloy", "af_heart", 0),), "alloy", "engines", None),
        (
            (Act(ME, "alias", "boss", "af_heart", 0),),
            (Act("bert", "make", "boss", "", 0), Act("bert", "share", "", "", 0)),
            "boss", "alias", None,
        ),
        (
            (Act(ME, "alias", "boss", "af_heart", 0),),
            (Act("bert", "make", "af_heart", "", 0), Act("bert", "share", "", "", 0)),
            "boss", "alias", None,
        ),
        ((), (Act("bert", "make", "af_heart", "", 0), Act("bert", "share", "", "", 0)), "default", "settings", None),
        ((Act(ME, "make", "alloy", "", 0),), (), "alloy", "own", ME),
        ((), (Act("bert", "make", "boss", "", 0), Act("bert", "share", "", "", 0)), "boss", "shared", "bert"),
        ((), (Act("bert", "make", "boss", "", 0), Act("bert", "share", "", "", 0)), "profile:boss", "id", "bert"),
        ((), (Act("", "alias", "boss", "af_heart", 0),), "boss", "common alias", None),
        ((Act(ME, "make", "Siegfried", "", 0),), (), "house", "settings", ME),
    ],
)  # fmt: skip
def test_order(
    world: tuple[asyncio.Runner, World],
    mine: tuple[Act, ...],
    theirs: tuple[Act, ...],
    name: str,
    source: str,
    owner: str | None,
) -> None:
    """One's own voice goes first, then one's own alias, the settings' alias, engines, then what others share."""

    async def check() -> Meaning:
        await world[1].clear()
        for act in (*mine, *theirs):
            await world[1].do(act)
        return await world[1].meaning(name)

    found = world[0].run(check())
    assert (found.source, found.profile and found.profile.owner) == (source, owner)


def test_an_alias_stays_with_the_voice_it_was_made_for(world: tuple[asyncio.Runner, World]) -> None:
    """An alias of another's shared voice means that voice also under a new name, and no other of its old name."""

    async def check() -> tuple[Meaning, Meaning]:
        await world[1].clear()
        for act in (
            Act("bert", "make", "Siegfried", "", 0),
            Act("bert", "share", "", "", 0),
            Act(ME, "alias", "boss", "Siegfried", 0),
        ):
            await world[1].do(act)
        before = await world[1].meaning("boss")
        for act in (
            Act("bert", "rename", "house", "", 0),
            Act("", "make", "Siegfried", "", 0),
        ):
            await world[1].do(act)
        return before, await world[1].meaning("boss")

    before, after = world[0].run(check())
    assert before.profile
    assert after.profile
    assert after.profile.id == before.profile.id
