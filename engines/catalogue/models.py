"""The catalogue of models: one record each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engines.catalogue.chatterbox import CHATTERBOX_MODELS
from engines.catalogue.families import presumed_record
from engines.catalogue.kokoro import KOKORO, KOKORO_GRAPHS
from engines.catalogue.luxtts import LUXTTS
from engines.catalogue.mlx import MLX_MODELS
from engines.catalogue.omnivoice import OMNIVOICE
from engines.catalogue.own import OwnModel
from engines.catalogue.piper import PIPER_MODELS
from engines.catalogue.pocket import POCKET_MODELS
from engines.catalogue.qwen3_tts import QWEN3_TTS_MODELS
from engines.catalogue.records import Adapter, ModelRecord
from engines.catalogue.tada import TADA_MODELS
from engines.catalogue.transformers import TRANSFORMERS_MODELS
from engines.catalogue.voxcpm import VOXCPM2
from engines.catalogue.whisper import WHISPER_MODELS

HIBARI_ENGINE = Adapter(
    name="hibari",
    import_path="engines.adapters.hibari.engine:Hibari",
    packages=("hibari", "onnxruntime"),
    rank=15,
    group="onnx",
    voices="engines.adapters.hibari.voice_files:read_voices",
)

HIBARI_VOICES = ModelRecord(
    name="hibari-voices",
    display="Hibari, with four further voices: American and British, women and men",
    engine=HIBARI_ENGINE,
    repo="maureesewilliams/hibari",
    licence="Apache-2.0",
    kinds=("speech",),
    files=("voices/*.onnx",),
    size_bytes=31_800_000,
    languages=("en-US", "en-GB"),
    voice_types=("preset",),
    rank=1,  # before the embedded engine, whose voices it has too
)

MODELS: tuple[ModelRecord, ...] = (
    HIBARI_VOICES,
    KOKORO,
    *KOKORO_GRAPHS,
    VOXCPM2,
    *CHATTERBOX_MODELS,
    *POCKET_MODELS,
    *TADA_MODELS,
    LUXTTS,
    OMNIVOICE,
    *MLX_MODELS,
    *QWEN3_TTS_MODELS,
    *PIPER_MODELS,
    *WHISPER_MODELS,
    *TRANSFORMERS_MODELS,
)


def find_model(name: str, records: Iterable[ModelRecord] = MODELS) -> ModelRecord:
    """Return the record of a model. Raises KeyError."""
    for record in records:
        if record.name == name:
            return record
    raise KeyError(name)


def all_models(own: Mapping[str, OwnModel]) -> tuple[ModelRecord, ...]:
    """Return all models, with those of the settings, which go before others of the same name.

    What those of the settings are their files tell: `ModelFiles.fitted` knows better.
    """
    return (
        *(record for record in MODELS if record.name not in own),
        *(presumed_record(name, model) for name, model in own.items()),
    )
