"""VITS: Meta's MMS, one small model for each of a thousand languages, and VITS with many speakers.

It speaks a sentence in one go. Its tokenizer makes text small, leaves out what the model does not know, and
for some models writes it in Latin letters (`uroman`) or in phonemes (`phonemizer`, with espeak-ng).
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from transformers import VitsModel, VitsTokenizer

from engines.adapters.transformers_models.checkpoint import (
    Checkpoint,
    load_component,
    load_model,
)
from engines.adapters.transformers_models.languages import bcp47_tag, tag_in_names
from engines.adapters.transformers_models.number_words import has_letters, spell_numbers
from engines.adapters.transformers_models.speaking_model import numbered_voices, speaker_number
from engines.api import SpeechJob, Voice
from engines.api.request_options import NO_OPTIONS
from engines.errors import BadInput, EngineFailed
from engines.toolkit.advice import add_command
from engines.toolkit.stopping import listed_layers

SPEED = (0.5, 2.0)
EXACT_PARTS = ("decoder", "duration_predictor")
"""the second computes splines, whose roots are no numbers where they are rounded to eight bits"""


class Vits:
    """A VITS."""

    speed = SPEED
    options = NO_OPTIONS

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._model = load_model(VitsModel, checkpoint.path, checkpoint, EXACT_PARTS)
        self._tokenizer = load_component(VitsTokenizer, checkpoint)
        self.languages = _languages(self._tokenizer, checkpoint)
        self._check_spellers()
        self.sample_rate = int(self._model.config.sampling_rate)
        speakers = int(self._model.config.num_speakers)
        self.voices = (
            numbered_voices(speakers, self.languages)
            if speakers > 1
            else (Voice("default", checkpoint.model_name, self.languages),)
        )
        self.stop_points = listed_layers(self._model.text_encoder, self._model.flow, self._model.decoder)

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Return the speech of a text. Raises BadInput where the model knows none of its characters."""
        text = spell_numbers(job.text, self.languages[0] if self.languages else "")
        if not has_letters(text):
            return torch.zeros(0)
        inputs = self._tokens(text).to(self._checkpoint.device)
        speech: torch.Tensor = self._model(
            **inputs,
            speaker_id=speaker_number(voice) if len(self.voices) > 1 else None,
            speaking_rate=float(self._model.config.speaking_rate) * job.speed,
        ).waveform
        return speech[0]

    def _tokens(self, text: str) -> Any:  # noqa: ANN401 - BatchEncoding, which has no types
        """Return the tokens of a text. Raises BadInput where the model knows none of its characters."""
        if self._tokenizer.phonemize:
            return self._tokenizer(text, return_tensors="pt")
        prepared, _ = self._tokenizer.prepare_for_tokenization(text)
        if not any(char.isalnum() and char in self._tokenizer.encoder for char in prepared):
            raise BadInput(
                f"The model '{self._checkpoint.model_name}' knows none of the characters of this text.",
                param="input",
            )
        return self._tokenizer(prepared, return_tensors="pt", normalize=False)

    def _check_spellers(self) -> None:
        """Check that the packages are installed by which the tokenizer spells a text. Raises EngineFailed."""
        if self._tokenizer.is_uroman and find_spec("uroman") is None:
            raise EngineFailed(
                f"The model '{self._checkpoint.model_name}' reads its language in Latin letters: "
                f"that needs the package `uroman`: {add_command('uroman')}."
            )
        if self._tokenizer.phonemize:
            _set_espeak_library(self._checkpoint)


def _languages(tokenizer: VitsTokenizer, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return the tag of a model's language: what its tokenizer, its configuration or its names say."""
    if tokenizer.phonemize:
        return ("en-US",)  # the library knows no other phonemes
    configured = checkpoint.config.get("language")
    language = (
        bcp47_tag(tokenizer.language)
        or (bcp47_tag(configured) if isinstance(configured, str) else "")
        or tag_in_names(checkpoint.model_name, *map(str, reversed(checkpoint.path.parts)))
    )
    return (language,) if language else ()


def _set_espeak_library(checkpoint: Checkpoint) -> None:
    """Let the phonemizer use the espeak-ng that a package brings, if one does. Raises EngineFailed."""
    if find_spec("phonemizer") is None:
        raise EngineFailed(
            f"The model '{checkpoint.model_name}' reads phonemes: "
            f"that needs the package `phonemizer-fork`: {add_command('phonemizer-fork')}."
        )
    if find_spec("espeakng_loader"):
        import espeakng_loader

        wrapper = import_module("phonemizer.backend.espeak.wrapper").EspeakWrapper
        wrapper.set_library(espeakng_loader.get_library_path())
        if hasattr(wrapper, "set_data_path"):  # the fork's alone
            wrapper.set_data_path(espeakng_loader.get_data_path())
