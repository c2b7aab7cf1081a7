"""Wav2Vec2 and its kin, which tell letter by letter what they hear (CTC): the tokenizer knows when each word
was.
"""

from __future__ import annotations

from collections.abc import Iterator

import transformers
from transformers import AutoFeatureExtractor, AutoTokenizer, Wav2Vec2CTCTokenizer

from engines.adapters.transformers_models.files import Folder, layers, part, weights
from engines.adapters.transformers_models.recogniser import Said, at_least, check_rate
from engines.adapters.transformers_models.speaking_model import on
from engines.api import TranscriptionJob, TranscriptWord
from engines.toolkit.transcription_options import bare
from engines.toolkit.windows import RATE, Floats


class Ctc:
    """See the module."""

    languages: tuple[str, ...] = ()
    prompt = False

    def __init__(self, source: Folder) -> None:
        self._source = source
        self._model = weights(getattr(transformers, source.known.architecture), source.path, source)
        self._features, self._tokenizer = part(AutoFeatureExtractor, source), part(AutoTokenizer, source)
        check_rate(self._features, source)
        self.words = isinstance(self._tokenizer, Wav2Vec2CTCTokenizer)
        self._step = int(self._model.config.inputs_to_logits_ratio)
        self.steps = layers(self._model)

    def hear(self, samples: Floats, job: TranscriptionJob) -> Said:
        """Hear a window."""
        inputs = self._features(
            at_least(samples), sampling_rate=RATE, return_tensors="pt", return_attention_mask=True
        )
        tokens = self._model(**on(inputs, self._source)).logits.argmax(-1)[0].cpu()
        if not self.words:
            return Said(self._tokenizer.decode(tokens))
        decoded = self._tokenizer.decode(tokens, output_word_offsets=True)
        return Said(decoded.text, tuple(self._timed(decoded.word_offsets)))

    def _timed(self, offsets: list[dict[str, str | int]]) -> Iterator[TranscriptWord]:
        for offset in offsets:
            start, end = (
                round(int(offset[key]) * self._step / RATE, 3) for key in ("start_offset", "end_offset")
            )
            if word := bare(str(offset["word"])):
                yield TranscriptWord(word, start, end)
