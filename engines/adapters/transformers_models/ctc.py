"""Wav2Vec2 and models like it, which write letter by letter (CTC), with the times of words."""

from __future__ import annotations

from collections.abc import Iterator

import transformers
from transformers import AutoFeatureExtractor, AutoTokenizer, Wav2Vec2CTCTokenizer

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
from engines.api import TranscriptionJob, TranscriptWord
from engines.toolkit.stopping import listed_layers
from engines.toolkit.transcript_words import strip_punctuation
from engines.toolkit.vad import SAMPLE_RATE, Floats


class CtcModel:
    """A Wav2Vec2, or a model like it."""

    languages: tuple[str, ...] = ()
    prompt = False

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        model_class = getattr(transformers, checkpoint.architecture.class_name)
        self._model = load_model(model_class, checkpoint.path, checkpoint)
        self._feature_extractor = load_component(AutoFeatureExtractor, checkpoint)
        self._tokenizer = load_component(AutoTokenizer, checkpoint)
        check_sample_rate(self._feature_extractor, checkpoint)
        self.words = isinstance(self._tokenizer, Wav2Vec2CTCTokenizer)
        self._samples_per_token = int(self._model.config.inputs_to_logits_ratio)
        self.stop_points = listed_layers(self._model)

    def transcribe(self, samples: Floats, job: TranscriptionJob) -> WindowTranscript:
        """Return the transcript of a window."""
        inputs = self._feature_extractor(
            pad_to_minimum(samples),
            sampling_rate=SAMPLE_RATE,
            return_tensors="pt",
            return_attention_mask=True,
        )
        tokens = self._model(**to_device(inputs, self._checkpoint)).logits.argmax(-1)[0].cpu()
        if not self.words:
            return WindowTranscript(self._tokenizer.decode(tokens))
        decoded = self._tokenizer.decode(tokens, output_word_offsets=True)
        return WindowTranscript(decoded.text, tuple(self._words(decoded.word_offsets)))

    def _words(self, offsets: list[dict[str, str | int]]) -> Iterator[TranscriptWord]:
        """Yield words of the tokenizer's, whose offsets count tokens."""
        for offset in offsets:
            if word := strip_punctuation(str(offset["word"])):
                start = self._seconds(offset["start_offset"])
                yield TranscriptWord(word, start, self._seconds(offset["end_offset"]))

    def _seconds(self, tokens: str | int) -> float:
        """Return how long some tokens take."""
        return round(int(tokens) * self._samples_per_token / SAMPLE_RATE, 3)
