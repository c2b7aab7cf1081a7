"""Speak a text by Pocket TTS frame by frame: mlx-audio's own steps, in the loop of pocket-tts 4.0.1."""

from __future__ import annotations

import math
from collections.abc import Generator

import mlx.core as mx
import numpy as np
from mlx_audio.lm.models.cache import KVCache

from engines.adapters.mlx.pocket_files import LoadedPocket
from engines.adapters.mlx.pocket_text import Chunker
from engines.adapters.mlx.pocket_voices import Floats, State

TOKENS_PER_SECOND = 3.0
MORE_SECONDS = 2.0
"""a chunk lasts no longer than its tokens at that rate, and so much more"""
FADE_SECONDS = 0.005
"""in which each chunk fades in"""
FIRST_END = 6
"""frames before which the model finds no end"""


class PocketSpeaker:
    """Speaks with a loaded model, one text at a time."""

    def __init__(self, loaded: LoadedPocket) -> None:
        self._network = loaded.network
        self._rules = loaded.rules
        self._chunker = Chunker(self._network.flow_lm.conditioner.tokenizer, loaded.rules)

    def frames(self, text: str, voice: State, temperature: float) -> Generator[Floats, None, None]:
        """Yield the sound of each frame, in [-1, 1]."""
        self._network.temp = temperature
        try:
            for chunk in self._chunker.chunks(text):
                yield from self._speak_chunk(self._rules.prepare(chunk), voice)
        finally:
            self._network.mimi.reset_state()
            mx.clear_cache()

    def _speak_chunk(self, text: str, voice: State) -> Generator[Floats, None, None]:
        network = self._network
        network.mimi.reset_state()
        state = {"flow_cache": [_filled_cache(keys, values) for keys, values in voice]}
        tokens = network.flow_lm.conditioner.prepare(text).tokens
        network._run_flow_lm(model_state=state, text_tokens=tokens)
        seconds = tokens.shape[1] / TOKENS_PER_SECOND + MORE_SECONDS
        latent = mx.full((1, 1, network.flow_lm.ldim), float("NaN"), dtype=mx.float32)
        last = math.inf
        for step in range(math.ceil(seconds * network.mimi.frame_rate)):
            latent, is_end = network._run_flow_lm(model_state=state, backbone_input_latents=latent)
            if last == math.inf and step >= FIRST_END and bool(is_end.item()):
                last = step + self._rules.frames_after_end(text)
            if step >= last:
                return
            scaled = latent * network.flow_lm.emb_std + network.flow_lm.emb_mean
            sound = network.mimi.decode_step(network.mimi.quantizer(scaled.transpose(0, 2, 1)))
            frame = np.array(sound[0, 0].astype(mx.float32))
            yield _faded_in(frame, int(network.sample_rate)) if step == 0 else frame


def _faded_in(frame: Floats, rate: int) -> Floats:
    """Return the first frame of a chunk without the click that the codec begins with."""
    count = min(round(FADE_SECONDS * rate), len(frame))
    return np.concatenate([frame[:count] * np.linspace(0, 1, count, dtype=np.float32), frame[count:]])


def _filled_cache(keys: mx.array, values: mx.array) -> KVCache:
    """Return a cache of attention that begins with a voice; it grows in arrays of its own."""
    cache = KVCache()
    cache.state = (keys, values)
    return cache
