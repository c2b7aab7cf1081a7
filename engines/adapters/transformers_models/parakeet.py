"""Parakeet of NVIDIA, in three kinds: CTC, and the transducers TDT and RNN-T, all with the times of words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import torch
import transformers
from tokenizers.decoders import DecodeStream
from transformers import ParakeetProcessor

from engines.adapters.transformers_models.checkpoint import (
    Checkpoint,
    load_component,
    load_model,
)
from engines.adapters.transformers_models.speaking_model import to_device
from engines.adapters.transformers_models.transcription_model import (
    TimedText,
    WindowTranscript,
    check_sample_rate,
    join_words,
    pad_to_minimum,
)
from engines.api import TranscriptionJob
from engines.toolkit.stopping import listed_layers
from engines.toolkit.vad import SAMPLE_RATE, Floats


class ParakeetCtc:
    """A Parakeet of the CTC kind."""

    languages: tuple[str, ...] = ()
    prompt = False
    words = True

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        model_class = getattr(transformers, checkpoint.architecture.class_name)
        self._model = load_model(model_class, checkpoint.path, checkpoint)
        self._processor = load_component(ParakeetProcessor, checkpoint)
        feature_extractor = self._processor.feature_extractor
        check_sample_rate(feature_extractor, checkpoint)
        subsampling = int(self._model.config.encoder_config.subsampling_factor)
        self._frame_seconds = feature_extractor.hop_length * subsampling / SAMPLE_RATE
        self.stop_points = [*listed_layers(self._model), *self._decoder_modules()]

    def _decoder_modules(self) -> list[torch.nn.Module]:
        """Return the modules that run for each token."""
        return []

    def transcribe(self, samples: Floats, job: TranscriptionJob) -> WindowTranscript:
        """Return the transcript of a window."""
        inputs = self._processor(pad_to_minimum(samples), sampling_rate=SAMPLE_RATE)
        tokens = self._model.generate(**to_device(inputs, self._checkpoint))
        text = self._processor.batch_decode(tokens, skip_special_tokens=True)[0]
        return WindowTranscript(text.strip(), tuple(join_words(self._timed_texts(tokens[0].tolist()))))

    def _timed_texts(self, tokens: list[int]) -> Iterator[TimedText]:
        """Yield the texts of tokens, one a frame, with their times; the same token over frames is one."""
        stream = DecodeStream(skip_special_tokens=True)
        end_frame = 0
        for token, frames in groupby(tokens):
            first_frame = end_frame
            end_frame += len(list(frames))
            if token == self._model.config.pad_token_id:
                continue
            text = stream.step(self._processor.tokenizer._tokenizer, token)
            if text is not None:
                yield TimedText(text, first_frame * self._frame_seconds, end_frame * self._frame_seconds)


class ParakeetTransducer(ParakeetCtc):
    """A Parakeet of the kind TDT or RNN-T."""

    def _decoder_modules(self) -> list[torch.nn.Module]:
        return [self._model.decoder]

    def transcribe(self, samples: Floats, job: TranscriptionJob) -> WindowTranscript:
        """Return the transcript of a window."""
        inputs = self._processor(pad_to_minimum(samples), sampling_rate=SAMPLE_RATE)
        result = self._model.generate(**to_device(inputs, self._checkpoint))
        (text,), (times,) = self._processor.decode(
            result.sequences, durations=result.durations, skip_special_tokens=True
        )
        timed_texts = (TimedText(time["token"], time["start"], time["end"]) for time in times)
        return WindowTranscript(text.strip(), tuple(join_words(timed_texts)))
