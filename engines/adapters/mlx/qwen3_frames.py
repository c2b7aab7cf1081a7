"""Speak a text by Qwen3-TTS frame by frame: mlx-audio's own steps, with the settings of both networks.

The library's loop (`Model._generate_with_instruct`, mlx-audio 0.6.2) draws all codes of a frame with one set
of settings, and hears each cloned voice anew. Its parts are called here in its order: for the same seed and
settings the audio is its own.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import mlx.core as mx
import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.adapters.qwen3_tts import request_options as options
from engines.api.request_options import Settings

CONTEXT_FRAMES = 25
"""of a recording that the codec hears before what follows it: as many as the library's own"""
Floats = NDArray[np.float32]


class Inputs(msgspec.Struct, frozen=True, eq=False):
    """What the model reads of a text."""

    embeddings: mx.array
    """[1, tokens, width]"""
    padding: mx.array
    """what is told of the text with each further frame, [1, 1, width]"""
    heard: mx.array | None = None
    """codes of the recording that the text follows, [1, groups, frames]"""


class Speaker:
    """Speaks with a loaded model, one text at a time."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - the library's class has no types
        self._model = model
        self._talker = model.talker
        self._codec = model.speech_tokenizer.decoder
        self._end = int(model.config.talker_config.codec_eos_token_id)
        self._never = model._suppress_codec_tokens(self._end)

    def frames(self, inputs: Inputs, settings: Settings, most: int) -> Generator[Floats, None, None]:
        """Yield the sound of each frame, in [-1, 1], until the text ends, or so many have been."""
        cache, detail_cache = self._talker.make_cache(), self._talker.code_predictor.make_cache()
        codes_before: list[int] = []
        embeddings = inputs.embeddings
        self._listen(inputs.heard)
        try:
            for _ in range(most):
                scores, hidden = self._talker(embeddings, cache=cache)
                first = self._first_code(scores, settings, codes_before)
                code_tokens, codes = self._model._predict_code_tokens(
                    first,
                    hidden,
                    temperature=settings[options.DETAIL_TEMPERATURE],
                    top_k=int(settings[options.DETAIL_TOP_K]),
                    top_p=settings[options.DETAIL_TOP_P],
                    code_cache=detail_cache,
                )
                embeddings = inputs.padding + self._model._codec_embeds_for_tokens(code_tokens)
                mx.eval(embeddings, codes)
                code = int(first.item())
                if code == self._end:
                    return
                codes_before.append(code)
                yield np.array(self._codec.streaming_step(codes[:, :, None]).astype(mx.float32)).ravel()
        finally:
            self._codec.reset_streaming_state()
            mx.clear_cache()

    def _first_code(self, scores: mx.array, settings: Settings, before: list[int]) -> mx.array:
        """Return the code of a frame that carries what is said, [1, 1]."""
        code: mx.array = self._model._sample_token(
            scores,
            temperature=settings[options.TEMPERATURE],
            top_k=int(settings[options.TOP_K]),
            top_p=settings[options.TOP_P],
            repetition_penalty=settings[options.REPETITION_PENALTY],
            generated_tokens=before or None,
            suppress_tokens=self._never,
        )
        return code

    def _listen(self, heard: mx.array | None) -> None:
        """Have the codec hear the end of a recording, or nothing."""
        self._codec.reset_streaming_state()
        if heard is not None:
            mx.eval(self._codec.streaming_step(heard[..., -CONTEXT_FRAMES:]))
