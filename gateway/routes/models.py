"""/v1/voicebox/models: model files, and models in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import UNSET

from compat.voicebox import models as dialect
from gateway.http.context import HttpRequest, RequestContext
from gateway.models.manager import ModelManager
from gateway.models.pulls import PullStatus
from gateway.models.registry import ModelState
from gateway.services.container import Services
from streaming.http import sse
from streaming.http.response import StreamingResponse

PATH = "/v1/voicebox/models"
ONE = PATH + "/{name:str}"
TELL_SECONDS = 0.25
BEAT_SECONDS = 10.0
"""between two signs of life, where nothing moves"""


def model_routes(services: Services, manager: ModelManager) -> list[HTTPRouteHandler]:
    """Make the routes."""
    models = manager.models

    @get(PATH, summary="List the models, and how each stands here")
    async def listing() -> dialect.ModelObjects:
        return dialect.ModelObjects(tuple(map(_object, await models.states(await manager.pulls()))))

    @get(ONE, summary="Look a model up")
    async def retrieve(name: FromPath[str]) -> dialect.ModelObject:
        return await _standing(manager, name)

    @delete(ONE, status_code=200, summary="Delete a model's files")
    async def remove(name: FromPath[str]) -> dialect.Freed:
        return dialect.Freed(name, await manager.delete(models.record(name)))

    return [listing, retrieve, remove, *_pulls(services, manager), *_memory(manager)]


def _pulls(services: Services, manager: ModelManager) -> list[HTTPRouteHandler]:
    models = manager.models

    @post(ONE + "/pull", status_code=200, summary="Begin to pull a model's files; what was cut goes on")
    async def pull(name: FromPath[str]) -> dialect.PullObject:
        return _progress(await manager.pull(models.record(name)))

    @get(ONE + "/progress", summary="Follow a pull, in events")
    async def progress(request: HttpRequest, name: FromPath[str]) -> StreamingResponse:
        context = RequestContext(services, request, "progress")
        record = models.record(name)
        first = await manager.pull_status(record)
        chunks = _events(first, partial(manager.pull_status, record, first.number))
        timeout = services.settings.server.send_timeout
        headers = {"cache-control": "no-store"}
        return StreamingResponse(
            chunks,
            "text/event-stream; charset=utf-8",
            headers=headers,
            send_timeout=timeout,
            on_disconnect=context.log_entry.gone,
        )

    @post(ONE + "/cancel", status_code=200, summary="Stop a pull; what has come is kept")
    async def cancel(name: FromPath[str]) -> dialect.PullObject:
        return _progress(await manager.cancel(models.record(name)))

    @post(ONE + "/verify", status_code=200, summary="Compare a model's files with their hashes")
    async def verify(name: FromPath[str]) -> dialect.Verified:
        record = models.record(name)
        await asyncio.to_thread(lambda: models.files.verify(record))
        return dialect.Verified(name)

    return [pull, progress, cancel, verify]


def _memory(manager: ModelManager) -> list[HTTPRouteHandler]:
    @post(ONE + "/load", status_code=200, summary="Load a model into memory")
    async def load(name: FromPath[str]) -> dialect.ModelObject:
        await manager.load(manager.models.record(name))
        return await _standing(manager, name)

    @post(ONE + "/unload", status_code=200, summary="Take a model out of memory")
    async def unload(name: FromPath[str]) -> dialect.ModelObject:
        await manager.unload(manager.models.record(name))
        return await _standing(manager, name)

    return [load, unload]


async def _standing(manager: ModelManager, name: str) -> dialect.ModelObject:
    manager.models.record(name)
    states = await manager.models.states(await manager.pulls())
    return next(_object(one) for one in states if one.record.name == name)


async def _events(
    first: PullStatus, look: Callable[[], Awaitable[PullStatus]]
) -> AsyncGenerator[bytes, None]:
    """Tell how far a pull is, a few times a second while it moves, until it has ended."""
    told, now, quiet = None, first, 0.0
    while True:
        if now != told or quiet >= BEAT_SECONDS:
            told, quiet = now, 0.0
            yield sse.event(_progress(told))
            if told.ended:
                yield sse.DONE
                return
        await asyncio.sleep(TELL_SECONDS)
        quiet += TELL_SECONDS
        now = await look()


def _progress(told: PullStatus) -> dialect.PullObject:
    fields = msgspec.structs.asdict(told.progress)
    if told.error:
        fields |= {"state": "failed", "error": told.error, "code": told.code or UNSET}
    return dialect.PullObject(**fields)


def _object(standing: ModelState) -> dialect.ModelObject:
    record, stored = standing.record, standing.stored
    same = {
        name: getattr(record, name) for name in dialect.ModelObject.__struct_fields__ if hasattr(record, name)
    }
    return dialect.ModelObject(
        **same
        | {
            "id": record.name,
            "name": record.display,
            "size": record.size_bytes,
            "size_on_disk": stored.size,
            "state": standing.state,
            "engine": record.engine.name,
            "reason": standing.reason or UNSET,
            "loading_seconds": round(standing.loading, 1) if standing.loading else UNSET,
            "usual_seconds": round(standing.usual, 1) if standing.usual else UNSET,
        }
    )
