"""Records of the models that Apple's MLX runs: the same repositories as for torch, in the order before it.

mlx-audio reads the files as their makers publish them. Conversions, such as those of `mlx-community` in fewer
bits, are models of one's own: `models.own`, with `engine: mlx`.
"""

from __future__ import annotations

import msgspec

from engines.catalogue.qwen3_tts import QWEN3_TTS_MODELS
from engines.catalogue.records import Adapter, ModelRecord

FAMILIES = ("qwen3-tts", "qwen3-tts-custom", "qwen3-tts-design")
"""engines of which MLX runs the models too"""
AHEAD = 2
"""by which ranks are above those of the same models on torch, of which the larger is one above the smaller"""


def on_mlx(record: ModelRecord) -> ModelRecord:
    """Return the record of a Qwen3-TTS as MLX runs it."""
    engine = Adapter(
        name=f"{record.engine.name}-mlx",
        import_path="engines.adapters.mlx.qwen3_engine:Qwen3Mlx",
        packages=("mlx.core", "mlx_audio", "transformers"),
        rank=record.engine.rank + AHEAD,
        group="mlx",
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


MLX_MODELS = tuple(map(on_mlx, QWEN3_TTS_MODELS))
