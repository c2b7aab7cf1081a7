"""The OpenAPI document: built from the application's routes, so that it names each of them."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute

from compat.errors import Envelope
from compat.openai.speech import OPENAI_INPUT, SpeechBody
from gateway.config.addresses import base_path
from gateway.config.settings import Settings
from gateway.http.openapi import errors, examples, headers, schemas
from gateway.http.openapi.operation import (
    DOCUMENTED,
    EVENTS_TYPE,
    FORM_TYPE,
    JSON_TYPE,
    TAGS,
    Content,
    Documented,
)

Json = dict[str, Any]
OPENAPI_VERSION = "3.1.0"
TITLE = "Voicebox Gateway"
DESCRIPTION = (
    "OpenAI's speech API with voices of your own: speech, transcription, voices and models.\n\n"
    "Paths work with and without `/v1`. Bodies are read more forgivingly than is written here; what was taken"
    " otherwise than asked is named in `x-voicebox-mapped` and `x-voicebox-ignored`. Every error has the same"
    ' envelope, `{"error": {"message", "type", "param", "code"}}`.'
)
SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, as `voicebox keys create` makes it. `x-api-key: KEY` is taken, too.",
    }
}
IsPublic = Callable[[str], bool]
"""returns whether a path is open to callers without a key"""


class Endpoint(msgspec.Struct, frozen=True):
    """One path with one method, and what handles it."""

    path: str
    method: str
    operation_id: str
    handler: HTTPRouteHandler
    parameters: tuple[str, ...]
    documented: Documented

    def answers(self) -> dict[str, Content]:
        """Return the bodies of success by media type."""
        return dict(self.documented.answers) or {JSON_TYPE: _returned(self.handler)}


def build(routes: Iterable[BaseRoute], settings: Settings, version: str, is_public: IsPublic | None) -> Json:
    """Return the document of an application's routes; without `is_public`, no keys are needed at all."""
    found = list(endpoints(routes))
    paths: dict[str, Json] = {}
    for endpoint in found:
        paths.setdefault(endpoint.path, {})[endpoint.method] = _operation(endpoint, is_public)
    document = {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": TITLE,
            "version": version,
            "description": DESCRIPTION,
            "license": {"name": "Apache License 2.0"},
        },
        "servers": [{"url": base_path(settings.server.base_path) or "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _with_limits(_schemas(found), settings),
            "responses": errors.error_responses(),
            "headers": headers.components(),
        },
    }
    if is_public:
        document["components"]["securitySchemes"] = SECURITY  # type: ignore[index]
        document["security"] = [{name: []} for name in SECURITY]
    return document


def endpoints(routes: Iterable[BaseRoute]) -> Iterator[Endpoint]:
    """Yield each path with each method that the description has, in the order of the routes."""
    found = [
        (route, method, handler)
        for route in routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in sorted(route.route_handler_map.items())
        if method != "OPTIONS" and handler.resolve_include_in_schema()
    ]
    firsts: dict[str, tuple[str, str]] = {}
    for route, method, handler in sorted(found, key=lambda one: (one[0].path_format, one[1])):
        firsts.setdefault(str(handler.operation_id), (route.path_format, method))
    for route, method, handler in found:
        yield Endpoint(
            route.path_format or "/",
            method.lower(),
            _operation_id(handler, route.path_format, method, firsts),
            handler,
            tuple(route.path_parameters),
            handler.opt.get(DOCUMENTED) or Documented(),
        )


def _operation_id(
    handler: HTTPRouteHandler, path: str, method: str, firsts: Mapping[str, tuple[str, str]]
) -> str:
    """Return a handler's name, which is that of its first path and method; others say what they are."""
    name = str(handler.operation_id)
    first_path, first_method = firsts[name]
    other_path = "" if path == first_path else "At" + "".join(part.title() for part in path.split("/"))
    other_method = "" if method == first_method else f"With{method.title()}"
    return name + other_path + other_method


def _operation(endpoint: Endpoint, is_public: IsPublic | None) -> Json:
    handler, documented = endpoint.handler, endpoint.documented
    needs_key = is_public is not None and not is_public(endpoint.path)
    operation: Json = {
        "operationId": endpoint.operation_id,
        "tags": handler.resolve_tags(),
        "summary": handler.summary,
        "description": handler.description,
        "parameters": _parameters(endpoint),
        "requestBody": _request_body(documented),
        "responses": _responses(endpoint, needs_key=needs_key),
    }
    if is_public and not needs_key:
        operation["security"] = [{}]
    return {name: value for name, value in operation.items() if value}


