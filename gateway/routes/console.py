"""The console: the page at `/` for browsers, and its files below `/console`.

The page comes out of the package, and loads nothing from anywhere else. Its files are asked for by a digest
of them all, so that browsers may keep them for good and never mix those of two versions.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from compat.errors import WrongRoute
from gateway.config.addresses import base_path
from gateway.http.context import RequestContext

FOLDER = files("gateway") / "console_page"
PAGE, PAGE_TYPE = "page.html", "text/html"
TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
"""media types of the page's files, by the ends of their names"""
DIGEST_LETTERS = 12
SECURITY_HEADERS = {
    # what is spoken is played from `blob:`; nothing may stand in the page but what these files hold
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "permissions-policy": "microphone=(self)",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
FOR_GOOD, ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"
"""what a browser may do with a file of these very contents, and with the page itself"""


class File(NamedTuple):
    """A file of the page, as it is and compressed."""

    content: bytes
    compressed: bytes
    media_type: str


class Console(NamedTuple):
    """The page and its files; `digest` is of all of them."""

    page: str
    files: Mapping[str, File]
    digest: str


def wants_page(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether `Accept` asks for HTML by its name, and for JSON no more than that, as browsers do."""
    accepted = _accepted(headers.get(b"accept", b"").decode("latin-1"))
    return 0 < accepted.get(PAGE_TYPE, 0.0) >= accepted.get("application/json", 0.0)


async def console_page(context: RequestContext) -> Response[str]:
    """Return the page, with links that hold below any path: a proxy's, or that of `server.base_path`."""
    console = await asyncio.to_thread(load)
    base = base_path(context.services.settings.server.base_path)
    # below a path that ends with a slash, relative links hold also where a proxy hides the path from us
    start = "" if context.log_entry.path.endswith("/") else f"{base}/"
    html = console.page.replace("{files}", f"{start}console/{console.digest}").replace("{base}/", start)
    headers = SECURITY_HEADERS | {"cache-control": ASK_AGAIN, "vary": "accept"}
    return Response(html, media_type=PAGE_TYPE, headers=headers)


@get("/console/{digest:str}/{name:str}", include_in_schema=False)
async def console_file(
    context: NamedDependency[RequestContext], digest: FromPath[str], name: FromPath[str]
) -> Response[bytes]:
    """Return a file of the page; one of another version's is only for now. Raises WrongRoute."""
    console = await asyncio.to_thread(load)
    file = console.files.get(name)
    if file is None:
        raise WrongRoute(f"Invalid URL (GET /console/{digest[:100]}/{name[:100]})")
    headers = {
        "cache-control": FOR_GOOD if digest == console.digest else ASK_AGAIN,
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
    }
    if b"gzip" not in context.headers.get(b"accept-encoding", b""):
        return Response(file.content, media_type=file.media_type, headers=headers)
    return Response(
        file.compressed, media_type=file.media_type, headers=headers | {"content-encoding": "gzip"}
    )


@cache
def load() -> Console:
    """Read the page and its files out of the package; to be called in a thread."""
    found: dict[str, File] = {}
    for path in sorted(FOLDER.iterdir(), key=lambda path: path.name):
        media_type = TYPES.get(path.name.rpartition(".")[2])
        if media_type:
            content = path.read_bytes()
            found[path.name] = File(content, gzip.compress(content, mtime=0), media_type)
    named = b"".join(name.encode() + b"\0" + file.content for name, file in found.items())
    digest = hashlib.sha256(named).hexdigest()[:DIGEST_LETTERS]
    return Console((FOLDER / PAGE).read_text("utf-8"), found, digest)


def _accepted(accept: str) -> dict[str, float]:
    """Return the media types of an `Accept`, each with its weight; one that is unreadable is 0."""
    found: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip().casefold() for piece in part.split(";"))
        weight = next((one.partition("=")[2] for one in parameters if one.startswith("q=")), "1")
        try:
            found[name] = float(weight)
        except ValueError:
            found[name] = 0.0
    return found
