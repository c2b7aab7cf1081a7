"""Dia of Nari Labs: dialogue, with sounds like (laughs) in the text. Its codec, DAC, is a folder of its own.

The two speakers are the tags [S1] and [S2]; a text may hold both. They are no fixed voices: a seed is.
"""

from __future__ import annotations

import torch
from transformers import (
    AutoFeatureExtractor,
    AutoTokenizer,
    DacModel,
    DiaForConditionalGeneration,
    DiaProcessor,
)

from engines.adapters.transformers_models.files import Folder, layers, part, weights
from engines.adapters.transformers_models.speaking_model import most, on
from engines.api import SpeechJob, Voice
from engines.errors import EngineFailed

LANGUAGES = ("en",)
TAGS = {"s1": "[S1]", "s2": "[S2]"}


class Dia:
    """See the module."""

    speed = (1.0, 1.0)
    languages = LANGUAGES
    voices = tuple(Voice(name, f"Speaker {name[1:]}", LANGUAGES) for name in TAGS)

    def __init__(self, source: Folder) -> None:
        self._source = source
        place = source.beside("dac")
        if place is None:
            raise EngineFailed(
                f"The model in {source.path} needs a codec, such as descript/dac_44khz: "
                "put its folder into this one, or name it in the option `others`."
            )
        self._model = weights(DiaForConditionalGeneration, source.path, source)
        codec = weights(DacModel, place, source)
        features, tokenizer = part(AutoFeatureExtractor, source), part(AutoTokenizer, source)
        self._processor = DiaProcessor(features, tokenizer, audio_tokenizer=codec)
        self.rate = int(codec.config.sampling_rate)
        self._frames = self.rate / int(codec.config.hop_length)
        self._longest = int(self._model.config.decoder_config.max_position_embeddings)
        self.steps = [*layers(self._model.model.encoder), self._model.model.decoder, *layers(codec.decoder)]

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Speak."""
        text = job.text if job.text.lstrip().startswith("[S") else f"{TAGS[voice]} {job.text}"
        inputs = on(self._processor(text=[text], padding=True, return_tensors="pt"), self._source)
        longest = min(most(job.text, self._frames), self._longest - inputs["decoder_input_ids"].shape[1])
        codes = self._model.generate(**inputs, max_new_tokens=longest)
        made: torch.Tensor = self._processor.decode(codes)
        return made
