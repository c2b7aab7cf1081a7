"""`GET /v1/models` and its kin: the models that requests can name, and the preset voices."""

from __future__ import annotations

from collections.abc import Iterator

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET

from compat.openai import names
from compat.openai.models import AudioModels, ListedVoice, Model, ModelList, listed, model_settings
from engines.api import EngineInfo
from engines.catalogue.engines import Kind
from engines.errors import EngineUnavailable, UnknownModel
from gateway.http.context import RequestContext
from gateway.http.openapi.operation import DOCUMENTED, MODELS_TAG, Documented
from gateway.services.engine_snapshot import EngineSnapshot
from voices.naming.characters import usual_characters
from voices.naming.matching import LONGEST_NAME, shown
from voices.naming.resolver import WrongKind

OWNER = "voicebox"
LISTED_SINCE = 1767225600
"""`created` of models that OpenAI never had: 2026-01-01, since the field is required"""
TASKS: dict[Kind, str] = {"speech": "text-to-speech", "transcription": "automatic-speech-recognition"}


@get("/v1/models", operation_id="listModels", tags=[MODELS_TAG], summary="List the models")
async def models(context: NamedDependency[RequestContext]) -> ModelList:
    """Return all models."""
    return ModelList(tuple(_models(context.engines)))


@get(
    "/v1/audio/models",
    operation_id="listAudioModels",
    tags=[MODELS_TAG],
    summary="List the models, as Open WebUI asks",
)
async def audio_models(context: NamedDependency[RequestContext]) -> AudioModels:
    """Return all models in the form that Open WebUI reads."""
    found = tuple(_models(context.engines))
    return AudioModels(found, found)


@get(
    "/v1/models/{model:path}",
    operation_id="retrieveModel",
    tags=[MODELS_TAG],
    summary="Look one model up",
    opt={DOCUMENTED: Documented(raises=(UnknownModel,))},
)
async def model(context: NamedDependency[RequestContext], model: FromPath[str]) -> Model:
    """Return one model, a speech model with the voices it speaks with. Raises UnknownModel."""
    name = model.lstrip("/")
    if len(name) > LONGEST_NAME:
        raise UnknownModel(f"The model '{shown(name)}' does not exist", param="model")
    return _model(context.engines, name)


def _models(engines: EngineSnapshot) -> Iterator[Model]:
    """Yield OpenAI's models for what some engine can do, then the engines' own."""
    infos = engines.infos.values()
    usable: dict[Kind, bool] = {
        "speech": any(info.speech for info in infos),
        "transcription": any(info.transcription for info in infos),
    }
    for kind, is_usable in usable.items():
        if is_usable:
            yield from (
                _openai_model(name, kind)
                for name in names.LISTED[kind]
                if not names.diarizes(name) or _diarizes(engines)
            )
    for info in infos:
        for name in info.models:
            task = TASKS["speech" if info.speech else "transcription"]
            own = info.speech.settings if info.speech else ()
            yield Model(name, LISTED_SINCE, OWNER, task=task, settings=model_settings(own) or UNSET)


def _diarizes(engines: EngineSnapshot) -> bool:
    """Return whether something tells speakers apart."""
    return any(info.transcription and info.transcription.diarize for info in engines.infos.values())


def _openai_model(name: str, kind: Kind) -> Model:
    return Model(name, names.CREATED.get(name, LISTED_SINCE), "system", task=TASKS[kind])


def _model(engines: EngineSnapshot, name: str) -> Model:
    """Return a model as a request would resolve it. Raises UnknownModel."""
    if names.diarizes(name) and not _diarizes(engines):
        raise UnknownModel(
            f"The model '{shown(name)}' is not here: nothing tells speakers apart", param="model"
        )
    for kind in TASKS:
        if _resolves(engines, name, kind):
            created = names.CREATED.get(names.bare(name), LISTED_SINCE)
            owner = "system" if names.openai_kind(name) else OWNER
            voices = tuple(preset_voices(engines.infos)) if kind == "speech" else UNSET
            return Model(name, created, owner, task=TASKS[kind], voices=voices)
    raise UnknownModel(f"The model '{shown(name)}' does not exist", param="model")


def _resolves(engines: EngineSnapshot, name: str, kind: Kind) -> bool:
    try:
        engines.resolver.model(name, kind)
    except (UnknownModel, WrongKind, EngineUnavailable):
        return False
    return True


def preset_voices(infos: dict[str, EngineInfo]) -> Iterator[ListedVoice]:
    """Yield OpenAI's voice names first, then every engine's own; a name that two engines have is
    `engine/voice`.
    """
    by_id = {(engine, voice.id): voice for engine, info in infos.items() for voice in info.voices}
    listed_names: set[str] = set()
    for name, (engine, preset, _) in usual_characters(infos).items():
        voice = by_id.get((engine, preset)) or by_id.get((engine, preset.partition("+")[0]))
        if voice:
            listed_names.add(name)
            yield listed(name, voice, engine)
    for engine, info in infos.items():
        for voice in info.voices:
            name = f"{engine}/{voice.id}" if voice.id in listed_names else voice.id
            listed_names.add(name)
            yield listed(name, voice, engine)


LISTING_ROUTES = (models, audio_models, model)
