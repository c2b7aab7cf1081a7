"""The server's own routes: what it is, to browsers as the console, whether it can serve, and its metrics."""

from __future__ import annotations

from typing import Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from engines.fleet.status import EngineStatus
from gateway.config.addresses import base_path
from gateway.http.context import RequestContext
from gateway.http.drain import Drain
from gateway.http.openapi.operation import DOCUMENTED, JSON_TYPE, SERVER_TAG, TEXT_TYPE, Documented
from gateway.http.server_status import Health, Liveness, Readiness, ServerInfo
from gateway.observability.metrics import Metrics
from gateway.routes.console import PAGE_TYPE, console_page, wants_page
from gateway.security.auth import Authenticator
from gateway.services.first_start import FirstStart

METRICS_TYPE = "text/plain; version=0.0.4"


@get("/livez", operation_id="getLiveness", tags=[SERVER_TAG], summary="The process answers")
async def livez() -> Liveness:
    """Return that the process runs."""
    return Liveness()


@get("/v1/test", operation_id="getTest", tags=[SERVER_TAG], summary="What Wyoming's bridge probes")
async def test() -> Liveness:
    """Return that the process runs."""
    return Liveness()


def health_routes(
    version: str, drain: Drain, metrics: Metrics, auth: Authenticator, first_start: FirstStart
) -> list[HTTPRouteHandler]:
    """Return the routes that say how the server is."""

    def info(context: RequestContext) -> ServerInfo:
        base = base_path(context.services.settings.server.base_path)
        return ServerInfo("Voicebox Gateway", version, f"{base}/schema", f"{base}/health")

    @get(
        "/",
        operation_id="getServer",
        tags=[SERVER_TAG],
        summary="What this is; to browsers, the console",
        opt={DOCUMENTED: Documented(answers={JSON_TYPE: ServerInfo, PAGE_TYPE: str})},
    )
    async def root(context: NamedDependency[RequestContext]) -> Response[str] | Response[ServerInfo]:
        if wants_page(context.headers):
            return await console_page(context)
        return Response(info(context), headers={"vary": "accept"})

    @get("/v1", operation_id="getServerAtV1", tags=[SERVER_TAG], summary="What this is")
    async def api_root(context: NamedDependency[RequestContext]) -> ServerInfo:
        return info(context)

    @get(
        "/health",
        operation_id="getHealth",
        tags=[SERVER_TAG],
        summary="How the engines are; why one does not work, to callers with a key",
    )
    async def health(context: NamedDependency[RequestContext]) -> Health:
        engines = context.services.engines
        status: Literal["ok", "starting"] = "ok" if first_start.ready else "starting"
        statuses = engines.statuses()
        if not auth.may_see_internals(context.headers, context.log_entry.client):
            statuses = {name: _public(one) for name, one in statuses.items()}
        return Health(status, version, statuses)

    @get(
        "/readyz",
        operation_id="getReadiness",
        tags=[SERVER_TAG],
        summary="Requests can be served",
        opt={DOCUMENTED: Documented(unready=Readiness)},
    )
    async def readyz(context: NamedDependency[RequestContext]) -> Response[Readiness]:
        if drain.announced:
            return Response(Readiness("closing"), status_code=503, headers={"retry-after": "5"})
        ready = first_start.ready
        return Response(Readiness("ok" if ready else "starting"), status_code=200 if ready else 503)

    @get(
        "/metrics",
        operation_id="getMetrics",
        tags=[SERVER_TAG],
        summary="Counts for Prometheus",
        media_type=METRICS_TYPE,
        sync_to_thread=True,
        opt={DOCUMENTED: Documented(answers={TEXT_TYPE: str})},
    )
    def exposition() -> bytes:
        return metrics.exposition()

    return [root, api_root, health, livez, readyz, test, exposition]


def _public(status: EngineStatus) -> EngineStatus:
    """Return a status without what only an owner should know: process ids, and reasons with paths in them."""
    workers = tuple(msgspec.structs.replace(worker, pid=None, reason="") for worker in status.workers)
    return msgspec.structs.replace(status, workers=workers)
