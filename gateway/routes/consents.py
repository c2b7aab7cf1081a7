"""OpenAI's voice consents: recordings in which a person agrees to have their voice cloned."""

from __future__ import annotations

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from compat.openai import voices as dialect
from gateway.http.context import HttpRequest, RequestContext, query
from gateway.http.openapi import FORM, documented
from gateway.services.container import Services
from voices.profile import Consent, checked_language, checked_name

PATH = "/v1/audio/voice_consents"
ONE = PATH + "/{consent_id:str}"


def consent_routes(services: Services) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @post(
        PATH,
        status_code=200,
        operation_class=documented(dialect.ConsentForm, FORM),
        summary="Keep a consent recording",
    )
    async def create(request: HttpRequest) -> dialect.ConsentObject:
        context = RequestContext(services, request, "voice_consents")
        sent = await context.sent("recording", services.settings.voices.upload_bytes)
        name = checked_name(dialect.required(sent.fields, "name"))
        language = checked_language(dialect.required(sent.fields, "language"))
        if not sent.data:
            raise dialect.missing("recording")
        dialect.check_type(sent.data_type, "recording")
        async with context.admitted():
            return _object(await (await context.voices()).consent(name, language, sent.data, context.caller))

    @get(PATH, summary="List the consents, newest first")
    async def page(request: HttpRequest) -> dialect.ConsentList:
        context = RequestContext(services, request, "voice_consents")
        limit = dialect.page_limit(query(request, "limit"))
        if await services.library.is_empty():
            return dialect.ConsentList((), False, None, None)
        found = await (await context.library()).consents.page(
            context.caller, query(request, "after") or "", limit
        )
        data = tuple(map(_object, found.consents))
        first, last = (data[0].id, data[-1].id) if data else (None, None)
        return dialect.ConsentList(data, found.more, first, last)

    @get(ONE, summary="Look a consent up")
    async def retrieve(request: HttpRequest, consent_id: FromPath[str]) -> dialect.ConsentObject:
        context = RequestContext(services, request, "voice_consents")
        return _object(await (await context.library()).consents.get(consent_id, context.caller))

    @post(ONE, status_code=200, operation_class=documented(dialect.ConsentName), summary="Rename a consent")
    async def rename(request: HttpRequest, consent_id: FromPath[str]) -> dialect.ConsentObject:
        context = RequestContext(services, request, "voice_consents")
        name = checked_name(dialect.required(await context.json(), "name"))
        opened = await context.library()
        renamed = await opened.consents.change(
            consent_id, context.caller, lambda one: msgspec.structs.replace(one, name=name)
        )
        return _object(renamed)

    @delete(ONE, status_code=200, summary="Delete a consent")
    async def remove(request: HttpRequest, consent_id: FromPath[str]) -> dialect.ConsentDeleted:
        context = RequestContext(services, request, "voice_consents")
        await (await context.voices()).delete_consent(consent_id, context.caller)
        return dialect.ConsentDeleted(consent_id)

    return [create, page, retrieve, rename, remove]


def _object(consent: Consent) -> dialect.ConsentObject:
    return dialect.ConsentObject(consent.id, consent.name, consent.language, int(consent.created))
