"""OpenAI's voice consents: recordings in which a person agrees to have their voice cloned."""

from __future__ import annotations

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from compat.openai import voices as dialect
from gateway.http.context import Ask, Desk, query
from gateway.http.openapi import FORM, documented
from gateway.services.container import Services
from voices.profile import Consent, checked_language, checked_name

PATH = "/v1/audio/voice_consents"
ONE = PATH + "/{consent_id:str}"


def consent_routes(services: Services) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @post(PATH, status_code=200, operation_class=documented(dialect.ConsentForm, FORM), summary="Keep a consent recording")
    async def create(request: Ask) -> dialect.ConsentObject:
        desk = Desk(services, request, "voice_consents")
        sent = await desk.sent("recording", services.settings.voices.upload_bytes)
        name = checked_name(dialect.required(sent.fields, "name"))
        language = checked_language(dialect.required(sent.fields, "language"))
        if not sent.data:
            raise dialect.missing("recording")
        dialect.check_type(sent.data_type, "recording")
        async with desk.admitted():
            return _object(await (await desk.making()).consent(name, language, sent.data, desk.viewer))

    @get(PATH, summary="List the consents, newest first")
    async def page(request: Ask) -> dialect.ConsentList:
        desk = Desk(services, request, "voice_consents")
        limit = dialect.page_limit(query(request, "limit"))
        if await services.library.is_empty():
            return dialect.ConsentList((), False, None, None)
        found = await (await desk.shelves()).consents.page(desk.viewer, query(request, "after") or "", limit)
        data = tuple(map(_object, found.consents))
        first, last = (data[0].id, data[-1].id) if data else (None, None)
        return dialect.ConsentList(data, found.more, first, last)

    @get(ONE, summary="Look a consent up")
    async def retrieve(request: Ask, consent_id: FromPath[str]) -> dialect.ConsentObject:
        desk = Desk(services, request, "voice_consents")
        return _object(await (await desk.shelves()).consents.get(consent_id, desk.viewer))

    @post(ONE, status_code=200, operation_class=documented(dialect.ConsentName), summary="Rename a consent")
    async def rename(request: Ask, consent_id: FromPath[str]) -> dialect.ConsentObject:
        desk = Desk(services, request, "voice_consents")
        name = checked_name(dialect.required(await desk.json(), "name"))
        shelves = await desk.shelves()
        renamed = await shelves.consents.change(consent_id, desk.viewer, lambda one: msgspec.structs.replace(one, name=name))
        return _object(renamed)

    @delete(ONE, status_code=200, summary="Delete a consent")
    async def remove(request: Ask, consent_id: FromPath[str]) -> dialect.ConsentDeleted:
        desk = Desk(services, request, "voice_consents")
        await (await desk.making()).delete_consent(consent_id, desk.viewer)
        return dialect.ConsentDeleted(consent_id)

    return [create, page, retrieve, rename, remove]


def _object(consent: Consent) -> dialect.ConsentObject:
    return dialect.ConsentObject(consent.id, consent.name, consent.language, int(consent.created))
