"""Voices of Pocket TTS by MLX: states of its attention after a recording, in the files of its own library.

So presets are those that Kyutai publishes, and a prompt that one engine made is understood by the other.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from engines.adapters.mlx.pocket_files import LoadedPocket
from engines.toolkit.voice_prompts import version_of

Floats = NDArray[np.float32]
State = list[tuple[mx.array, mx.array]]
"""keys and values of each layer, [1, heads, length, width]"""
LAYER = "transformer.layers.{}.self_attn"
FRAME_SECONDS = 0.02
FLOOR = 35.0
"""decibels below the loudest frame: what is quieter at the end of a recording is silence"""
FADE_SECONDS = 0.02
PAUSE_SECONDS = 0.08
"""of silence at the end of each recording: as pocket-tts 4.0.1 has it (`end_on_pause`)"""


class VoiceMaker:
    """Makes and reads the voices of a loaded model."""

    def __init__(self, loaded: LoadedPocket) -> None:
        self._loaded = loaded
        self._network = loaded.network
        attention = self._network.flow_lm.transformer.layers[0].self_attn
        self._layers = len(self._network.flow_lm.transformer.layers)
        self._heads, self._width = int(attention.num_heads), int(attention.head_dim)

    @property
    def version(self) -> str | None:
        """The version of the prompts; None where the model does not clone: what reads samples is blank."""
        encoder = self._network.mimi.encoder
        if encoder is None or not bool(self._network.speaker_proj_weight.any()):
            return None
        if not any(bool(weights.any()) for weights in _arrays(encoder.parameters())):
            return None
        return version_of(np.array(value.astype(mx.float32)) for value in self._loaded.versioned.values())

    def create(self, recording: Floats, rate: int) -> bytes:
        """Return the prompt of a recording, in safetensors."""
        network = self._network
        prompt = network._encode_audio(mx.array(_ended_on_pause(recording, rate))[None, None])
        if self._loaded.before_voice is not None:
            prompt = mx.concatenate([self._loaded.before_voice.astype(prompt.dtype), prompt], axis=1)
        state = network.init_state()
        network._run_flow_lm(model_state=state, audio_conditioning=prompt)
        tensors: dict[str, NDArray[Any]] = {}
        for number, cache in enumerate(state["flow_cache"]):
            keys, values = (
                np.array(one[:, :, : cache.offset].transpose(0, 2, 1, 3).astype(mx.float32))
                for one in (cache.keys, cache.values)
            )
            name = LAYER.format(number)
            tensors[f"{name}/cache"] = np.ascontiguousarray(np.stack([keys, values]))
            tensors[f"{name}/offset"] = np.array([cache.offset], np.int64)
            tensors[f"{name}/pad"] = np.zeros(1, np.int64)
        return bytes(save(tensors))

    def read(self, data: bytes) -> State:
        """Return the state in a file, which has to be of this model's shape. Raises ValueError and others."""
        tensors = load(data)
        names = {name.partition("/")[0] for name in tensors}
        if names != {LAYER.format(number) for number in range(self._layers)}:
            raise ValueError("its layers are others")
        return [self._layer(tensors, LAYER.format(number)) for number in range(self._layers)]

    def _layer(self, tensors: dict[str, NDArray[Any]], name: str) -> tuple[mx.array, mx.array]:
        cache = tensors[f"{name}/cache"]
        if cache.ndim != 5 or (*cache.shape[:2], *cache.shape[3:]) != (2, 1, self._heads, self._width):
            raise ValueError("its layers are others")
        older = tensors.get(f"{name}/current_end")  # as states were before version 2
        length = int(tensors[f"{name}/offset"][0]) if older is None else len(older)
        if not 0 <= length <= cache.shape[2]:
            raise ValueError("it says that there is more of it")
        kept = cache[:, :, :length].astype(np.float32).transpose(0, 1, 3, 2, 4)
        return mx.array(kept[0]), mx.array(kept[1])


def _arrays(tree: Any) -> list[mx.array]:  # noqa: ANN401 - nested dicts and lists
    """Return the arrays of a tree of parameters."""
    if isinstance(tree, mx.array):
        return [tree]
    inner = tree.values() if isinstance(tree, dict) else tree
    return [array for part in inner for array in _arrays(part)]


def _ended_on_pause(recording: Floats, rate: int) -> Floats:
    """Return a recording that fades out into a pause, without the silence at its end."""
    frame = max(1, int(FRAME_SECONDS * rate))
    count = len(recording) // frame
    if not count:
        return recording
    loudness = np.sqrt(np.square(recording[: count * frame].reshape(count, frame)).mean(1))
    decibels = 20 * np.log10(loudness + 1e-12)
    end = (int(np.flatnonzero(decibels > decibels.max() - FLOOR)[-1]) + 1) * frame
    spoken = recording[:end].copy()
    fade = min(int(FADE_SECONDS * rate), end)
    spoken[end - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return np.concatenate([spoken, np.zeros(int(PAUSE_SECONDS * rate), np.float32)])
