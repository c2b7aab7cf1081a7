"""The context of one request: what its handler works with, provided by Litestar's dependency injection."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec
from litestar import Request, Response

from compat.errors import Envelope, ErrorBody, TooLarge, known_error, refusal, unexpected
from compat.openai import loose
from engines.errors import BadInput, Overloaded
from engines.fleet.streams import RequestTerms
from gateway.http import bodies, priority
from gateway.http.failures import in_words
from gateway.http.stored_files import check_change, stored_file
from gateway.observability import request_log
from gateway.services.container import Services
from gateway.services.engine_snapshot import EngineSnapshot
from gateway.services.off_loop import off_loop
from streaming.http import sse
from streaming.http.keep_alive import EVENT_FILLER, JSON_FILLER, Filler, kept_alive
from streaming.http.response import StreamingResponse

if TYPE_CHECKING:
    from voices.authoring import VoiceService
    from voices.library import OpenLibrary

HttpRequest = Request[Any, Any, Any]
T = TypeVar("T")
ROUTE = "route"
"""the key in a handler's `opt` under which its name in logs and metrics is"""
FORM = b"multipart/form-data"
JSON = b"application/json"
FORM_OVERHEAD = 65_536
"""bytes that a form takes beside its file and its fields"""


class FormOrJson(msgspec.Struct, frozen=True):
    """The fields of a request, and its file if it has one."""

    fields: dict[str, Any]
    data: bytes | None = None
    data_type: str = ""


