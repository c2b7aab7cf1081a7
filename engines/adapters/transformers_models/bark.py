"""Bark: speaks, laughs and sings in a dozen languages, fourteen seconds at most, with the voices of
`speaker_embeddings/`.
"""

from __future__ import annotations

import re

import torch
from transformers import BarkModel, BarkProcessor

from engines.adapters.transformers_models.files import Folder, layers, part, weights
from engines.adapters.transformers_models.speaking_model import on
from engines.api import SpeechJob, Voice

LANGUAGES = ("en", "zh", "fr", "de", "hi", "it", "ja", "ko", "pl", "pt", "ru", "es", "tr")
SPEAKER = re.compile(r"(?:^|/)([a-z]{2})_speaker_\d+$")
"""what a voice of a language is called"""
CUT = re.compile(r"[^.!?,;:…。！？，、；：]+[.!?,;:…。！？，、；：]*\s*|[.!?,;:…。！？，、；：]+\s*")
LONGEST = 180
"""characters that are said in about twelve of the fourteen seconds that the model has"""
OWN = "random"
"""a voice that the model makes up, for each text another"""


class Bark:
    """See the module."""

    speed = (1.0, 1.0)

    def __init__(self, source: Folder) -> None:
        self._source = source
        self._model = weights(BarkModel, source.path, source)
        self._processor = part(BarkProcessor, source)
        self._longest = int(self._settings("max_input_semantic_length", 256))
        self.languages = LANGUAGES
        presets = [name for name in self._processor.available_voice_presets if self._whole(name)]
        self.voices = (
            *(self._voice(name) for name in sorted(presets, key=_order)),
            Voice(OWN, "Random", LANGUAGES),
        )
        self.rate = int(self._model.config.codec_config.sampling_rate)
        model = self._model
        self.steps = [
            model.semantic,
            model.coarse_acoustics,
            *layers(model.fine_acoustics.layers, model.codec_model.decoder),
        ]

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Speak, in pieces that the model can say in one go."""
        return torch.cat([self._say(piece, voice) for piece in self._pieces(job.text)])

    def _say(self, text: str, voice: str) -> torch.Tensor:
        inputs = self._processor(text, voice_preset=None if voice == OWN else voice, max_length=self._longest)
        history = inputs.pop("history_prompt", None)
        prompt = {"history_prompt": on(history, self._source)} if history else {}
        made: torch.Tensor = self._model.generate(**on(inputs, self._source), **prompt)
        return made[0]

    def _pieces(self, text: str) -> list[str]:
        """Cut a text at its signs and spaces into pieces that are not too long."""
        pieces, held = [], ""
        for part_of_it in CUT.findall(text):
            for bit in (part_of_it[at : at + LONGEST] for at in range(0, len(part_of_it), LONGEST)):
                if held and not self._fits(held + bit):
                    pieces.append(held)
                    held = ""
                held += bit
        return [*pieces, held] if held else pieces

    def _fits(self, text: str) -> bool:
        tokens = self._processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        return len(text) <= LONGEST and len(tokens) <= self._longest

    def _settings(self, key: str, otherwise: int) -> int:
        settings = self._model.generation_config.semantic_config
        found = settings.get(key) if isinstance(settings, dict) else getattr(settings, key, None)
        return int(found or otherwise)

    def _whole(self, name: str) -> bool:
        """Tell whether a voice's files are all there."""
        paths = self._processor.speaker_embeddings[name]
        return isinstance(paths, dict) and all(
            (self._source.path / str(path)).is_file() for path in paths.values()
        )

    def _voice(self, name: str) -> Voice:
        found = SPEAKER.search(name)
        return Voice(name, name, (found[1],) if found else ())


def _order(name: str) -> tuple[bool, bool, str]:
    """Put the newer voices first, and English ones first among these."""
    return (not name.startswith("v2/"), "en_speaker" not in name, name)
