"""Load a Pocket TTS of version 4 by mlx-audio, from the files as Kyutai publishes them.

The library (mlx-audio 0.6.2) was written for an earlier version: what the later one has besides is given to
it here, and what it cannot compute is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import msgspec
from mlx_audio.codec.models.mimi.modules.conv import StreamableConv1d
from mlx_audio.tts.models.pocket_tts.config import ModelConfig
from mlx_audio.tts.models.pocket_tts.pocket_tts import Model

from engines.adapters.mlx.library import as_engine_failed
from engines.adapters.mlx.pocket_text import TextRules
from engines.errors import EngineFailed

TITLE = "The Pocket TTS"
BEFORE_VOICE = "flow_lm.bos_before_voice"
DEFAULT_TEMPERATURE = 0.3
DEFAULT_END = -4.0
"""pocket-tts 4.0.1's own, where a configuration says nothing"""
NOT_COMPUTED = (
    ("flow_lm", "z_dim"),
    ("flow_lm", "transformer", "attn_dim"),
    ("flow_lm", "transformer", "num_kv_heads"),
    ("flow_lm", "lookup_table", "rank"),
    ("mimi", "decoder_seanet"),
    ("mimi", "decoder_transformer"),
)
"""settings that mlx-audio knows nothing of"""


class LoadedPocket(msgspec.Struct, frozen=True, eq=False):
    """A model, and what belongs to it."""

    network: Any
    """the library's"""
    before_voice: mx.array | None
    """[1, 1, width], what goes before each voice"""
    rules: TextRules
    versioned: dict[str, mx.array]
    """weights that decide what a voice prompt is, as the file has them, by name"""


def load_pocket(config: dict[str, Any]) -> LoadedPocket:
    """Return the model of a configuration with local paths. Raises EngineFailed."""
    weights_file = Path(config.get("weights_path") or "")
    for path in NOT_COMPUTED:
        if _value_at(config, path) is not None:
            raise EngineFailed(
                f"{TITLE} in {weights_file.parent} cannot be loaded: MLX has no {'.'.join(path)}."
            )
    with as_engine_failed(TITLE, weights_file.parent):
        network = Model(ModelConfig.from_dict(_library_config(config)))
        _narrow(network, config["mimi"])
        weights: dict[str, mx.array] = mx.load(str(weights_file))
        versioned = {
            name.removeprefix("flow_lm."): value
            for name, value in sorted(weights.items())
            if name.startswith("flow_lm.") and name.endswith(("speaker_proj_weight", "in_proj.weight"))
        }
        before_voice = weights.pop(BEFORE_VOICE, None)
        network.load_weights(list(network.sanitize(weights).items()), strict=True)
        network.eval()
        mx.eval(network.parameters())
        rules = msgspec.convert(config, TextRules)
    return LoadedPocket(network, before_voice, rules, versioned)


def _library_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration as the library has it."""
    flow = config["flow_lm"]
    transformer = {**flow["transformer"], "gelu": "tanh"}
    if width := transformer.get("dim_feedforward"):
        transformer["hidden_scale"] = width / transformer["d_model"]
    is_json = str(flow["lookup_table"]["tokenizer_path"]).endswith(".json")
    table = {**flow["lookup_table"], "tokenizer": "huggingface" if is_json else "sentencepiece"}
    return {
        "flow_lm": {**flow, "transformer": transformer, "lookup_table": table},
        "mimi": config["mimi"],
        "temp": config.get("default_temperature", DEFAULT_TEMPERATURE),
        "eos_threshold": config.get("default_eos_threshold", DEFAULT_END),
    }


def _narrow(network: Any, mimi: dict[str, Any]) -> None:  # noqa: ANN401 - the library's class has no types
    """Have recordings become vectors of the width that a configuration says, not of the codec's own."""
    width = mimi.get("inner_dim")
    if not width:
        return
    stride = int(network.mimi.encoder_frame_rate / network.mimi.frame_rate)
    network.mimi.downsample.conv = StreamableConv1d(
        network.mimi.dimension, width, 2 * stride, stride, 1, 1, bias=False, causal=True, pad_mode="edge"
    )
    network.speaker_proj_weight = mx.zeros((network.flow_lm.dim, width))


def _value_at(config: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - what YAML holds
    for part in path:
        config = config.get(part) if isinstance(config, dict) else None
    return config
