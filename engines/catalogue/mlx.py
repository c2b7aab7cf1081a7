"""Records of the models that Apple's MLX runs, in the order before the same ones on torch.

mlx-audio reads most files as their makers publish them. Where it wants another form, the record is that of
mlx-community's conversion. Further conversions, such as those in fewer bits, are models of one's own:
`models.own`, with `engine: mlx`.
"""

from __future__ import annotations

import msgspec

from engines.catalogue.family import CheckpointFacts, Family
from engines.catalogue.kokoro import KOKORO
from engines.catalogue.own import OwnModel
from engines.catalogue.pocket import POCKET_MODELS
from engines.catalogue.qwen3_tts import QWEN3_TTS_MODELS
from engines.catalogue.records import Adapter, ModelRecord
from engines.catalogue.whisper import WHISPER_MODELS

ADAPTERS = {
    "qwen3-tts": "engines.adapters.mlx.qwen3_engine:Qwen3Mlx",
    "qwen3-tts-custom": "engines.adapters.mlx.qwen3_engine:Qwen3Mlx",
    "qwen3-tts-design": "engines.adapters.mlx.qwen3_engine:Qwen3Mlx",
    "whisper": "engines.adapters.mlx.whisper_engine:WhisperMlx",
    "kokoro": "engines.adapters.mlx.kokoro_engine:KokoroMlx",
    "pocket-tts": "engines.adapters.mlx.pocket_engine:PocketMlx",
}
"""by the names of the engines on torch of which MLX runs the models too"""
PACKAGES = {"whisper": ("onnxruntime",), "kokoro": ("hibari", "onnxruntime"), "pocket-tts": ("yaml",)}
"""further ones that some need"""
FAMILIES = tuple(name for name in ADAPTERS if name != "kokoro")
"""those of which it reads the same files"""
GROUP = "mlx"
AHEAD = 2
"""by which ranks are above those of the same models on torch, of which the larger is one above the smaller"""


def on_mlx(record: ModelRecord) -> ModelRecord:
    """Return the record of a model as MLX runs it."""
    name = record.engine.name
    if record.engine.group == GROUP:
        return record
    engine = Adapter(
        name=f"{name}-mlx",
        import_path=ADAPTERS[name],
        packages=("mlx.core", "mlx_audio", "transformers", *PACKAGES.get(name, ())),
        rank=record.engine.rank + AHEAD,
        group=GROUP,
        voices=record.engine.voices,
        request_options=record.engine.request_options,
    )
    return msgspec.structs.replace(
        record,
        name=f"{record.name}-mlx",
        display=f"{record.display}, by MLX",
        engine=engine,
        requires=("mlx",),
    )


KOKORO_ON_MLX = msgspec.structs.replace(
    on_mlx(KOKORO),
    repo="mlx-community/Kokoro-82M-bf16",
    files=("config.json", "*.safetensors", "voices/*.safetensors"),
    substitute="",
    size_bytes=195_000_000,
)
"""its makers publish torch's own format only"""
WHISPERS = tuple(on_mlx(record) for record in WHISPER_MODELS if record.engine.name == "whisper")
MLX_MODELS = (
    *map(on_mlx, QWEN3_TTS_MODELS),
    KOKORO_ON_MLX,
    *map(on_mlx, POCKET_MODELS),
    *WHISPERS,
)


def _lacks_of_kokoro(facts: CheckpointFacts, _own: OwnModel) -> str:
    return "" if facts.has("voices/*.safetensors") else "it has no voices: voices/*.safetensors"


MLX_FAMILIES = (
    Family(
        "mlx",
        "a Kokoro converted for MLX",
        lambda facts: (
            "istftnet" in facts.config and facts.has("*.safetensors") and not facts.has("*.pth", "*.onnx")
        ),
        _lacks_of_kokoro,
        lambda _name, _own, _facts: msgspec.structs.replace(KOKORO_ON_MLX, size_bytes=0),
    ),
)
"""files that MLX alone reads"""
