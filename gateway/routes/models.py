"""/v1/voicebox/models: model files, and models in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial

import msgspec
from litestar import Router, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, SkipValidation
from msgspec import UNSET

from compat.errors import without_internals
from compat.openai.models import model_settings
from compat.voicebox import models as dialect
from engines.catalogue.records import SOURCE_NAMES, SourceName
from engines.catalogue.request_options import readable_options
from engines.errors import BadInput, NotFound, StorageFull
from gateway.http.context import ROUTE, RequestContext
from gateway.http.openapi.operation import DOCUMENTED, EVENTS_TYPE, FILES_TAG, Documented, Query
from gateway.models.manager import ModelManager
from gateway.models.pulls import PullStatus
from gateway.models.registry import ModelState
from streaming.http import sse
from streaming.http.response import StreamingResponse

PATH = "/v1/voicebox/models"
ONE = "/{name:str}"
POLL_SECONDS = 0.25
KNOWN = Documented(raises=(NotFound, BadInput))
"""of a model by name"""
HEARTBEAT_SECONDS = 10.0
"""between two events, where nothing moves"""

Manager = NamedDependency[SkipValidation[ModelManager]]


@get(operation_id="listModelFiles", summary="List the models, and the state of each")
async def listing(manager: Manager) -> dialect.ModelObjects:
    """Return all models that are known."""
    return dialect.ModelObjects(tuple(map(_object, await manager.models.states(await manager.pulls()))))


@get(ONE, operation_id="retrieveModelFiles", summary="Look a model up", opt={DOCUMENTED: KNOWN})
async def retrieve(manager: Manager, name: FromPath[str]) -> dialect.ModelObject:
    """Return a model. Raises NotFound."""
    return await _model(manager, name)


@delete(
    ONE,
    status_code=200,
    operation_id="deleteModelFiles",
    summary="Delete a model's files",
    opt={DOCUMENTED: KNOWN},
)
async def remove(manager: Manager, name: FromPath[str]) -> dialect.Freed:
    """Delete a model's files, and return how many bytes that freed. Raises NotFound."""
    return dialect.Freed(name, await manager.delete(manager.models.record(name)))


@post(
    ONE + "/pull",
    status_code=200,
    operation_id="pullModel",
    summary="Begin to pull a model's files; what was cut goes on",
    opt={
        DOCUMENTED: Documented(
            query=(Query("source", "From this source only.", {"enum": [*SOURCE_NAMES]}),),
            raises=(NotFound, StorageFull),
        )
    },
)
async def pull(manager: Manager, name: FromPath[str], source: FromQuery[str] = "") -> dialect.PullObject:
    """Begin or join a pull, and return how far it is; from one source, where that is asked for.

    Raises NotFound or BadInput.
    """
    return _pull_object(await manager.pull(manager.models.record(name), _sources(source)))


@get(
    ONE + "/progress",
    operation_id="followPull",
    summary="Follow a pull, in events",
    response_description="How far the pull is, a few times a second, until it has ended.",
    opt={
        ROUTE: "progress",
        DOCUMENTED: Documented(answers={EVENTS_TYPE: dialect.PullObject}, raises=(NotFound,)),
    },
)
async def progress(
    context: NamedDependency[RequestContext], manager: Manager, name: FromPath[str]
) -> StreamingResponse:
    """Return the response that follows a model's pull. Raises NotFound."""
    record = manager.models.record(name)
    first = await manager.pull_status(record)
    events = _events(first, partial(manager.pull_status, record, first.number))
    return context.stream(events, sse.EVENT_STREAM, {"cache-control": "no-store"})


@post(
    ONE + "/cancel",
    status_code=200,
    operation_id="cancelPull",
    summary="Stop a pull; what has come is kept",
    opt={DOCUMENTED: KNOWN},
)
async def cancel(manager: Manager, name: FromPath[str]) -> dialect.PullObject:
    """Stop a pull, and return how far it got. Raises NotFound."""
    return _pull_object(await manager.cancel(manager.models.record(name)))


