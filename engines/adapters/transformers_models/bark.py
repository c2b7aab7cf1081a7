"""Bark: speaks, laughs and sings in a dozen languages, fourteen seconds at most.

Its voices are those of `speaker_embeddings/`.
"""

from __future__ import annotations

import re

import torch
from transformers import BarkModel, BarkProcessor

from engines.adapters.transformers_models.checkpoint import (
    Checkpoint,
    load_component,
    load_model,
)
from engines.adapters.transformers_models.request_options import BARK, TEMPERATURE, WAVEFORM_TEMPERATURE
from engines.adapters.transformers_models.speaking_model import given_settings, to_device
from engines.adapters.transformers_models.voice_files import BARK_RANDOM, bark_order
from engines.api import SpeechJob, Voice
from engines.toolkit.stopping import listed_layers

LANGUAGES = ("en", "zh", "fr", "de", "hi", "it", "ja", "ko", "pl", "pt", "ru", "es", "tr")
SPEAKER = re.compile(r"(?:^|/)([a-z]{2})_speaker_\d+$")
"""the name of a voice, which tells its language"""
CLAUSE = re.compile(r"[^.!?,;:…。！？，、；：]+[.!?,;:…。！？，、；：]*\s*|[.!?,;:…。！？，、；：]+\s*")
MAX_CHARACTERS = 180
"""which are spoken in about twelve of the fourteen seconds that the model has"""
DEFAULT_MAX_TOKENS = 256


class Bark:
    """A Bark."""

    speed = (1.0, 1.0)
    options = BARK
    languages = LANGUAGES

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._model = model = load_model(BarkModel, checkpoint.path, checkpoint, ["codec_model"])
        self._processor = load_component(BarkProcessor, checkpoint)
        self._max_tokens = self._read_max_tokens()
        presets = [name for name in self._processor.available_voice_presets if self._has_files(name)]
        self.voices = (
            *(_voice(name) for name in sorted(presets, key=bark_order)),
            Voice(BARK_RANDOM, "Random", LANGUAGES),
        )
        self.sample_rate = int(model.config.codec_config.sampling_rate)
        self.stop_points = [
            model.semantic,
            model.coarse_acoustics,
            *listed_layers(model.fine_acoustics.layers, model.codec_model.decoder),
        ]

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Return the speech of a text, made part by part, each short enough for the model."""
        settings = given_settings(
            job,
            semantic_temperature=TEMPERATURE,
            coarse_temperature=WAVEFORM_TEMPERATURE,
            fine_temperature=WAVEFORM_TEMPERATURE,
        )
        return torch.cat([self._speak_part(part, voice, settings) for part in self._split(job.text)])

    def _speak_part(self, text: str, voice: str, settings: dict[str, float]) -> torch.Tensor:
        preset = None if voice == BARK_RANDOM else voice
        inputs = self._processor(text, voice_preset=preset, max_length=self._max_tokens)
        history = inputs.pop("history_prompt", None)
        prompt = {"history_prompt": to_device(history, self._checkpoint)} if history else {}
        speech: torch.Tensor = self._model.generate(
            **to_device(inputs, self._checkpoint), **prompt, **settings
        )
        return speech[0]

    def _split(self, text: str) -> list[str]:
        """Return a text in parts that are not too long, split at its punctuation and spaces."""
        parts: list[str] = []
        part = ""
        for clause in CLAUSE.findall(text):
            for start in range(0, len(clause), MAX_CHARACTERS):
                piece = clause[start : start + MAX_CHARACTERS]
                if part and not self._fits(part + piece):
                    parts.append(part)
                    part = ""
                part += piece
        return [*parts, part] if part else parts

    def _fits(self, text: str) -> bool:
        """Tell whether a text is short enough for the model."""
        tokens = self._processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        return len(text) <= MAX_CHARACTERS and len(tokens) <= self._max_tokens

    def _read_max_tokens(self) -> int:
        """Return how many tokens of text the model takes, which its settings tell."""
        key = "max_input_semantic_length"
        settings = self._model.generation_config.semantic_config
        value = settings.get(key) if isinstance(settings, dict) else getattr(settings, key, None)
        return int(value or DEFAULT_MAX_TOKENS)

    def _has_files(self, name: str) -> bool:
        """Tell whether a voice's files are all there."""
        paths = self._processor.speaker_embeddings[name]
        return isinstance(paths, dict) and all(
            (self._checkpoint.path / str(path)).is_file() for path in paths.values()
        )


def _voice(name: str) -> Voice:
    match = SPEAKER.search(name)
    return Voice(name, name, (match[1],) if match else ())