def _parameters(endpoint: Endpoint) -> list[Json]:
    found: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": examples.PATH_PARAMETERS[name][0],
            "schema": {"type": "string"},
            "example": examples.PATH_PARAMETERS[name][1],
        }
        for name in endpoint.parameters
    ]
    for query in endpoint.documented.query:
        schema = query.schema or {"type": "string"}
        found.append({"name": query.name, "in": "query", "description": query.description, "schema": schema})
    return [
        *found,
        *(headers.ASKED if endpoint.documented.is_queued else ()),
        *(headers.RANGED if endpoint.documented.is_file else ()),
    ]


def _request_body(documented: Documented) -> Json:
    if not documented.body:
        return {}
    content = {
        media_type: _media(media_type, taken, examples.bodies(taken) if media_type == JSON_TYPE else {})
        for media_type, taken in documented.body.items()
    }
    return {"required": documented.body_required, "content": content}


def _responses(endpoint: Endpoint, *, needs_key: bool) -> Json:
    documented = endpoint.documented
    names = [*headers.COMMON, "x-voicebox-warning", *documented.answer_headers]
    if documented.is_counted:
        names += headers.RATE_LIMITS
    if documented.is_file:
        names += headers.FILE
    success = {
        "description": endpoint.handler.response_description or "Done.",
        "headers": headers.references(*names),
        "content": {
            media_type: _media(media_type, answered, examples.answers(media_type, answered))
            for media_type, answered in endpoint.answers().items()
        },
    }
    found = errors.references(errors.statuses(documented, needs_key=needs_key))
    if documented.unready:
        found["503"] = {
            "description": "Not ready.",
            "headers": headers.references(*headers.COMMON),
            "content": {JSON_TYPE: {"schema": schemas.schema_of(documented.unready)}},
        }
    ranged = _ranged(success) if documented.is_file else {}
    return {str(endpoint.handler.status_code): success, **ranged, **found}


def _ranged(whole: Json) -> Json:
    """Return the answers of a stored file beside the whole one."""
    names = headers.references(*headers.COMMON, *headers.FILE)
    piece = {**whole, "description": "The range that is asked for."}
    piece["headers"] = {**whole["headers"], **headers.references("content-range")}
    return {"206": piece, "304": {"description": "The client has it already.", "headers": names}}


def _media(media_type: str, content: Content, shown: Json) -> Json:
    """Return the description of a body in one media type. OpenAPI 3.1 has no word for the events of a stream:
    they are named in `x-events`.
    """
    found: Json = {"schema": schemas.schema_of(str if media_type == EVENTS_TYPE else content)}
    if media_type == EVENTS_TYPE:
        found["x-events"] = schemas.schema_of(content)
    return found | ({"examples": shown} if shown else {})


def _schemas(found: Sequence[Endpoint]) -> Json:
    bodies = [pair for endpoint in found for pair in endpoint.documented.body.items()]
    answers = [answered for endpoint in found for answered in endpoint.answers().values()]
    answers += [endpoint.documented.unready for endpoint in found if endpoint.documented.unready]
    return schemas.components(
        taken=schemas.structs_in(content for media_type, content in bodies if media_type != FORM_TYPE),
        forms=schemas.structs_in(content for media_type, content in bodies if media_type == FORM_TYPE),
        answered=schemas.structs_in([*answers, Envelope]),
    )


def _with_limits(found: Json, settings: Settings) -> Json:
    """Return the schemas with the limits that the settings set."""
    fields = found[schemas.name_of(SpeechBody)]["properties"]
    limit = settings.limits.input_characters
    fields["input"]["maxLength"] = min(limit, OPENAI_INPUT) if settings.compat.strict else limit
    fields["instructions"]["anyOf"][0]["maxLength"] = settings.limits.instructions_characters
    return found


def _returned(handler: HTTPRouteHandler) -> Content:
    """Return what a handler returns, as content."""
    returned = handler.parsed_fn_signature.return_type.annotation
    if get_origin(returned) is Response:
        (returned,) = get_args(returned)
    if get_origin(returned) in (Union, types.UnionType):
        return tuple(get_args(returned))
    return returned  # type: ignore[no-any-return]
