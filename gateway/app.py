"""The whole program, composed on one page. It imports everything and is imported by `serve` and `cluster`
alone.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, NoReturn

from anyio import CapacityLimiter
from litestar import Litestar, Request
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import RedocRenderPlugin, SwaggerRenderPlugin
from structlog.typing import FilteringBoundLogger

from compat.errors import WrongRoute
from engines.errors import BadInput
from engines.fleet.runtime import EngineSet
from engines.fleet.supervisor import supervise
from gateway.config.settings import Settings
from gateway.http.drain import Drain
from gateway.http.middleware import RequestMiddleware
from gateway.http.rate_limits import LocalRateLimiter, RateLimiter
from gateway.models.manager import ModelManager
from gateway.observability.metrics import Metrics
from gateway.observability.request_log import RequestLog
from gateway.observability.tracing import Tracing
from gateway.routes.archives import archive_routes
from gateway.routes.consents import consent_routes
from gateway.routes.listing import list_routes, metrics_route, probe_routes
from gateway.routes.models import model_routes
from gateway.routes.names import name_routes
from gateway.routes.profiles import profile_routes
from gateway.routes.samples import sample_routes
from gateway.routes.speech import speech_route
from gateway.routes.transcriptions import transcription_routes
from gateway.routes.voices import voice_routes
from gateway.security.auth import Authenticator
from gateway.security.hosts import HostGuard, check_binding
from gateway.security.keys import KeyStore
from gateway.services.container import Services, codec_threads, open_library
from gateway.services.library_lifespan import library_lifespan
from streaming.encode.encoders import ThreadEncoders
from streaming.encode.pool import EncoderPool

VERSION = version("voicebox-gateway")
MOST_ENCODERS = 4
"""processes that encode, unless the settings say otherwise: each keeps 250 seconds of mp3 a second going"""


def create_app(
    settings: Settings,
    *,
    keys: KeyStore,
    engines: EngineSet,
    drain: Drain,
    log: FilteringBoundLogger,
    metrics: Metrics,
    manager: ModelManager,
    encoders: EncoderPool | None = None,
    rate_limiter: RateLimiter | None = None,
) -> RequestMiddleware:
    """Compose the application. Raises Exposed when the settings would let strangers in."""
    check_binding(settings, has_keys=not keys.empty())
    rate_limiter = rate_limiter or LocalRateLimiter(settings.admission)
    traced = settings.telemetry
    tracing = Tracing(traced.otlp_endpoint, traced.service_name, VERSION) if traced.otlp_endpoint else None
    codecs = codec_threads()
    encoders = encoders or make_encoders(settings, codecs, log)
    library = open_library(settings, codecs)
    services = Services(
        settings,
        engines,
        drain,
        log,
        rate_limiter,
        metrics,
        encoders,
        codecs,
        library,
        manager.models.unavailable,
    )
    app = Litestar(
        route_handlers=[
            speech_route(services),
            *transcription_routes(services),
            *list_routes(services),
            *voice_routes(services),
            *consent_routes(services),
            *profile_routes(services),
            *sample_routes(services),
            *archive_routes(services),
            *name_routes(services),
            *model_routes(services, manager),
            *probe_routes(services, VERSION),
            metrics_route(metrics),
        ],
        lifespan=[_running(engines, encoders, tracing, manager), library_lifespan(library, log)],
        exception_handlers={HTTPException: _say_why, Exception: _pass_on},
        openapi_config=OpenAPIConfig(
            title="Voicebox Gateway",
            version=VERSION,
            path="/schema",
            render_plugins=[SwaggerRenderPlugin(), RedocRenderPlugin()],
        ),
        logging_config=None,
    )
    return RequestMiddleware(
        app,
        hosts=HostGuard(settings.server.allowed_hosts, settings.server.cors_origins),
        auth=Authenticator(
            keys, public_voices=settings.auth.public_voices, public_metrics=settings.telemetry.public_metrics
        ),
        drain=drain,
        log=log,
        body_timeout=settings.server.body_timeout,
        ended=_observed(metrics, tracing),
    )


def _observed(
    metrics: Metrics, tracing: Tracing | None
) -> Callable[[RequestLog, Mapping[bytes, bytes]], None]:
    def ended(record: RequestLog, headers: Mapping[bytes, bytes]) -> None:
        metrics.request(record)
        if tracing:
            tracing.request(record, headers)

    return ended


def make_encoders(settings: Settings, codecs: CapacityLimiter, log: FilteringBoundLogger) -> EncoderPool:
    """Make what encodes."""
    return EncoderPool(_encoder_processes(settings), ThreadEncoders(codecs), supervise, log.warning)


def _encoder_processes(settings: Settings) -> int:
    """Give how many processes encode: a single core has nothing to gain from any."""
    cores = os.cpu_count() or 1
    if settings.speech.coders >= 0:
        return settings.speech.coders
    return max(1, min(cores, MOST_ENCODERS) // settings.server.processes) if cores > 1 else 0


def _running(
    engines: EngineSet, encoders: EncoderPool, tracing: Tracing | None, manager: ModelManager
) -> Callable[[Litestar], Any]:
    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        async with engines.running(), encoders.running(), manager.running():
            yield
        if tracing:
            await asyncio.to_thread(tracing.close)

    return lifespan


def _pass_on(_request: Request[Any, Any, Any], exc: Exception) -> NoReturn:
    """Let Entry answer: it is the one place where errors become answers."""
    raise exc


def _say_why(request: Request[Any, Any, Any], exc: HTTPException) -> NoReturn:
    """Put Litestar's own refusals (routing, for the most part) into OpenAI's words."""
    method, path = request.scope["method"], request.scope["path"]
    if exc.status_code == 404:
        raise WrongRoute(f"Invalid URL ({method} {path})") from exc
    if exc.status_code == 405:
        hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
        raise WrongRoute(
            f"Not allowed to {method} on {path}. {hint}", status=405, headers=dict(exc.headers or {})
        ) from exc
    if exc.status_code < 500:
        raise BadInput(exc.detail) from exc
    raise exc
