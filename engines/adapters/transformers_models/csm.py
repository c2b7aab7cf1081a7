"""CSM of Sesame: speaks one turn of a conversation.

A speaker's number is no fixed voice, as the model is given no recording of anybody: a seed is.
"""

from __future__ import annotations

import torch
from transformers import CsmForConditionalGeneration, CsmProcessor

from engines.adapters.transformers_models.checkpoint import (
    Checkpoint,
    load_component,
    load_model,
)
from engines.adapters.transformers_models.request_options import CSM, TEMPERATURE
from engines.adapters.transformers_models.speaking_model import (
    given_settings,
    max_frames,
    numbered_voices,
    speaker_number,
    to_device,
)
from engines.api import SpeechJob
from engines.toolkit.stopping import listed_layers

SPEAKERS = 4
LANGUAGES = ("en",)


class Csm:
    """A CSM."""

    speed = (1.0, 1.0)
    options = CSM
    languages = LANGUAGES

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._model = load_model(CsmForConditionalGeneration, checkpoint.path, checkpoint, ["codec_model"])
        self._processor = load_component(CsmProcessor, checkpoint)
        codec = self._model.config.codec_config
        self.sample_rate = int(codec.sampling_rate)
        self._frame_rate = float(codec.frame_rate)
        self.voices = numbered_voices(SPEAKERS, LANGUAGES)
        self.stop_points = [
            self._model.backbone_model,
            *listed_layers(self._model.codec_model.decoder),
        ]

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Return the speech of a text."""
        inputs = self._processor(f"[{speaker_number(voice)}]{job.text}", add_special_tokens=True)
        speech: list[torch.Tensor] = self._model.generate(
            **to_device(inputs, self._checkpoint),
            output_audio=True,
            max_new_tokens=max_frames(job.text, self._frame_rate),
            **given_settings(job, temperature=TEMPERATURE),
        )
        return speech[0]
