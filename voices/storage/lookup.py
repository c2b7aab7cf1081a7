"""The lookup of a voice's name, in one statement: each costs most of a millisecond."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import BindParameter, CompoundSelect, bindparam, literal, null, or_, select, union_all

from voices.profile import NOBODY, NameRecords, folded
from voices.pronunciation import Entry
from voices.storage import tables
from voices.storage.database import Database, plain
from voices.storage.store import joined, profiles

PROFILE = "profile:"
OWN, ALIAS, WORDS = "profile", "alias", "words"


def _query() -> CompoundSelect[Any]:
    """Select rows of a kind and two texts: a voice and its sample, an alias's target and scope, a dictionary
    and nothing.
    """
    wanted: BindParameter[str] = bindparam("wanted")
    name: BindParameter[str] = bindparam("name")
    caller: BindParameter[str] = bindparam("caller")
    profile, alias, words = tables.profiles.c, tables.aliases.c, tables.dictionaries.c
    own = joined(literal(OWN)).where(or_(profile.id == wanted, profile.folded == name))
    return union_all(
        select(own.where(or_(profile.scope == NOBODY, profile.scope == caller)).subquery()),
        select(literal(ALIAS), alias.target, alias.scope).where(
            alias.folded == name, or_(alias.scope == NOBODY, alias.scope == caller)
        ),
        select(literal(WORDS), words.document, null()).where(words.owner == caller),
    )


QUERY = _query()


async def look_up(database: Database, voice: str, caller: str) -> NameRecords:
    """Return what is kept under a name that a caller may see; `profile:` means voices only."""
    said = voice.casefold().startswith(PROFILE)
    wanted = plain(voice[len(PROFILE) :] if said else voice)
    async with database.reading() as connection:
        values = {"wanted": wanted, "name": folded(wanted), "caller": caller}
        rows = [(row[0], row[1], row[2]) for row in await connection.execute(QUERY, values)]
    found = profiles((document, sample) for kind, document, sample in rows if kind == OWN)
    by_id = next((one for one in found if one.id == wanted), None)
    own = min((one for one in found if one.owner == caller), key=lambda one: one.shared, default=None)
    shared = next((one for one in found if one.owner != caller), None)
    aliases = {scope or "": target for kind, target, scope in rows if kind == ALIAS and not said}
    words = next((document for kind, document, _ in rows if kind == WORDS), None)
    return NameRecords(
        by_id or ((own or shared) if said else None),
        own,
        shared,
        aliases.get(caller),
        aliases.get(NOBODY) if caller else None,
        msgspec.json.decode(words, type=tuple[Entry, ...]) if words else (),
    )
