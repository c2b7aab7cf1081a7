"""/v1/voicebox/models: model files, and models in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import UNSET

from compat.voicebox import models as dialect
from gateway.desk import Ask, Desk
from gateway.models import Models, ModelState, Pull
from gateway.services import Services
from streaming import sse
from streaming.body import StreamBody

PATH = "/v1/voicebox/models"
ONE = PATH + "/{name:str}"
TELL_SECONDS = 0.25
BEAT_SECONDS = 10.0
"""between two signs of life, where nothing moves"""


def model_routes(services: Services, models: Models) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get(PATH, summary="List the models, and how each stands here")
    async def listing() -> dialect.ModelObjects:
        return dialect.ModelObjects(tuple(map(_object, await models.states())))

    @get(ONE, summary="Look a model up")
    async def retrieve(name: FromPath[str]) -> dialect.ModelObject:
        return await _standing(models, name)

    @delete(ONE, status_code=200, summary="Delete a model's files")
    async def remove(name: FromPath[str]) -> dialect.Freed:
        return dialect.Freed(name, await models.delete(models.record(name)))

    return [listing, retrieve, remove, *_pulls(services, models), *_memory(models)]


def _pulls(services: Services, models: Models) -> list[HTTPRouteHandler]:
    @post(ONE + "/pull", status_code=200, summary="Begin to pull a model's files; what was cut goes on")
    async def pull(name: FromPath[str]) -> dialect.PullObject:
        return _progress(models.pull(models.record(name)))

    @get(ONE + "/progress", summary="Follow a pull, in events")
    async def progress(request: Ask, name: FromPath[str]) -> StreamBody:
        desk = Desk(services, request, "progress")
        chunks = _events(models.pull_of(models.record(name)))
        timeout = services.settings.server.send_timeout
        headers = {"cache-control": "no-store"}
        return StreamBody(chunks, "text/event-stream; charset=utf-8", headers=headers, send_timeout=timeout, gone=desk.note.gone)

    @post(ONE + "/cancel", status_code=200, summary="Stop a pull; what has come is kept")
    async def cancel(name: FromPath[str]) -> dialect.PullObject:
        found = models.pull_of(models.record(name))
        found.cancel.set()
        if found.task:
            await asyncio.wait([found.task])
        return _progress(found)

    @post(ONE + "/verify", status_code=200, summary="Compare a model's files with their hashes")
    async def verify(name: FromPath[str]) -> dialect.Verified:
        record = models.record(name)
        await asyncio.to_thread(lambda: models.files.verify(record))
        return dialect.Verified(name)

    return [pull, progress, cancel, verify]


def _memory(models: Models) -> list[HTTPRouteHandler]:
    @post(ONE + "/load", status_code=200, summary="Load a model into memory")
    async def load(name: FromPath[str]) -> dialect.ModelObject:
        await models.load(models.record(name))
        return await _standing(models, name)

    @post(ONE + "/unload", status_code=200, summary="Take a model out of memory")
    async def unload(name: FromPath[str]) -> dialect.ModelObject:
        await models.unload(models.record(name))
        return await _standing(models, name)

    return [load, unload]


async def _standing(models: Models, name: str) -> dialect.ModelObject:
    models.record(name)
    return next(_object(one) for one in await models.states() if one.record.name == name)


async def _events(pull: Pull) -> AsyncGenerator[bytes, None]:
    """Tell how far a pull is, a few times a second, until it has ended."""
    while True:
        pull.changed.clear()
        ended = pull.ended  # as of what is told now: it may end while that is sent
        yield sse.event(_progress(pull))
        if ended:
            yield sse.DONE
            return
        try:
            async with asyncio.timeout(BEAT_SECONDS):
                await pull.changed.wait()
        except TimeoutError:
            continue
        await asyncio.sleep(TELL_SECONDS)


def _progress(pull: Pull) -> dialect.PullObject:
    fields = msgspec.structs.asdict(pull.progress)
    if pull.error:
        fields |= {"state": "failed", "error": pull.error.message, "code": pull.error.code or UNSET}
    return dialect.PullObject(**fields)


def _object(standing: ModelState) -> dialect.ModelObject:
    record, stored = standing.record, standing.stored
    same = {name: getattr(record, name) for name in dialect.ModelObject.__struct_fields__ if hasattr(record, name)}
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
