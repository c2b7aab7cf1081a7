"""Profiles and their samples, kept in the database. Each call is one transaction: all of it happens, or
nothing.

A `caller` is the key that asks, by name, or "" for none; what it must not see is as if it were not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Select,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from engines.errors import BadInput
from voices.errors import not_yours, taken, unknown
from voices.profile import NOBODY, Audit, Profile, Sample, folded, now
from voices.storage import tables
from voices.storage.database import Database, one_by_one, plain

PROFILE = "profile:"
NEAR_NAMES = 500
"""names that are looked at for one that is like another"""
Change = Callable[[Profile], Profile]
Nearest = Callable[[str, Sequence[str]], Sequence[str]]
"""returns those of some names that are most like one"""


class Store:
    """The profiles in the database, with their samples and the audit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, voice: str, caller: str) -> Profile | None:
        """Return the voice of an id, a name, or `profile:` and either; of two with the name, the caller's
        own.
        """
        wanted = plain(voice[len(PROFILE) :] if voice.casefold().startswith(PROFILE) else voice)
        name = folded(wanted)
        known = or_(tables.profiles.c.id == wanted, tables.profiles.c.folded == name)
        found = await self._read(joined().where(known, tables.profiles.c.scope.in_({NOBODY, caller})))
        return min(found, key=lambda one: (one.id != wanted, one.scope != caller), default=None)

    async def get(self, id: str, caller: str) -> Profile:
        """Return a voice. Raises UnknownProfile."""
        found = await self._read(joined().where(tables.profiles.c.id == plain(id)))
        if not found or not found[0].visible(caller):
            raise unknown(id)
        return found[0]

    async def visible(self, caller: str) -> list[Profile]:
        """Return all voices that a key may use, oldest first."""
        return await self._read(joined().where(tables.profiles.c.scope.in_({NOBODY, caller})))

    async def page(self, caller: str, after: str, limit: int) -> tuple[list[Profile], bool]:
        """Return at most `limit` voices that a key may use, oldest first, and whether there are more.

        They follow `after`, the id of one, or empty. Raises UnknownProfile.
        """
        table = tables.profiles.c
        query = select(table.id).where(table.scope.in_({NOBODY, caller}))
        if after:
            last = await self.get(after, caller)
            query = query.where(tuple_(table.created, table.id) > (last.created, last.id))
        query = query.order_by(table.created, table.id).limit(limit + 1)
        async with self._database.reading() as connection:
            ids = (await connection.execute(query)).scalars().all()
            rows = _pairs(await connection.execute(joined().where(table.id.in_(ids[:limit]))))
        return await asyncio.to_thread(profiles, rows), len(ids) > limit

    async def near_names(self, voice: str, caller: str, nearest: Nearest) -> list[str]:
        """Return the names, of voices that a key may use, that are most like one: of the newest that begin
        alike, and of the newest. `nearest` chooses among them.
        """
        table = tables.profiles.c
        visible = table.scope.in_({NOBODY, caller})
        wanted = folded(plain(voice))
        alike = case((func.substr(table.folded, 1, 2) == wanted[:2], 0), else_=1)
        some = select(table.folded).where(visible).order_by(alike, table.created.desc()).limit(NEAR_NAMES)
        async with self._database.reading() as connection:
            near = nearest(wanted, (await connection.execute(some)).scalars().all())
            found = select(table.document).where(visible, table.folded.in_(near))
            documents = (await connection.execute(found)).scalars().all()
        return [msgspec.json.decode(document, type=Profile).name for document in documents]

    async def create(self, profile: Profile, most: int = 0) -> Profile:
        """Keep a new voice, with its samples; an owner may have `most`, 0 is any number. Raises NameTaken or
        BadInput.
        """
        own = (
            select(func.count()).select_from(tables.profiles).where(tables.profiles.c.owner == profile.owner)
        )
        try:
            async with self._database.writing() as connection:
                if most:
                    await one_by_one(connection)
                if most and (await connection.execute(own)).scalar_one() >= most:
                    raise BadInput(
                        f"You have {most} voices, the most that a caller may have here.",
                        code="too_many_voices",
                    )
                await connection.execute(insert(tables.profiles).values(_row(profile)))
                await _put_samples(connection, profile, profile.samples)
        except IntegrityError as exc:
            raise taken(profile.name) from exc
        return profile

    async def change(self, id: str, caller: str, change: Change) -> tuple[Profile, Profile]:
        """Change a voice; give it as it was and as it is. Raises UnknownProfile, NameTaken, or what `change`
        raises.
        """
        name = id
        try:
            async with self._database.writing() as connection:
                before = await _locked(connection, id, caller)
                after = msgspec.structs.replace(change(before), id=id, created=before.created, updated=now())
                name = after.name
                await connection.execute(
                    update(tables.profiles).where(tables.profiles.c.id == id).values(_row(after))
                )
                await _change_samples(connection, before, after)
        except IntegrityError as exc:
            raise taken(name) from exc
        return before, after

    async def delete(self, id: str, caller: str) -> Profile:
        """Delete a voice and its samples, and return it as it was. Raises UnknownProfile."""
        async with self._database.writing() as connection:
            before = await _locked(connection, id, caller)
            await connection.execute(delete(tables.samples).where(tables.samples.c.profile == id))
            await connection.execute(delete(tables.profiles).where(tables.profiles.c.id == id))
            await _forget_aliases(connection, before)
        return before

    async def write_audit(self, line: Audit) -> None:
        """Write a line into the audit."""
        values = {"profile": line.profile, "time": line.time, "document": msgspec.json.encode(line).decode()}
        async with self._database.writing() as connection:
            await connection.execute(insert(tables.audit).values(values))

    async def audit(self, id: str, limit: int = 1000) -> list[Audit]:
        """Return the last lines of the audit about a voice, oldest first."""
        query = (
            select(tables.audit.c.document)
            .where(tables.audit.c.profile == id)
            .order_by(tables.audit.c.number.desc())
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.limit(limit))).scalars().all()
        return [msgspec.json.decode(row, type=Audit) for row in reversed(rows)]

    async def library(self) -> str:
        """Return the id of this database, with which the store of recordings is marked."""
        async with self._database.reading() as connection:
            return str((await connection.execute(select(tables.library.c.id))).scalar_one())

    async def ids(self) -> set[str]:
        """Return the ids of all voices."""
        async with self._database.reading() as connection:
            return set((await connection.execute(select(tables.profiles.c.id))).scalars().all())

    async def blobs(self) -> set[str]:
        """Return the keys of all blobs that a voice or a consent names."""
        async with self._database.reading() as connection:
            rows = _pairs(await connection.execute(joined()))
            recordings = (await connection.execute(select(tables.consents.c.document))).scalars().all()
        kept = {blob for profile in profiles(rows) for blob in profile.blobs()}
        return kept | {msgspec.json.decode(row)["recording"] for row in recordings}

    async def _read(self, query: Select[Any]) -> list[Profile]:
        async with self._database.reading() as connection:
            return profiles(_pairs(await connection.execute(query)))


