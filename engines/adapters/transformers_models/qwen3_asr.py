"""Qwen3-ASR: finds the language out, or is told, and takes a prompt with names and terms. It tells no times."""

from __future__ import annotations

from transformers import Qwen3ASRForConditionalGeneration, Qwen3ASRProcessor
from transformers.models.qwen3_asr.processing_qwen3_asr import LANGUAGE_CODE_TO_NAME

from engines.adapters.transformers_models.files import Folder, layers, part, weights
from engines.adapters.transformers_models.recogniser import Said, at_least, check_rate
from engines.adapters.transformers_models.seq2seq import longest
from engines.adapters.transformers_models.speaking_model import on
from engines.api import TranscriptionJob
from engines.toolkit.windows import Floats

CODES = {name: code for code, name in LANGUAGE_CODE_TO_NAME.items()}


class Qwen3Asr:
    """See the module."""

    languages: tuple[str, ...] = tuple(LANGUAGE_CODE_TO_NAME)
    prompt = True
    words = False

    def __init__(self, source: Folder) -> None:
        self._source = source
        self._model = weights(Qwen3ASRForConditionalGeneration, source.path, source)
        self._processor = part(Qwen3ASRProcessor, source)
        check_rate(self._processor.feature_extractor, source)
        self._limit = int(self._model.config.text_config.max_position_embeddings)
        self.steps = [*layers(self._model.model.audio_tower), self._model.model.language_model]

    def hear(self, samples: Floats, job: TranscriptionJob) -> Said:
        """Hear a window."""
        inputs = on(
            self._processor.apply_transcription_request(
                at_least(samples), language=job.language, prompt=job.prompt or None
            ),
            self._source,
        )
        given = inputs["input_ids"].shape[1]
        tokens = self._model.generate(**inputs, max_new_tokens=longest(samples, self._limit - given))
        (parsed,) = self._processor.decode(tokens[:, given:], return_format="parsed")
        return Said(parsed["transcription"], language=CODES.get(parsed["language"] or "", ""))