class RequestContext:
    """One request: who makes it, what is in it, and the services to answer it with."""

    def __init__(self, services: Services, request: HttpRequest) -> None:
        self.services = services
        self.log_entry = request_log.log_entry_of(request)
        self.log_entry.route = request.route_handler.opt.get(ROUTE)
        self.log_entry.template = request.scope.get("path_template")
        self.caller = self.log_entry.key or ""
        """the API key's name, which owns what is made; empty without a key, and for a key that is nobody's"""
        self.headers: Mapping[bytes, bytes] = dict(request.scope["headers"])
        self._request = request

    @cached_property
    def engines(self) -> EngineSnapshot:
        """The engines as they are when first asked for: the whole request is decided by the same ones."""
        return self.services.engine_snapshot()

    async def library(self) -> OpenLibrary:
        """Return the library, open. Raises StoreFailed or BlobsFailed."""
        return await self.services.library.open()

    async def voices(self) -> VoiceService:
        """Return the service that creates, changes and deletes voices. Raises StoreFailed or BlobsFailed."""
        from voices.authoring import VoiceService

        threads = self.services.decoding.ending_with(self.client_left)
        return VoiceService(await self.library(), self.services.voice_limits(), threads)

    def terms(self, characters: int = 0, seconds: float = 0.0) -> RequestTerms:
        """Return the terms on which engines work for this request. Raises BadInput for bad headers.

        `characters` is the length of its text, `seconds` about the length of its audio.
        """
        return priority.request_terms(
            self.headers,
            self.services.settings.admission,
            caller=self._key_or_address(),
            load_timeout=self.services.settings.models.load_timeout,
            characters=characters,
            seconds=seconds,
        )

    def _key_or_address(self) -> str:
        return priority.key_or_address(self.log_entry.key, self._request.scope.get("client"))

    @asynccontextmanager
    async def permit(self, seconds: float = 0.0) -> AsyncIterator[None]:
        """Hold a permit of the rate limiter for about so many seconds of audio: recordings cost time.

        It is for a request whose body is here: who sends slowly holds none. Raises RateLimited or Overloaded.
        """
        rate_limiter = self.services.rate_limiter
        permit = await rate_limiter.acquire(self._key_or_address(), self.log_entry.route or "", seconds)
        self.log_entry.limits = permit.headers
        try:
            yield
        finally:
            rate_limiter.release(permit, seconds)

    @asynccontextmanager
    async def archive_place(self) -> AsyncIterator[None]:
        """Hold one of the few places for work on archives. Raises Overloaded when none comes free in time."""
        wait = self.services.settings.admission.wait
        archives = self.services.library.archives
        try:
            async with asyncio.timeout(wait):
                await archives.acquire()
        except TimeoutError as exc:
            raise Overloaded(
                "The server is currently busy with other archives, please try again later.", retry_after=5.0
            ) from exc
        try:
            yield
        finally:
            archives.release()

    async def while_client_waits(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` returns, which is cancelled when the client leaves. Raises what it raises, and
        Disconnected.
        """
        working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(self.client_left())
        leaving.add_done_callback(lambda task: task.cancelled() or task.exception())  # maybe too late
        both: list[asyncio.Future[Any]] = [working, leaving]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else leaving.result()
        finally:
            for task in both:
                task.cancel()
            await asyncio.wait([working])

    async def client_left(self) -> NoReturn:
        """Wait until the client leaves, once its body has been read. Raises Disconnected."""
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self.log_entry.mark_client_gone()
        raise bodies.Disconnected("The client left before its answer.")

    # What is in the request...

    def query(self, name: str) -> str | None:
        """Return a query parameter."""
        value = self._request.query_params.get(name)
        return value if isinstance(value, str) else None

    def has_type(self, content_type: bytes) -> bool:
        """Return whether the body is announced as of a type."""
        return self.headers.get(b"content-type", b"").lower().startswith(content_type)

    async def read_body(self, limit: int) -> bytes:
        """Return the whole body. Raises TooLarge beyond `limit` bytes."""
        return await bodies.read_all(self.headers, self._request.receive, limit)

    async def read_form(self, limits: bodies.FormLimits, file_field: str = "file") -> bodies.Form:
        """Return the form, which the caller closes. Raises BadInput or TooLarge."""
        return await bodies.read_form(self.headers, self._request.receive, limits, file_field)

    async def read_json(self) -> dict[str, Any]:
        """Return the JSON object that is sent; an empty body is an empty one. Raises BadInput or TooLarge."""
        body = await self.read_body(self.services.settings.limits.json_bytes)
        return await off_loop(len(body), loose.json_object, body) if body and not body.isspace() else {}

    async def read_form_or_json(self, file_field: str, limit: int) -> FormOrJson:
        """Return a form's fields and its file of at most `limit` bytes, or a JSON object's fields.

        Raises BadInput or TooLarge.
        """
        if not self.has_type(FORM):
            return FormOrJson(await self.read_json())
        fields = self.services.settings.limits.text_fields_bytes
        limits = bodies.FormLimits(limit + min(fields, limit) + FORM_OVERHEAD, fields)
        with await self.read_form(limits, file_field) as form:
            if form.size > limit:
                raise TooLarge(
                    f"413: Maximum size of `{file_field}` ({limit}) exceeded ({form.size} bytes read)"
                )
            data = None if form.file is None else await asyncio.to_thread(form.file.read)
            return FormOrJson(dict(form.fields), data, form.file_type)

    async def read_file(self, limit: int) -> bytes:
        """Return the file that is sent as `file` in a form, or as the body itself. Raises BadInput or
        TooLarge.
        """
        if self.has_type(FORM):
            data = (await self.read_form_or_json("file", limit)).data
        else:
            data = await self.read_body(limit)
        if not data:
            raise BadInput("`file` is missing.", param="file")
        return data

    @asynccontextmanager
    async def spool_file(self, limit: int) -> AsyncIterator[IO[bytes]]:
        """Read a file as `read_file` does, onto the disk: who sends slowly holds no memory.

        Raises BadInput or TooLarge.
        """
        if self.has_type(FORM):
            limits = bodies.FormLimits(limit + FORM_OVERHEAD, FORM_OVERHEAD)
            with await self.read_form(limits) as form:
                if form.file is None or not form.size:
                    raise BadInput("`file` is missing.", param="file")
                yield form.file
            return
        async with self.spool_body(limit) as file:
            if not file.seek(0, os.SEEK_END):
                raise BadInput("`file` is missing.", param="file")
            file.seek(0)
            yield file

    @asynccontextmanager
    async def spool_body(self, limit: int) -> AsyncIterator[IO[bytes]]:
        """Read the whole body onto the disk, where it is long. Raises TooLarge."""
        with tempfile.SpooledTemporaryFile(bodies.SPOOL_BYTES) as file:
            async for chunk in bodies.read_chunks(self.headers, self._request.receive, limit):
                await asyncio.to_thread(file.write, chunk)
            file.seek(0)
            yield file

    # What is sent back...

    def stored_file(self, data: bytes, media_type: str, key: str) -> Response[bytes]:
        """Return the response that sends a stored file, whose content `key` names, or the range of it that is
        asked for. Raises PreconditionFailed or RangeNotSatisfiable.
        """
        return stored_file(data, media_type, key=key, method=self.log_entry.method, headers=self.headers)

    def check_change(self, key: str) -> None:
        """Check that a stored file, whose content `key` names, may be changed, by the conditions of the
        request. Raises PreconditionFailed.
        """
        check_change(self.headers, key)

    def stream(
        self,
        chunks: AsyncGenerator[bytes, None],
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> StreamingResponse:
        """Return the response that sends `chunks`."""
        return StreamingResponse(
            chunks,
            media_type,
            headers=headers or {},
            send_timeout=self.services.settings.server.send_timeout,
            on_disconnect=self.log_entry.mark_client_gone,
        )

    def stream_when_done(
        self,
        chunks: AsyncGenerator[bytes, None],
        media_type: str,
        headers: Mapping[str, str],
        filler: Filler,
        is_good: Callable[[], bool],
    ) -> StreamingResponse:
        """Return the response that sends `chunks`, with `filler` before the first while that is worked at.

        A failure behind filler is an error object in the place of JSON; in other formats the body is left
        unfinished, since whatever stood there would be read as the text.
        """
        interval = self.services.settings.server.keep_alive
        on_failure = self._error_object if filler is JSON_FILLER else None
        return self.stream(kept_alive(chunks, filler, interval, is_good, on_failure), media_type, headers)

    def _error_object(self, exc: Exception) -> bytes:
        return msgspec.json.encode(Envelope(self._note_failure(exc)))

    def stream_events(
        self,
        events: AsyncGenerator[bytes, None],
        headers: Mapping[str, str] | None = None,
        *,
        is_good: Callable[[], bool] | None = None,
    ) -> StreamingResponse:
        """Return the response that sends server-sent events; where they fail after the first, the last is an
        error.

        With `is_good`, comments are sent while there are none, once it says that there will be.
        """
        framed = sse.with_error_event(events, self._note_failure)
        if is_good:
            interval = self.services.settings.server.keep_alive
            framed = kept_alive(
                framed,
                EVENT_FILLER,
                interval,
                is_good,
                lambda exc: sse.error_event(self._note_failure(exc)),
            )
        return self.stream(
            framed,
            sse.EVENT_STREAM,
            {**(headers or {}), "cache-control": "no-store"},
        )

    def _note_failure(self, exc: Exception) -> ErrorBody:
        """Log that the stream broke, and return what its client is told of it."""
        self.log_entry.outcome = "broken"
        self.log_entry.error = in_words(exc)
        known = known_error(exc)
        if known is None:
            self.services.log.error("unexpected failure", request=self.log_entry.id, exc_info=exc)
        return (refusal(known) if known else unexpected()).body.error


def context_provider(services: Services) -> Callable[[HttpRequest], Awaitable[RequestContext]]:
    """Return what makes the context of each request, once the engines that it may name are known."""

    async def provide(request: HttpRequest) -> RequestContext:
        if services.first_start:
            longest = priority.longest_wait(dict(request.scope["headers"]), services.settings.admission.wait)
            await services.first_start.wait(request.scope["path"], longest)
        return RequestContext(services, request)

    return provide
