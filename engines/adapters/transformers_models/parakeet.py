"""Parakeet of NVIDIA, in three kinds: CTC, and the transducers TDT and RNN-T. All tell when each token was
said.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import transformers
from tokenizers.decoders import DecodeStream
from transformers import ParakeetProcessor

from engines.adapters.transformers_models.files import Folder, layers, part, weights
from engines.adapters.transformers_models.recogniser import Piece, Said, at_least, check_rate, joined
from engines.adapters.transformers_models.speaking_model import on
from engines.api import TranscriptionJob
from engines.toolkit.windows import RATE, Floats


class Ctc:
    """The CTC kind."""

    languages: tuple[str, ...] = ()
    prompt = False
    words = True

    def __init__(self, source: Folder) -> None:
        self._source = source
        self._model = weights(getattr(transformers, source.known.architecture), source.path, source)
        self._processor = part(ParakeetProcessor, source)
        features = self._processor.feature_extractor
        check_rate(features, source)
        self._frame = features.hop_length * int(self._model.config.encoder_config.subsampling_factor) / RATE
        self.steps = [*layers(self._model), *self._decoder()]

    def _decoder(self) -> list[object]:
        return []

    def hear(self, samples: Floats, job: TranscriptionJob) -> Said:
        """Hear a window."""
        inputs = self._processor(at_least(samples), sampling_rate=RATE)
        tokens = self._model.generate(**on(inputs, self._source))
        text = self._processor.batch_decode(tokens, skip_special_tokens=True)[0]
        return Said(text.strip(), tuple(joined(self._pieces(tokens[0].tolist()))))

    def _pieces(self, tokens: list[int]) -> Iterator[Piece]:
        """Give the pieces of text with their times: the same token over several frames is one."""
        stream, place = DecodeStream(skip_special_tokens=True), 0
        for token, frames in groupby(tokens):
            start, place = place, place + len(list(frames))
            if token == self._model.config.pad_token_id:
                continue
            text = stream.step(self._processor.tokenizer._tokenizer, token)
            if text is not None:
                yield Piece(text, start * self._frame, place * self._frame)


class Transducer(Ctc):
    """The other two."""

    def _decoder(self) -> list[object]:
        return [self._model.decoder]

    def hear(self, samples: Floats, job: TranscriptionJob) -> Said:
        """Hear a window."""
        inputs = self._processor(at_least(samples), sampling_rate=RATE)
        made = self._model.generate(**on(inputs, self._source))
        (text,), (times,) = self._processor.decode(
            made.sequences, durations=made.durations, skip_special_tokens=True
        )
        return Said(
            text.strip(), tuple(joined(Piece(time["token"], time["start"], time["end"]) for time in times))
        )
