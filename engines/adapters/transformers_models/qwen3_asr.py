"""Qwen3-ASR: detects the language, and takes a prompt with names and terms. It gives no times of words."""

from __future__ import annotations

from transformers import Qwen3ASRForConditionalGeneration, Qwen3ASRProcessor
from transformers.models.qwen3_asr.processing_qwen3_asr import LANGUAGE_CODE_TO_NAME

from engines.adapters.transformers_models.checkpoint import (
    Checkpoint,
    load_component,
    load_model,
)
from engines.adapters.transformers_models.seq2seq import max_tokens
from engines.adapters.transformers_models.speaking_model import to_device
from engines.adapters.transformers_models.transcription_model import (
    WindowTranscript,
    check_sample_rate,
    pad_to_minimum,
)
from engines.api import TranscriptionJob
from engines.toolkit.stopping import listed_layers
from engines.toolkit.vad import Floats

CODES_BY_NAME = {name: code for code, name in LANGUAGE_CODE_TO_NAME.items()}


class Qwen3Asr:
    """A Qwen3-ASR."""

    languages: tuple[str, ...] = tuple(LANGUAGE_CODE_TO_NAME)
    prompt = True
    words = False

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._model = load_model(Qwen3ASRForConditionalGeneration, checkpoint.path, checkpoint)
        self._processor = load_component(Qwen3ASRProcessor, checkpoint)
        check_sample_rate(self._processor.feature_extractor, checkpoint)
        self._limit = int(self._model.config.text_config.max_position_embeddings)
        self.stop_points = [
            *listed_layers(self._model.model.audio_tower),
            self._model.model.language_model,
        ]

    def transcribe(self, samples: Floats, job: TranscriptionJob) -> WindowTranscript:
        """Return the transcript of a window, with its language."""
        request = self._processor.apply_transcription_request(
            pad_to_minimum(samples), language=job.language, prompt=job.prompt or None
        )
        inputs = to_device(request, self._checkpoint)
        prompt_tokens = inputs["input_ids"].shape[1]
        tokens = self._model.generate(
            **inputs, max_new_tokens=max_tokens(samples, self._limit - prompt_tokens)
        )
        (parsed,) = self._processor.decode(tokens[:, prompt_tokens:], return_format="parsed")
        language = CODES_BY_NAME.get(parsed["language"] or "", "")
        return WindowTranscript(parsed["transcription"], language=language)