def joined(*before: ColumnElement[Any]) -> Select[Any]:
    """Select voices with their samples in one statement, so that both are of the same moment; further columns
    go before.
    """
    order = (tables.profiles.c.created, tables.profiles.c.id, tables.samples.c.created, tables.samples.c.id)
    both = tables.profiles.outerjoin(tables.samples)
    columns = (*before, tables.profiles.c.document, tables.samples.c.document.label("sample"))
    return select(*columns).select_from(both).order_by(*order)


def profiles(rows: Iterable[tuple[str, str | None]]) -> list[Profile]:
    """Return voices with their samples, one of which is in each row."""
    found: dict[str, Profile] = {}
    for document, sample in rows:
        profile = found.get(document) or msgspec.json.decode(document, type=Profile)
        own = (msgspec.json.decode(sample, type=Sample),) if sample else ()
        found[document] = msgspec.structs.replace(profile, samples=profile.samples + own)
    return list(found.values())


def _pairs(result: CursorResult[Any]) -> list[tuple[str, str | None]]:
    return [tuple(row) for row in result]


async def _locked(connection: AsyncConnection, id: str, caller: str) -> Profile:
    """Read a voice to change it; others who would wait. Raises UnknownProfile."""
    id = plain(id)
    await connection.execute(select(tables.profiles.c.id).where(tables.profiles.c.id == id).with_for_update())
    found = profiles(_pairs(await connection.execute(joined().where(tables.profiles.c.id == id))))
    if not found or not found[0].visible(caller):
        raise unknown(id)
    if not found[0].editable(caller):
        raise not_yours()
    return found[0]


async def _forget_aliases(connection: AsyncConnection, gone: Profile) -> None:
    """Delete the further names that its owner gave a voice: they would lead nowhere, and tell its name."""
    table = tables.aliases.c
    names = {folded(f"{prefix}{name}") for prefix in ("", PROFILE) for name in (gone.id, gone.name)}
    rows = (
        await connection.execute(select(table.folded, table.target).where(table.scope == gone.owner))
    ).all()
    if dead := [alias for alias, target in rows if folded(target) in names]:
        await connection.execute(
            delete(tables.aliases).where(table.scope == gone.owner, table.folded.in_(dead))
        )


async def _change_samples(connection: AsyncConnection, before: Profile, after: Profile) -> None:
    if gone := [sample.id for sample in before.samples if sample not in after.samples]:
        await connection.execute(delete(tables.samples).where(tables.samples.c.id.in_(gone)))
    await _put_samples(
        connection, after, [sample for sample in after.samples if sample not in before.samples]
    )


async def _put_samples(connection: AsyncConnection, profile: Profile, samples: Iterable[Sample]) -> None:
    rows = [
        {
            "id": sample.id,
            "profile": profile.id,
            "created": sample.created,
            "document": msgspec.json.encode(sample).decode(),
        }
        for sample in samples
    ]
    if rows:
        await connection.execute(insert(tables.samples), rows)


def _row(profile: Profile) -> dict[str, object]:
    return {
        "id": profile.id,
        "owner": profile.owner,
        "scope": profile.scope,
        "folded": folded(profile.name),
        "consent": profile.consent,
        "created": profile.created,
        "document": msgspec.json.encode(msgspec.structs.replace(profile, samples=())).decode(),
    }
