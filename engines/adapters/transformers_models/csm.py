"""CSM of Sesame: one turn of a conversation. A speaker's number is no fixed voice, as it has heard nobody
before: a seed is.
"""

from __future__ import annotations

import torch
from transformers import CsmForConditionalGeneration, CsmProcessor

from engines.adapters.transformers_models.files import Folder, layers, part, weights
from engines.adapters.transformers_models.speaking_model import most, number, numbered, on
from engines.api import SpeechJob

SPEAKERS = 4
LANGUAGES = ("en",)


class Csm:
    """See the module."""

    speed = (1.0, 1.0)
    languages = LANGUAGES

    def __init__(self, source: Folder) -> None:
        self._source = source
        self._model = weights(CsmForConditionalGeneration, source.path, source)
        self._processor = part(CsmProcessor, source)
        codec = self._model.config.codec_config
        self.rate = int(codec.sampling_rate)
        self._frames = float(codec.frame_rate)
        self.voices = numbered(SPEAKERS, LANGUAGES)
        self.steps = [self._model.backbone_model, *layers(self._model.codec_model.decoder)]

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Speak."""
        inputs = self._processor(f"[{number(voice)}]{job.text}", add_special_tokens=True)
        longest = most(job.text, self._frames)
        made: list[torch.Tensor] = self._model.generate(
            **on(inputs, self._source), output_audio=True, max_new_tokens=longest
        )
        return made[0]
