"""SpeechT5: one model, a vocoder beside it, and voices that are x-vectors: arrays of 512 numbers.

The vocoder is a folder of its own, within the model's or named by the option `others`. Voices are files in
`speaker_embeddings/` of any of these folders, `.npy` or `.safetensors`; a file's name is the voice's.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5Tokenizer

from engines.adapters.transformers_models.files import Folder, array, layers, part, weights
from engines.adapters.transformers_models.numbers import is_silent, spelled
from engines.api import SpeechJob, Voice
from engines.errors import BadInput, EngineFailed

VOCODERS = ("hifigan", "speecht5_hifigan")
"""the published one has the first name"""
PLACE = "speaker_embeddings"
LANGUAGES = ("en",)
"""of the model that Microsoft publishes; others say nothing of theirs"""


class SpeechT5:
    """See the module."""

    speed = (1.0, 1.0)

    def __init__(self, source: Folder) -> None:
        self._source = source
        place = source.beside(*VOCODERS)
        if place is None:
            raise EngineFailed(
                f"The model in {source.path} needs a vocoder, such as microsoft/speecht5_hifigan: "
                "put its folder into this one, or name it in the option `others`."
            )
        files = [file for suffix in ("npy", "safetensors") for file in source.every(f"{PLACE}/*.{suffix}")]
        if not files:
            raise EngineFailed(
                f"The model in {source.path} has no voices: put x-vectors, arrays of "
                f"{source.config.get('speaker_embedding_dim', 512)} numbers, there as {PLACE}/NAME.npy."
            )
        self._model = weights(SpeechT5ForTextToSpeech, source.path, source)
        self._vocoder = weights(SpeechT5HifiGan, place, source)
        self._tokenizer = part(SpeechT5Tokenizer, source)
        self._speakers = {file.stem: self._speaker(file) for file in reversed(files)}
        self.languages = LANGUAGES
        self.voices = tuple(Voice(name, name, self.languages) for name in sorted(self._speakers))
        self.rate = int(self._vocoder.config.sampling_rate)
        self.steps = [self._model.speecht5.decoder.wrapped_decoder, *layers(self._vocoder)]

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Speak. Raises BadInput where the model knows none of the characters."""
        text = spelled(job.text, LANGUAGES[0])
        if is_silent(text):
            return torch.zeros(0)
        inputs = self._tokenizer(text, return_tensors="pt").to(self._source.device)
        known = self._tokenizer.decode(inputs["input_ids"][0], skip_special_tokens=True)
        if not any(char.isalnum() for char in known):
            raise BadInput(
                f"The model '{self._source.name}' knows none of the characters of this text.", param="input"
            )
        made: torch.Tensor = self._model.generate_speech(
            inputs["input_ids"], self._speakers[voice], vocoder=self._vocoder
        )
        return made

    def _speaker(self, file: Path) -> torch.Tensor:
        vector, size = array(file).flatten(), int(self._model.config.speaker_embedding_dim)
        if len(vector) != size:
            raise EngineFailed(f"{file} holds {len(vector)} numbers: a voice of this model has {size}.")
        return vector[None].to(self._source.device, self._source.dtype)
