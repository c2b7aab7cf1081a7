"""OpenAI's voice consents: recordings in which a person agrees to have their voice cloned."""

from __future__ import annotations

import msgspec
from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from compat.openai import voices as dialect
from engines.errors import BadAudio, BadInput, StorageFull
from gateway.http.context import ROUTE, RequestContext
from gateway.http.openapi.operation import (
    CONSENTS_TAG,
    DOCUMENTED,
    FORM_TYPE,
    JSON_TYPE,
    Documented,
    page_query,
)
from voices.errors import UnknownConsent
from voices.profile import Consent, checked_language, checked_name

ONE = "/{consent_id:str}"
PAGE = page_query(dialect.HIGHEST_LIMIT, dialect.DEFAULT_LIMIT)


@post(
    "/",
    status_code=200,
    operation_id="createVoiceConsent",
    summary="Keep a consent recording",
    opt={
        DOCUMENTED: Documented(
            body={FORM_TYPE: dialect.ConsentForm}, raises=(BadInput, BadAudio, StorageFull), is_counted=True
        )
    },
)
async def create(context: NamedDependency[RequestContext]) -> dialect.ConsentObject:
    """Keep a consent, and return it. Raises BadInput or BadAudio."""
    form = await context.read_form_or_json("recording", context.services.settings.voices.upload_bytes)
    name = checked_name(dialect.required(form.fields, "name"))
    language = checked_language(dialect.required(form.fields, "language"))
    if not form.data:
        raise dialect.missing("recording")
    dialect.check_type(form.data_type, "recording")
    async with context.permit():
        voices = await context.voices()
        return _object(await voices.consent(name, language, form.data, context.caller))


@get(
    "/",
    operation_id="listVoiceConsents",
    summary="List the consents, newest first",
    opt={
        DOCUMENTED: Documented(
            query=page_query(dialect.HIGHEST_LIMIT, dialect.DEFAULT_LIMIT), raises=(UnknownConsent,)
        )
    },
)
async def page(context: NamedDependency[RequestContext]) -> dialect.ConsentList:
    """Return a page of the caller's consents. Raises BadInput or UnknownConsent."""
    limit = dialect.page_limit(context.query("limit"))
    if await context.services.library.is_empty():
        return dialect.ConsentList((), False, None, None)
    consents = (await context.library()).consents
    found = await consents.page(context.caller, context.query("after") or "", limit)
    data = tuple(map(_object, found.consents))
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return dialect.ConsentList(data, found.more, first, last)


@get(
    ONE,
    operation_id="retrieveVoiceConsent",
    summary="Look a consent up",
    opt={DOCUMENTED: Documented(raises=(UnknownConsent,))},
)
async def retrieve(
    context: NamedDependency[RequestContext], consent_id: FromPath[str]
) -> dialect.ConsentObject:
    """Return a consent. Raises UnknownConsent."""
    return _object(await (await context.library()).consents.get(consent_id, context.caller))


@post(
    ONE,
    status_code=200,
    operation_id="updateVoiceConsent",
    summary="Rename a consent",
    opt={DOCUMENTED: Documented(body={JSON_TYPE: dialect.ConsentName}, raises=(UnknownConsent, StorageFull))},
)
async def rename(
    context: NamedDependency[RequestContext], consent_id: FromPath[str]
) -> dialect.ConsentObject:
    """Rename a consent, and return it. Raises BadInput or UnknownConsent."""
    name = checked_name(dialect.required(await context.read_json(), "name"))
    consents = (await context.library()).consents
    renamed = await consents.change(
        consent_id, context.caller, lambda consent: msgspec.structs.replace(consent, name=name)
    )
    return _object(renamed)


@delete(
    ONE,
    status_code=200,
    operation_id="deleteVoiceConsent",
    summary="Delete a consent",
    opt={DOCUMENTED: Documented(raises=(UnknownConsent,))},
)
async def remove(
    context: NamedDependency[RequestContext], consent_id: FromPath[str]
) -> dialect.ConsentDeleted:
    """Delete a consent with its recording. Raises UnknownConsent."""
    await (await context.voices()).delete_consent(consent_id, context.caller)
    return dialect.ConsentDeleted(consent_id)


CONSENT_ROUTER = Router(
    "/v1/audio/voice_consents",
    route_handlers=[create, page, retrieve, rename, remove],
    tags=[CONSENTS_TAG],
    opt={ROUTE: "voice_consents"},
)


def _object(consent: Consent) -> dialect.ConsentObject:
    return dialect.ConsentObject(consent.id, consent.name, consent.language, int(consent.created))
