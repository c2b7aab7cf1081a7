"""Dia of Nari Labs: dialogue, with sounds like (laughs) in the text. Its codec, DAC, is a folder of its own.

The two speakers are the tags [S1] and [S2]; a text may have both. They are no fixed voices: a seed is.
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

from engines.adapters.transformers_models.checkpoint import (
    Checkpoint,
    load_component,
    load_model,
)
from engines.adapters.transformers_models.request_options import DIA, GUIDANCE, TEMPERATURE
from engines.adapters.transformers_models.speaking_model import given_settings, max_frames, to_device
from engines.api import SpeechJob, Voice
from engines.errors import EngineFailed
from engines.toolkit.stopping import listed_layers

LANGUAGES = ("en",)
SPEAKER_TAGS = {"s1": "[S1]", "s2": "[S2]"}


class Dia:
    """A Dia."""

    speed = (1.0, 1.0)
    options = DIA
    languages = LANGUAGES
    voices = tuple(Voice(name, f"Speaker {name[1:]}", LANGUAGES) for name in SPEAKER_TAGS)

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        codec_folder = checkpoint.find_folder("dac")
        if codec_folder is None:
            raise EngineFailed(
                f"The model in {checkpoint.path} needs a codec, such as descript/dac_44khz: "
                "put its folder into this one, or name it in the option `others`."
            )
        self._model = load_model(DiaForConditionalGeneration, checkpoint.path, checkpoint)
        codec = load_model(DacModel, codec_folder, checkpoint.exact())
        feature_extractor = load_component(AutoFeatureExtractor, checkpoint)
        tokenizer = load_component(AutoTokenizer, checkpoint)
        self._processor = DiaProcessor(feature_extractor, tokenizer, audio_tokenizer=codec)
        self.sample_rate = int(codec.config.sampling_rate)
        self._frame_rate = self.sample_rate / int(codec.config.hop_length)
        self._max_positions = int(self._model.config.decoder_config.max_position_embeddings)
        self.stop_points = [
            *listed_layers(self._model.model.encoder),
            self._model.model.decoder,
            *listed_layers(codec.decoder),
        ]

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Return the speech of a text."""
        text = job.text if job.text.lstrip().startswith("[S") else f"{SPEAKER_TAGS[voice]} {job.text}"
        inputs = to_device(self._processor(text=[text], padding=True, return_tensors="pt"), self._checkpoint)
        positions_left = self._max_positions - inputs["decoder_input_ids"].shape[1]
        codes = self._model.generate(
            **inputs,
            max_new_tokens=min(max_frames(job.text, self._frame_rate), positions_left),
            **given_settings(job, temperature=TEMPERATURE, guidance_scale=GUIDANCE),
        )
        speech: torch.Tensor = self._processor.decode(codes)
        return speech
