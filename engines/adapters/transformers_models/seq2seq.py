"""Models that write down what they hear word by word, without times: Moonshine, Speech2Text, SpeechT5."""

from __future__ import annotations

import math

import transformers
from transformers import AutoFeatureExtractor, AutoTokenizer

from engines.adapters.transformers_models.files import Folder, layers, part, weights
from engines.adapters.transformers_models.recogniser import Said, at_least, check_rate
from engines.adapters.transformers_models.speaking_model import on
from engines.api import TranscriptionJob
from engines.toolkit.windows import RATE, Floats

TOKENS_EACH, LEAST_TOKENS = 25.0, 10
"""how many tokens a second of speech has at most, letters with some models, and how many there may always be
"""
LIMITS = ("max_target_positions", "max_text_positions", "max_position_embeddings")
"""what models call how many tokens they can write"""


class Seq2Seq:
    """See the module."""

    languages: tuple[str, ...] = ()
    prompt = False
    words = False

    def __init__(self, source: Folder) -> None:
        self._source = source
        self._model = weights(getattr(transformers, source.known.architecture), source.path, source)
        self._features, self._tokenizer = part(AutoFeatureExtractor, source), part(AutoTokenizer, source)
        check_rate(self._features, source)
        self._limit = next(
            int(getattr(self._model.config, name)) for name in LIMITS if hasattr(self._model.config, name)
        )
        self.steps = [*layers(self._model.get_encoder()), self._model.get_decoder()]

    def hear(self, samples: Floats, job: TranscriptionJob) -> Said:
        """Hear a window."""
        inputs = self._features(
            at_least(samples), sampling_rate=RATE, return_tensors="pt", return_attention_mask=True
        )
        tokens = self._model.generate(
            **on(inputs, self._source), max_new_tokens=longest(samples, self._limit)
        )
        return Said(self._tokenizer.decode(tokens[0], skip_special_tokens=True).strip())


def longest(samples: Floats, limit: int) -> int:
    """Give how many tokens a window may have: models at times never end. The first is the one that begins."""
    return min(limit - 1, LEAST_TOKENS + math.ceil(TOKENS_EACH * len(samples) / RATE))
