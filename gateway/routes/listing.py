"""`GET /v1/models` and `GET /v1/audio/voices`, and the roots and probes beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import UNSET

from compat.openai import names
from compat.openai.models import AudioModels, ListedVoice, Model, ModelList, listed
from engines.api import EngineInfo
from engines.catalogue.engines import Kind
from engines.errors import EngineUnavailable, UnknownModel
from gateway.observability.metrics import Metrics
from gateway.services.container import Services
from voices.naming.matching import shown
from voices.naming.resolver import Choice, WrongKind

METRICS_TYPE = "text/plain; version=0.0.4"
OWNER = "voicebox"
LISTED_SINCE = 1767225600
"""`created` of models that OpenAI never had: 2026-01-01, since the field is required"""


def list_routes(services: Services) -> list[HTTPRouteHandler]:
    """Make the routes that list what there is."""

    @get("/v1/models", summary="List the models")
    async def models() -> ModelList:
        return ModelList(tuple(_models(services)))

    @get("/v1/audio/models", summary="List the models, as Open WebUI asks")
    async def audio_models() -> AudioModels:
        found = tuple(_models(services))
        return AudioModels(found, found)

    @get("/v1/models/{model:path}", summary="Look one model up")
    async def model(model: FromPath[str]) -> Model:
        return _model(services, model.lstrip("/"))

    return [models, audio_models, model]


def metrics_route(metrics: Metrics) -> HTTPRouteHandler:
    """Make the route for Prometheus."""

    @get("/metrics", summary="Counts for Prometheus", media_type=METRICS_TYPE, sync_to_thread=True)
    def exposition() -> bytes:
        return metrics.exposition()

    return exposition


def probe_routes(services: Services, version: str) -> list[HTTPRouteHandler]:
    """Make the routes that tell how the server is."""

    @get(["/", "/v1"], summary="What this is")
    async def root() -> dict[str, str]:
        return {"name": "Voicebox Gateway", "version": version, "schema": "/schema", "health": "/health"}

    @get("/health", summary="How the engines are")
    async def health() -> dict[str, Any]:
        states = services.engines.statuses()
        return {"status": "ok" if _ready(services) else "starting", "version": version, "engines": states}

    @get("/livez", summary="The process answers")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @get("/readyz", summary="Requests can be served")
    async def readyz() -> Response[dict[str, str]]:
        if services.drain.closing:
            return Response({"status": "closing"}, status_code=503, headers={"retry-after": "5"})
        ready = _ready(services)
        return Response({"status": "ok" if ready else "starting"}, status_code=200 if ready else 503)

    @get("/v1/test", summary="What Wyoming's bridge probes")
    async def test() -> dict[str, str]:
        return {"status": "ok"}

    return [root, health, livez, readyz, test]


KINDS: tuple[Kind, ...] = ("speech", "transcription")


def _ready(services: Services) -> bool:
    """Tell whether every engine that is enabled works, but for those that never will beside one that does.

    Models start when they are wanted: nobody waits for one that is not.
    """
    states = services.engines.statuses()
    starting = (state for state in states.values() if not state.on_demand and not state.ready)
    waiting = any(worker.state == "starting" for state in starting for worker in state.workers)
    able = {name for name, state in states.items() if state.ready or (state.on_demand and state.usable)}
    kinds = [services.engines.names(kind) for kind in KINDS]
    return not waiting and all(able.intersection(kind) for kind in kinds if kind) and bool(states)


def _models(services: Services) -> Iterator[Model]:
    infos = services.infos()
    for use, able in (("speech", "speech"), ("transcription", "transcription")):
        if any(getattr(info, able) for info in infos.values()):
            yield from (_openai_model(name, use) for name in names.LISTED[use])  # type: ignore[index]
    for info in infos.values():
        for own in info.models:
            yield Model(own, LISTED_SINCE, OWNER, task=_task(info))


def _openai_model(name: str, use: str) -> Model:
    return Model(name, names.CREATED.get(name, LISTED_SINCE), "system", task=_TASKS[use])


_TASKS = {"speech": "text-to-speech", "transcription": "automatic-speech-recognition"}


def _task(info: EngineInfo) -> str:
    return _TASKS["speech" if info.speech else "transcription"]


def _model(services: Services, name: str) -> Model:
    """Look a model up as a request would resolve it; a speech model tells its voices."""
    for use in ("speech", "transcription"):
        if _resolves(services, name, use):
            created = names.CREATED.get(name, LISTED_SINCE)
            owner = "system" if names.openai_kind(name) else OWNER
            spoken = tuple(preset_voices(services.infos())) if use == "speech" else UNSET
            return Model(name, created, owner, task=_TASKS[use], voices=spoken)
    raise UnknownModel(f"The model '{shown(name)}' does not exist", param="model")


def _resolves(services: Services, name: str, use: str) -> Choice | None:
    resolver = services.resolver()
    try:
        return resolver.model(name, "speech" if use == "speech" else "transcription")
    except (UnknownModel, WrongKind, EngineUnavailable):
        return None


def preset_voices(infos: dict[str, EngineInfo]) -> Iterator[ListedVoice]:
    """List OpenAI's names first, then every engine's own; a name that two engines have goes by
    `engine/voice`.
    """
    taken: set[str] = set()
    for engine, info in infos.items():
        by_id = {voice.id: voice for voice in info.voices}
        for name, preset in info.characters.items():
            voice = by_id.get(preset) or by_id.get(preset.partition("+")[0])
            if voice and name not in taken:
                taken.add(name)
                yield listed(name, voice, engine)
        for voice in info.voices:
            name = f"{engine}/{voice.id}" if voice.id in taken else voice.id
            taken.add(name)
            yield listed(name, voice, engine)
