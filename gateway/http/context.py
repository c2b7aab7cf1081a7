"""What the routes about voices share: who asks, what was sent, and the open library to do it in."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, TYPE_CHECKING, Any

import msgspec
from litestar import Request

from compat.errors import TooLarge
from compat.openai import loose
from engines.errors import BadInput
from engines.fleet.streams import RequestTerms
from gateway.http import bodies, priority
from gateway.observability import request_log
from gateway.services.container import Services

if TYPE_CHECKING:
    from voices.authoring import VoiceService
    from voices.library import OpenLibrary

HttpRequest = Request[Any, Any, Any]
FORM = b"multipart/form-data"
FORM_OVERHEAD = 65_536
"""bytes that a form takes beside its file and its fields"""


class FormOrJson(msgspec.Struct, frozen=True):
    """A request's fields, and its file if it has one."""

    fields: dict[str, Any]
    data: bytes | None = None
    data_type: str = ""


class RequestContext:
    """Of one request."""

    def __init__(self, services: Services, request: HttpRequest, route: str) -> None:
        self.services = services
        self.request = request
        self.log_entry = request_log.of(request)
        self.log_entry.route = route
        self.caller = self.log_entry.key or ""

    async def library(self) -> OpenLibrary:
        """Open the library. Raises StoreFailed or BlobsFailed."""
        return await self.services.library.open()

    async def voices(self) -> VoiceService:
        """Give what makes and unmakes voices."""
        from voices.authoring import VoiceService

        return VoiceService(await self.library(), self.services.voices(), self.services.codecs)

    def terms(self, characters: int = 0, seconds: float = 0.0) -> RequestTerms:
        """Give the terms on which engines work for this request."""
        headers = dict(self.request.scope["headers"])
        owner = priority.owner(self.log_entry.key, self.request.scope.get("client"))
        return priority.terms(
            headers, self.services.settings.admission, owner=owner, characters=characters, seconds=seconds
        )

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Let the caller in, within its limits: recordings cost time. Raises RateLimited or Overloaded."""
        rate_limiter = self.services.rate_limiter
        owner = priority.owner(self.log_entry.key, self.request.scope.get("client"))
        permit = await rate_limiter.acquire(owner, self.log_entry.route or "", 0.0)
        self.log_entry.limits = permit.headers
        try:
            yield
        finally:
            rate_limiter.release(permit, 0.0)

    async def json(self) -> dict[str, Any]:
        """Read a JSON object; nothing at all is an empty one. Raises BadInput or TooLarge."""
        limit = self.services.settings.limits.json_bytes
        body = await bodies.whole(dict(self.request.scope["headers"]), self.request.receive, limit)
        return loose.json_object(body) if body.strip() else {}

    async def sent(self, file_field: str, limit: int) -> FormOrJson:
        """Read a form, or JSON where there is no file to send. Raises BadInput or TooLarge."""
        headers = dict(self.request.scope["headers"])
        if not headers.get(b"content-type", b"").lower().startswith(FORM):
            return FormOrJson(await self.json())
        fields = self.services.settings.limits.text_fields_bytes
        limits = bodies.Limits(body=limit + min(fields, limit) + FORM_OVERHEAD, fields=fields)
        with await bodies.form(headers, self.request.receive, limits, file_field) as form:
            if form.size > limit:
                raise TooLarge(
                    f"413: Maximum size of `{file_field}` ({limit}) exceeded ({form.size} bytes read)"
                )
            data = None if form.file is None else await asyncio.to_thread(form.file.read)
            return FormOrJson(dict(form.fields), data, form.file_type)

    @asynccontextmanager
    async def spooled(self, limit: int) -> AsyncIterator[IO[bytes]]:
        """Read a file as `file` does, onto the disk: who sends slowly holds no memory. Raises BadInput or
        TooLarge.
        """
        headers = dict(self.request.scope["headers"])
        if headers.get(b"content-type", b"").lower().startswith(FORM):
            limits = bodies.Limits(body=limit + FORM_OVERHEAD, fields=FORM_OVERHEAD)
            with await bodies.form(headers, self.request.receive, limits) as form:
                if form.file is None or not form.size:
                    raise BadInput("`file` is missing.", param="file")
                yield form.file
            return
        with tempfile.SpooledTemporaryFile(bodies.SPOOL_BYTES) as file:
            async for chunk in bodies.chunks(headers, self.request.receive, limit):
                await asyncio.to_thread(file.write, chunk)
            if not file.tell():
                raise BadInput("`file` is missing.", param="file")
            file.seek(0)
            yield file

    async def file(self, limit: int) -> bytes:
        """Read a file that is sent as `file` in a form, or as the body itself. Raises BadInput or TooLarge."""
        headers = dict(self.request.scope["headers"])
        if not headers.get(b"content-type", b"").lower().startswith(FORM):
            data: bytes | None = await bodies.whole(headers, self.request.receive, limit)
        else:
            data = (await self.sent("file", limit)).data
        if not data:
            raise BadInput("`file` is missing.", param="file")
        return data


def query(request: HttpRequest, name: str) -> str | None:
    """Take a query parameter."""
    value = request.query_params.get(name)
    return value if isinstance(value, str) else None
