"""Models that write token by token what is said, without times: Moonshine, Speech2Text, SpeechT5."""

from __future__ import annotations

import math

import transformers
from transformers import AutoFeatureExtractor, AutoTokenizer

from engines.adapters.transformers_models.checkpoint import (
    Checkpoint,
    load_component,
    load_model,
)
from engines.adapters.transformers_models.speaking_model import to_device
from engines.adapters.transformers_models.transcription_model import (
    WindowTranscript,
    check_sample_rate,
    pad_to_minimum,
)
from engines.api import TranscriptionJob
from engines.toolkit.stopping import listed_layers
from engines.toolkit.vad import SAMPLE_RATE, Floats

MAX_TOKENS_PER_SECOND = 25.0
"""of speech; with some models tokens are letters"""
BASE_TOKENS = 10
"""how many there may always be"""
LIMIT_KEYS = ("max_target_positions", "max_text_positions", "max_position_embeddings")
"""names that models have in their configuration for how many tokens they can write"""


class Seq2SeqModel:
    """A Moonshine, Speech2Text or SpeechT5 that transcribes."""

    languages: tuple[str, ...] = ()
    prompt = False
    words = False

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        model_class = getattr(transformers, checkpoint.architecture.class_name)
        self._model = load_model(model_class, checkpoint.path, checkpoint)
        self._feature_extractor = load_component(AutoFeatureExtractor, checkpoint)
        self._tokenizer = load_component(AutoTokenizer, checkpoint)
        check_sample_rate(self._feature_extractor, checkpoint)
        config = self._model.config
        self._limit = next(int(getattr(config, key)) for key in LIMIT_KEYS if hasattr(config, key))
        self.stop_points = [*listed_layers(self._model.get_encoder()), self._model.get_decoder()]

    def transcribe(self, samples: Floats, job: TranscriptionJob) -> WindowTranscript:
        """Return the transcript of a window."""
        inputs = self._feature_extractor(
            pad_to_minimum(samples),
            sampling_rate=SAMPLE_RATE,
            return_tensors="pt",
            return_attention_mask=True,
        )
        tokens = self._model.generate(
            **to_device(inputs, self._checkpoint), max_new_tokens=max_tokens(samples, self._limit)
        )
        return WindowTranscript(self._tokenizer.decode(tokens[0], skip_special_tokens=True).strip())


def max_tokens(samples: Floats, limit: int) -> int:
    """Return how many tokens to write for a window at most, as models at times never end.

    `limit` is how many the model can have; the first of these is the one that begins a text.
    """
    seconds_of_tokens = math.ceil(MAX_TOKENS_PER_SECOND * len(samples) / SAMPLE_RATE)
    return min(limit - 1, BASE_TOKENS + seconds_of_tokens)
