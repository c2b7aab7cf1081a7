"""SpeechT5: one model, a vocoder beside it, and voices that are x-vectors: arrays of 512 numbers.

The vocoder is a folder of its own, within the model's or named by the option `others`. Voices are files in
`speaker_embeddings/` of any of these folders, `.npy` or `.safetensors`; a file's name is the voice's.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5Tokenizer

from engines.adapters.transformers_models.checkpoint import (
    Checkpoint,
    load_array,
    load_component,
    load_model,
)
from engines.adapters.transformers_models.number_words import has_letters, spell_numbers
from engines.adapters.transformers_models.precision import EXACT, cast_inputs
from engines.api import SpeechJob, Voice
from engines.api.request_options import NO_OPTIONS
from engines.errors import BadInput, EngineFailed
from engines.toolkit.stopping import listed_layers

VOCODER_TYPES = ("hifigan", "speecht5_hifigan")
"""the published one has the first name"""
VOICES_FOLDER = "speaker_embeddings"
LANGUAGES = ("en",)
"""of the model that Microsoft publishes; others say nothing of theirs"""


class SpeechT5:
    """A SpeechT5 that speaks."""

    speed = (1.0, 1.0)
    options = NO_OPTIONS
    languages = LANGUAGES

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        vocoder_folder = checkpoint.find_folder(*VOCODER_TYPES)
        if vocoder_folder is None:
            raise EngineFailed(
                f"The model in {checkpoint.path} needs a vocoder, such as microsoft/speecht5_hifigan: "
                "put its folder into this one, or name it in the option `others`."
            )
        voice_files = [
            file
            for suffix in ("npy", "safetensors")
            for file in checkpoint.find_files(f"{VOICES_FOLDER}/*.{suffix}")
        ]
        if not voice_files:
            raise EngineFailed(
                f"The model in {checkpoint.path} has no voices: put x-vectors, arrays of "
                f"{checkpoint.config.get('speaker_embedding_dim', 512)} numbers, there as "
                f"{VOICES_FOLDER}/NAME.npy."
            )
        self._model = load_model(SpeechT5ForTextToSpeech, checkpoint.path, checkpoint)
        self._vocoder = load_model(SpeechT5HifiGan, vocoder_folder, checkpoint.exact())
        cast_inputs(self._vocoder, EXACT)
        self._tokenizer = load_component(SpeechT5Tokenizer, checkpoint)
        self._embeddings = {file.stem: self._load_embedding(file) for file in reversed(voice_files)}
        self.voices = tuple(Voice(name, name, LANGUAGES) for name in sorted(self._embeddings))
        self.sample_rate = int(self._vocoder.config.sampling_rate)
        self.stop_points = [
            self._model.speecht5.decoder.wrapped_decoder,
            *listed_layers(self._vocoder),
        ]

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Return the speech of a text. Raises BadInput where the model knows none of its characters."""
        text = spell_numbers(job.text, LANGUAGES[0])
        if not has_letters(text):
            return torch.zeros(0)
        inputs = self._tokenizer(text, return_tensors="pt").to(self._checkpoint.device)
        known_text = self._tokenizer.decode(inputs["input_ids"][0], skip_special_tokens=True)
        if not any(char.isalnum() for char in known_text):
            raise BadInput(
                f"The model '{self._checkpoint.model_name}' knows none of the characters of this text.",
                param="input",
            )
        speech: torch.Tensor = self._model.generate_speech(
            inputs["input_ids"], self._embeddings[voice], vocoder=self._vocoder
        )
        return speech

    def _load_embedding(self, file: Path) -> torch.Tensor:
        """Return the speaker embedding in a file. Raises EngineFailed."""
        embedding = load_array(file).flatten()
        size = int(self._model.config.speaker_embedding_dim)
        if len(embedding) != size:
            raise EngineFailed(f"{file} holds {len(embedding)} numbers: a voice of this model has {size}.")
        return embedding[None].to(self._checkpoint.device, self._checkpoint.dtype)
