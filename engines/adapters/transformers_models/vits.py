"""VITS: among others Meta's MMS, one small model for each of a thousand languages, and VITS with many
speakers.

It speaks a sentence in one go. Its tokenizer makes text small, leaves out what the model does not know, and
for some models writes it in Latin letters (`uroman`) or in phonemes (`phonemizer`, with espeak-ng).
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from transformers import VitsModel, VitsTokenizer

from engines.adapters.transformers_models.files import Folder, layers, part, weights
from engines.adapters.transformers_models.languages import named, tag
from engines.adapters.transformers_models.numbers import is_silent, spelled
from engines.adapters.transformers_models.speaking_model import number, numbered
from engines.api import SpeechJob, Voice
from engines.errors import BadInput, EngineFailed

SPEED = (0.5, 2.0)


class Vits:
    """See the module."""

    def __init__(self, source: Folder) -> None:
        self._source = source
        self._model = weights(VitsModel, source.path, source)
        self._tokenizer = part(VitsTokenizer, source)
        self.languages = _languages(self._tokenizer, source)
        self._front_ends()
        self.rate = int(self._model.config.sampling_rate)
        speakers = int(self._model.config.num_speakers)
        self.voices = (
            numbered(speakers, self.languages)
            if speakers > 1
            else (Voice("default", source.name, self.languages),)
        )
        self.speed = SPEED
        self.steps = layers(self._model.text_encoder, self._model.flow, self._model.decoder)

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Speak. Raises BadInput where the model knows none of the characters."""
        text = spelled(job.text, self.languages[0] if self.languages else "")
        if is_silent(text):
            return torch.zeros(0)
        inputs = self._inputs(text).to(self._source.device)
        made: torch.Tensor = self._model(
            **inputs,
            speaker_id=number(voice) if len(self.voices) > 1 else None,
            speaking_rate=float(self._model.config.speaking_rate) * job.speed,
        ).waveform
        return made[0]

    def _inputs(self, text: str) -> Any:  # noqa: ANN401 - BatchEncoding, which has no types
        """Make tokens of a text. Raises BadInput where the model knows none of its characters."""
        if self._tokenizer.phonemize:
            return self._tokenizer(text, return_tensors="pt")
        prepared, _ = self._tokenizer.prepare_for_tokenization(text)
        if not any(char.isalnum() and char in self._tokenizer.encoder for char in prepared):
            raise BadInput(
                f"The model '{self._source.name}' knows none of the characters of this text.", param="input"
            )
        return self._tokenizer(prepared, return_tensors="pt", normalize=False)

    def _front_ends(self) -> None:
        """Make what the tokenizer needs ready. Raises EngineFailed where it is not installed."""
        if self._tokenizer.is_uroman and find_spec("uroman") is None:
            raise EngineFailed(
                f"The model in {self._source.path} reads its language in Latin letters: "
                "that needs the package `uroman` (pip install uroman)."
            )
        if self._tokenizer.phonemize:
            _find_espeak(self._source)


def _languages(tokenizer: VitsTokenizer, source: Folder) -> tuple[str, ...]:
    if tokenizer.phonemize:
        return ("en-US",)  # the library knows no other phonemes
    told = source.config.get("language")
    found = (
        tag(tokenizer.language)
        or (tag(told) if isinstance(told, str) else "")
        or named(source.name, *map(str, reversed(source.path.parts)))
    )
    return (found,) if found else ()


def _find_espeak(source: Folder) -> None:
    """Tell the phonemizer where espeak-ng is, if a package brought it along. Raises EngineFailed."""
    if find_spec("phonemizer") is None:
        raise EngineFailed(
            f"The model in {source.path} reads phonemes: that needs the package `phonemizer-fork` (pip install phonemizer-fork)."
        )
    if find_spec("espeakng_loader"):
        import espeakng_loader

        wrapper = import_module("phonemizer.backend.espeak.wrapper").EspeakWrapper
        wrapper.set_library(espeakng_loader.get_library_path())
        if hasattr(wrapper, "set_data_path"):  # the fork's alone
            wrapper.set_data_path(espeakng_loader.get_data_path())
