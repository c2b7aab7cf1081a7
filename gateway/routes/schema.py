"""`/schema`: the API's description as an OpenAPI document, and a page that shows it.

The page comes out of the package, and loads nothing from anywhere else: it works without the internet, and no
foreign script runs on the origin of a private server.
"""

from __future__ import annotations

import asyncio
import gzip
from importlib.resources import files

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from compat.errors import WrongRoute
from gateway.config.addresses import base_path
from gateway.http.context import HttpRequest, RequestContext
from gateway.http.openapi.operation import DOCUMENTED, JSON_TYPE, SERVER_TAG, Documented
from gateway.security.auth import Authenticator

FOLDER = files("gateway") / "schema_page"
SCRIPT, STYLE, PICTURE, PAGE = "text/javascript", "text/css", "image/png", "text/html"
ASSETS = {
    "page.js": SCRIPT,
    "swagger-ui-bundle.js": SCRIPT,
    "swagger-ui.css": STYLE,
    "favicon-32x32.png": PICTURE,
}
"""media types of the page's files, by name"""
COMPRESSED = frozenset({"swagger-ui-bundle.js", "swagger-ui.css"})
"""files that the package holds compressed"""
SECURITY_HEADERS = {
    # Swagger UI sets styles on elements, draws with `data:` pictures, and plays audio from `blob:`
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
DOCUMENT = Documented(answers={JSON_TYPE: dict})


def schema_routes(version: str, auth: Authenticator) -> list[HTTPRouteHandler]:
    """Return the routes of the description and of its page."""
    documents: dict[bool, bytes] = {}

    @get(
        "/schema/openapi.json",
        operation_id="getOpenApi",
        tags=[SERVER_TAG],
        summary="This description",
        opt={DOCUMENTED: DOCUMENT},
    )
    async def document(context: NamedDependency[RequestContext], request: HttpRequest) -> Response[bytes]:
        """Return the OpenAPI document: as it is while there are keys, or while there are none."""
        needs_keys = auth.needs_keys()
        if needs_keys not in documents:
            documents[needs_keys] = await asyncio.to_thread(_document, context, request, version, auth)
        return Response(documents[needs_keys], media_type=JSON_TYPE)

    return [page, document, asset]


@get(
    "/schema",
    operation_id="getOpenApiPage",
    tags=[SERVER_TAG],
    summary="A page that shows this description",
    response_description="The page.",
    opt={DOCUMENTED: Documented(answers={PAGE: str})},
)
async def page(context: NamedDependency[RequestContext]) -> Response[str]:
    """Return the page."""
    base = base_path(context.services.settings.server.base_path)
    html = (await _file("page.html")).decode().replace("{base}", base)
    return Response(html, media_type=PAGE, headers=SECURITY_HEADERS)


@get("/schema/{name:str}", include_in_schema=False)
async def asset(context: NamedDependency[RequestContext], name: FromPath[str]) -> Response[bytes]:
    """Return a file of the page. Raises WrongRoute."""
    if name not in ASSETS:
        raise WrongRoute(f"Invalid URL (GET /schema/{name[:100]})")
    headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
    if name not in COMPRESSED:
        return Response(await _file(name), media_type=ASSETS[name], headers=headers)
    headers |= {"vary": "accept-encoding"}
    content = await _file(f"{name}.gz")
    if b"gzip" in context.headers.get(b"accept-encoding", b""):
        headers |= {"content-encoding": "gzip"}
    else:
        content = await asyncio.to_thread(gzip.decompress, content)
    return Response(content, media_type=ASSETS[name], headers=headers)


async def _file(name: str) -> bytes:
    return await asyncio.to_thread((FOLDER / name).read_bytes)


def _document(context: RequestContext, request: HttpRequest, version: str, auth: Authenticator) -> bytes:
    """Return the document, encoded; to be called in a thread: it takes some hundredths of a second."""
    from gateway.http.openapi.document import build  # for this alone, and seldom

    settings = context.services.settings
    is_public = auth.is_public if auth.needs_keys() else None
    return msgspec.json.encode(build(request.app.routes, settings, version, is_public))
