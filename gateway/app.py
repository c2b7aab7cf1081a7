"""The composition root: it builds the application from its parts.

It imports all other folders, and only `serve` and `cluster` import it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, NoReturn

from anyio import CapacityLimiter
from litestar import Litestar, Request
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from structlog.typing import FilteringBoundLogger

from compat.errors import WrongRoute
from engines.errors import BadInput
from engines.fleet.process_supervisor import supervise
from engines.fleet.runtime import EngineSet
from engines.languages import standard_tag
from engines.memory.cores import usable_cores
from gateway.config.addresses import base_path
from gateway.config.settings import Settings
from gateway.http.context import context_provider
from gateway.http.drain import Drain
from gateway.http.middleware import RequestMiddleware
from gateway.http.proxies import Proxies
from gateway.http.rate_limits import LocalRateLimiter
from gateway.models.manager import ModelManager
from gateway.observability.descriptors import watch_descriptors
from gateway.observability.metrics import Metrics
from gateway.observability.request_log import RequestLog
from gateway.observability.tracing import Tracing
from gateway.routes.archives import ARCHIVE_ROUTER
from gateway.routes.consents import CONSENT_ROUTER
from gateway.routes.console import console_file
from gateway.routes.health import health_routes
from gateway.routes.listing import LISTING_ROUTES
from gateway.routes.models import model_router
from gateway.routes.names import NAME_ROUTES
from gateway.routes.profiles import PROFILE_ROUTER
from gateway.routes.samples import SAMPLE_ROUTER
from gateway.routes.schema import schema_routes
from gateway.routes.speech import speech
from gateway.routes.transcriptions import transcriptions, translations
from gateway.routes.voices import VOICE_ROUTER
from gateway.security.auth import Authenticator
from gateway.security.hosts import HostGuard, check_binding
from gateway.security.keys import KeyStore
from gateway.services.container import Services, codec_threads, open_library
from gateway.services.first_start import FirstStart
from gateway.services.library_lifespan import library_lifespan
from gateway.services.permits import RateLimiter
from streaming.audio.decoding_threads import DecodingThreads
from streaming.encode.encoders import ThreadEncoderFactory
from streaming.encode.pool import EncoderPool

VERSION = version("voicebox-gateway")
MAX_ENCODER_PROCESSES = 4
"""unless the settings say otherwise: each process encodes 250 seconds of mp3 a second"""


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
    first_start: FirstStart | None = None,
) -> RequestMiddleware:
    """Return the application for the given engines, keys and limits.

    Raises UnsafeBinding when the server would listen beyond loopback without keys, and TracingMissing when
    the settings ask for traces and OpenTelemetry is not installed.
    """
    check_binding(settings, has_keys=not keys.empty())
    rate_limiter = rate_limiter or LocalRateLimiter(settings.admission)
    first_start = first_start or make_first_start(engines, manager, log.info)
    drain.on_closing(manager.break_off)
    tracing = _make_tracing(settings)
    codecs = codec_threads()
    encoders = encoders or make_encoders(settings, codecs, log)
    library = open_library(settings)
    services = Services(
        settings,
        engines,
        log,
        rate_limiter,
        metrics,
        encoders,
        DecodingThreads(codecs, settings.admission.wait),
        library,
        manager.models.unavailable,
        manager.look_again,
        first_start,
    )
    auth = Authenticator(
        keys, public_voices=settings.auth.public_voices, public_metrics=settings.telemetry.public_metrics
    )
    app = Application(
        route_handlers=[
            speech,
            transcriptions,
            translations,
            *LISTING_ROUTES,
            VOICE_ROUTER,
            CONSENT_ROUTER,
            PROFILE_ROUTER,
            SAMPLE_ROUTER,
            ARCHIVE_ROUTER,
            *NAME_ROUTES,
            model_router(manager),
            *health_routes(VERSION, drain, metrics, auth, first_start),
            *schema_routes(VERSION, auth),
            console_file,
        ],
        dependencies={"context": Provide(context_provider(services))},
        lifespan=[
            _lifespan(engines, encoders, tracing, manager, first_start),
            library_lifespan(library, log),
            watch_descriptors(log),
        ],
        exception_handlers={HTTPException: _raise_in_our_terms, Exception: _reraise},
        openapi_config=None,  # gateway/http/openapi makes the document
        logging_config=None,
    )
    return RequestMiddleware(
        app,
        hosts=HostGuard(settings.server.allowed_hosts, settings.server.cors_origins),
        auth=auth,
        drain=drain,
        log=log,
        body_timeout=settings.server.body_timeout,
        ended=_request_observer(metrics, tracing),
        proxies=Proxies(settings.server.trusted_proxies),
        base_path=base_path(settings.server.base_path),
    )


class Application(Litestar):
    """Litestar without what it imports for models of pydantic's and attrs', where those happen to be
    installed: our bodies are msgspec's, and pydantic takes a tenth of the start and 10 MB.
    """

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def _make_tracing(settings: Settings) -> Tracing | None:
    telemetry = settings.telemetry
    if not telemetry.otlp_endpoint:
        return None
    return Tracing(telemetry.otlp_endpoint, telemetry.service_name, VERSION)


def _request_observer(
    metrics: Metrics, tracing: Tracing | None
) -> Callable[[RequestLog, Mapping[bytes, bytes]], None]:
    """Return what counts and traces a request that has ended."""

    def observe(log_entry: RequestLog, headers: Mapping[bytes, bytes]) -> None:
        metrics.request(log_entry)
        if tracing:
            tracing.request(log_entry, headers)

    return observe


def make_encoders(settings: Settings, codecs: CapacityLimiter, log: FilteringBoundLogger) -> EncoderPool:
    """Return the pool of encoder processes that the settings ask for."""
    return EncoderPool(_encoder_processes(settings), ThreadEncoderFactory(codecs), supervise, log.warning)


def make_first_start(engines: EngineSet, manager: ModelManager, log: Callable[..., object]) -> FirstStart:
    """Return the first start of engines, which `log` is told of once they are ready."""

    def tell(seconds: float, ready: list[str]) -> None:
        log("ready", seconds=seconds, engines=ready)

    return FirstStart(engines, manager.look_again, tell)


def _encoder_processes(settings: Settings) -> int:
    """Return the number of encoder processes: a single core gains nothing from any."""
    cores = usable_cores()
    if settings.speech.coders >= 0:
        return settings.speech.coders
    return max(1, min(cores, MAX_ENCODER_PROCESSES) // settings.server.processes) if cores > 1 else 0


def _lifespan(
    engines: EngineSet,
    encoders: EncoderPool,
    tracing: Tracing | None,
    manager: ModelManager,
    first_start: FirstStart,
) -> Callable[[Litestar], Any]:
    """Return the lifespan in which engines, encoders and the model manager run."""

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        loading = asyncio.create_task(asyncio.to_thread(standard_tag, "en"))  # imports langcodes: 50 ms
        async with (
            engines.running(),
            encoders.running(first_start.settled),  # the voice needs the processors first
            manager.running(first_start.settled),
            first_start.watched(),
        ):
            yield
        await loading
        if tracing:
            await asyncio.to_thread(tracing.close)

    return lifespan


def _reraise(_request: Request[Any, Any, Any], exc: Exception) -> NoReturn:
    """Leave an error to RequestMiddleware, the one place where errors become responses."""
    raise exc


def _raise_in_our_terms(request: Request[Any, Any, Any], exc: HTTPException) -> NoReturn:
    """Raise the error with OpenAI's message for one of Litestar's own, most of which are about routes."""
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
