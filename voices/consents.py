"""What a caller keeps beside voices: consents, aliases, and pronunciations."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voices.errors import unknown_consent
from voices.profile import NOBODY, Consent, folded
from voices.pronunciation import Entry
from voices.storage import tables
from voices.storage.database import Database, one_by_one, plain


class Page(msgspec.Struct, frozen=True):
    """A page of consents, and whether more follow."""

    consents: list[Consent]
    more: bool


class Consents:
    """The consents in the database, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, consent: Consent) -> Consent:
        """Store a consent."""
        values = {
            "id": consent.id,
            "owner": consent.owner,
            "created": consent.created,
            "document": _text(consent),
        }
        async with self._database.writing() as connection:
            await connection.execute(insert(tables.consents).values(values))
        return consent

    async def get(self, id: str, caller: str) -> Consent:
        """Return the consent of an id. Raises UnknownConsent."""
        async with self._database.reading() as connection:
            return await _consent(connection, id, caller)

    async def same(self, sha256: str, owner: str) -> Consent | None:
        """Return an owner's consent with that recording, if there is one."""
        async with self._database.reading() as connection:
            query = select(tables.consents.c.document).where(tables.consents.c.owner == owner)
            rows = (await connection.execute(query)).scalars().all()
        found = (msgspec.json.decode(row, type=Consent) for row in rows)
        return next((one for one in found if one.sha256 == sha256), None)

    async def page(self, caller: str, after: str, limit: int) -> Page:
        """Return at most `limit` consents that follow `after`, an id or empty. Raises UnknownConsent."""
        table = tables.consents.c
        query = (
            select(table.document)
            .where(table.owner.in_({NOBODY, caller}))
            .order_by(table.created.desc(), table.id.desc())
        )
        async with self._database.reading() as connection:
            if after:
                last = await _consent(connection, after, caller)
                older = or_(
                    table.created < last.created, and_(table.created == last.created, table.id < last.id)
                )
                query = query.where(older)
            rows = (await connection.execute(query.limit(limit + 1))).scalars().all()
        return Page([msgspec.json.decode(row, type=Consent) for row in rows[:limit]], len(rows) > limit)

    async def change(self, id: str, caller: str, change: Callable[[Consent], Consent]) -> Consent:
        """Change a consent, and return it as it is then. Raises UnknownConsent."""
        async with self._database.writing() as connection:
            await connection.execute(
                select(tables.consents.c.id).where(tables.consents.c.id == plain(id)).with_for_update()
            )
            after = change(await _consent(connection, id, caller))
            await connection.execute(
                update(tables.consents).where(tables.consents.c.id == id).values(document=_text(after))
            )
        return after

    async def delete(self, id: str, caller: str) -> Consent:
        """Delete a consent, and return it; voices made by it stay, and keep its id. Raises UnknownConsent."""
        async with self._database.writing() as connection:
            before = await _consent(connection, id, caller)
            await connection.execute(delete(tables.consents).where(tables.consents.c.id == id))
        return before


class Aliases:
    """The aliases in the database, of each owner by themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, owner: str) -> dict[str, str]:
        """Return the targets of an owner's aliases, by name."""
        query = select(tables.aliases).where(tables.aliases.c.scope == owner)
        async with self._database.reading() as connection:
            return {row.name: row.target for row in await connection.execute(query)}

    async def put(self, name: str, target: str, owner: str) -> None:
        """Create or change an owner's alias."""
        values = {"scope": owner, "folded": folded(name), "name": name, "target": plain(target)}
        async with self._database.writing() as connection:
            await one_by_one(connection)
            await _remove(connection, name, owner)
            await connection.execute(insert(tables.aliases).values(values))

    async def delete(self, name: str, owner: str) -> bool:
        """Delete an owner's alias; return False when there is none of that name."""
        async with self._database.writing() as connection:
            return await _remove(connection, name, owner)


class Dictionaries:
    """The pronunciations in the database, one dictionary for each owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, owner: str) -> tuple[Entry, ...]:
        """Return an owner's entries."""
        query = select(tables.dictionaries.c.document).where(tables.dictionaries.c.owner == owner)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).scalar()
        return msgspec.json.decode(row, type=tuple[Entry, ...]) if row else ()

    async def put(self, owner: str, entries: tuple[Entry, ...]) -> None:
        """Replace an owner's entries."""
        values = {"owner": owner, "document": msgspec.json.encode(entries).decode()}
        async with self._database.writing() as connection:
            await one_by_one(connection)
            await connection.execute(delete(tables.dictionaries).where(tables.dictionaries.c.owner == owner))
            await connection.execute(insert(tables.dictionaries).values(values))


async def _consent(connection: AsyncConnection, id: str, caller: str) -> Consent:
    row = (
        await connection.execute(select(tables.consents.c.document).where(tables.consents.c.id == plain(id)))
    ).scalar()
    consent = msgspec.json.decode(row, type=Consent) if row else None
    if consent is None or not consent.visible(caller):
        raise unknown_consent(id)
    return consent


async def _remove(connection: AsyncConnection, name: str, owner: str) -> bool:
    table = tables.aliases.c
    gone = await connection.execute(
        delete(tables.aliases).where(table.folded == folded(plain(name)), table.scope == owner)
    )
    return gone.rowcount > 0


def _text(consent: Consent) -> str:
    return msgspec.json.encode(consent).decode()