@post(
    ONE + "/verify",
    status_code=200,
    operation_id="verifyModel",
    summary="Compare a model's files with their hashes",
    opt={DOCUMENTED: KNOWN},
)
async def verify(
    context: NamedDependency[RequestContext], manager: Manager, name: FromPath[str]
) -> dialect.Verified:
    """Compare a model's files with their hashes, while the client waits. Raises NotFound, or what is wrong
    with them.
    """
    models = manager.models
    await context.while_client_waits(models.verify(models.record(name)))
    return dialect.Verified(name)


@post(
    ONE + "/load",
    status_code=200,
    operation_id="loadModel",
    summary="Load a model into memory",
    opt={DOCUMENTED: KNOWN},
)
async def load(manager: Manager, name: FromPath[str]) -> dialect.ModelObject:
    """Load a model, and return it. Raises NotFound or EngineUnavailable."""
    await manager.load(manager.models.record(name))
    return await _model(manager, name)


@post(
    ONE + "/unload",
    status_code=200,
    operation_id="unloadModel",
    summary="Take a model out of memory",
    opt={DOCUMENTED: KNOWN},
)
async def unload(manager: Manager, name: FromPath[str]) -> dialect.ModelObject:
    """Unload a model, and return it. Raises NotFound."""
    await manager.unload(manager.models.record(name))
    return await _model(manager, name)


def model_router(manager: ModelManager) -> Router:
    """Return the routes of models."""
    return Router(
        PATH,
        route_handlers=[listing, retrieve, remove, pull, progress, cancel, verify, load, unload],
        tags=[FILES_TAG],
        dependencies={"manager": Provide(lambda: manager, sync_to_thread=False)},
    )


async def _model(manager: ModelManager, name: str) -> dialect.ModelObject:
    manager.models.record(name)
    states = await manager.models.states(await manager.pulls())
    return next(_object(state) for state in states if state.record.name == name)


async def _events(
    status: PullStatus, poll: Callable[[], Awaitable[PullStatus]]
) -> AsyncGenerator[bytes, None]:
    """Yield how far a pull is, a few times a second while it moves, until it has ended."""
    sent: PullStatus | None = None
    quiet = 0.0
    while True:
        if status != sent or quiet >= HEARTBEAT_SECONDS:
            sent = status
            quiet = 0.0
            yield sse.event(_pull_object(sent))
            if sent.ended:
                yield sse.DONE
                return
        await asyncio.sleep(POLL_SECONDS)
        quiet += POLL_SECONDS
        status = await poll()


def _sources(source: str) -> tuple[SourceName, ...]:
    """Return the sources that a request asks for; none means those of the settings. Raises BadInput."""
    chosen = tuple(name for name in SOURCE_NAMES if name == source)
    if source and not chosen:
        raise BadInput(f"`source` must be {' or '.join(SOURCE_NAMES)}.", param="source")
    return chosen


def _pull_object(status: PullStatus) -> dialect.PullObject:
    fields = msgspec.structs.asdict(status.progress)
    if status.error:
        fields |= {"state": "failed", "error": without_internals(status.error), "code": status.code or UNSET}
    return dialect.PullObject(**fields)


def _object(state: ModelState) -> dialect.ModelObject:
    record = state.record
    fields = {
        name: getattr(record, name) for name in dialect.ModelObject.__struct_fields__ if hasattr(record, name)
    }
    options = state.speech or readable_options(record.engine)
    return dialect.ModelObject(
        **fields
        | {
            "settings": model_settings(options.settings),
            "marks": options.marks,
            "longest_text": options.longest_text,
            "longest_seconds": options.longest_seconds,
            "id": record.name,
            "name": record.display,
            "size": record.size_bytes,
            "size_on_disk": state.stored.size,
            "sources": record.source_names,
            "source": state.stored.source or UNSET,
            "state": state.state,
            "runs_here": state.runs_here,
            "engine": record.engine.name,
            "seed": state.seed or UNSET,
            "reason": without_internals(state.reason) or UNSET,
            "loading_seconds": round(state.loading, 1) if state.loading else UNSET,
            "usual_seconds": round(state.usual, 1) if state.usual else UNSET,
        }
    )
