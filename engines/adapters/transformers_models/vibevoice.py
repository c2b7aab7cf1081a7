"""VibeVoice: one voice or several in a conversation, English and Chinese, by diffusion: it needs the package
`diffusers`.

A cloned voice is a recording, which the model hears before it speaks: a prompt holds the recording itself,
since what the model makes of it is drawn anew each time. Without one a speaker is only a number, and no fixed
voice. What a text has behind "Speaker 2:" at the beginning of a line is said by that speaker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import safetensors.torch
import torch
from transformers import VibeVoiceForConditionalGeneration, VibeVoiceProcessor

from engines.adapters.transformers_models.files import Folder, layers, part, weights
from engines.adapters.transformers_models.speaking_model import most, number, numbered, on
from engines.api import CloningCapabilities, Prompt, Sample, SpeechJob
from engines.errors import BadInput, EngineFailed
from engines.toolkit.clone_audio import joined
from engines.toolkit.windows import Floats

SPEAKERS = 4
LANGUAGES = ("en", "zh")
TURN = re.compile(rf"^\s*Speaker ([0-{SPEAKERS - 1}]):", re.MULTILINE)
PACKAGE = "diffusers"
MAKERS = "decoder_config"
"""a setting that only Microsoft's own layout has"""
RECORDING = "recording"
SHORTEST_SAMPLE, LONGEST_SAMPLES = 0.5, 30.0
"""seconds"""
FULL_SCALE = 32768


class VibeVoice:
    """See the module."""

    speed = (1.0, 1.0)
    languages = LANGUAGES

    def __init__(self, source: Folder) -> None:
        if MAKERS in source.config:
            raise EngineFailed(
                f"The model in {source.path} is in the layout of Microsoft's own code: take one in that of transformers, "
                "such as vibevoice/VibeVoice-1.5B-hf."
            )
        if find_spec(PACKAGE) is None:
            raise EngineFailed(
                f"The model in {source.path} speaks by diffusion: that needs the package `{PACKAGE}` (pip install {PACKAGE})."
            )
        self._source = source
        self._model = weights(VibeVoiceForConditionalGeneration, source.path, source)
        self._processor = part(VibeVoiceProcessor, source)
        self.rate = int(self._processor.feature_extractor.sampling_rate)
        self._frames = self.rate / int(self._model.config.audio_config.hop_length)
        self.voices = numbered(SPEAKERS, LANGUAGES)
        self.cloning = CloningCapabilities(self.rate, longest=LONGEST_SAMPLES)
        inner = self._model.model
        codecs = layers(inner.audio_tower, inner.semantic_tokenizer_encoder)
        self.steps = [inner.language_model, inner.diffusion_head, *codecs]

    def create_prompt(self, samples: Sequence[Sample]) -> bytes:
        """Keep samples, of which the first 30 seconds count. Raises BadAudio."""
        pcm = joined(samples, self.rate, SHORTEST_SAMPLE, LONGEST_SAMPLES)
        return bytes(safetensors.torch.save({RECORDING: torch.frombuffer(bytearray(pcm), dtype=torch.int16)}))

    def begins(self, text: str, voice: str) -> str:
        """Name the speaker of the first turn."""
        said = turns(text, number(voice))
        return self.voices[int(said[0]["role"])].id if said else voice

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Speak. Raises BadInput where a prompt is none of this model's."""
        said = turns(job.text, number(voice))
        if not said:
            return torch.zeros(0)
        if job.prompt:
            said[0]["content"].append({"type": "audio", "audio": self._recording(job.prompt)})
        inputs = self._processor.apply_chat_template(
            said, tokenize=True, return_dict=True, return_tensors="pt", sanitize_control_tokens=True
        )
        made = self._model.generate(**on(inputs, self._source), max_new_tokens=most(job.text, self._frames))
        return torch.zeros(0) if made[0] is None else made[0]  # it may end before it has said anything

    def _recording(self, prompt: Prompt) -> Floats:
        """Read a prompt. Raises BadInput."""
        try:
            (pcm,) = safetensors.torch.load(prompt.data).values()
        except Exception as exc:  # bytes that are no safetensors, or hold something else
            raise BadInput(
                f"This voice prompt is none of this model's: {type(exc).__name__}.", param="voice"
            ) from exc
        fits = SHORTEST_SAMPLE * self.rate <= pcm.numel() <= LONGEST_SAMPLES * self.rate
        if pcm.dtype != torch.int16 or pcm.dim() != 1 or not fits:
            raise BadInput("This voice prompt is none of this model's: it is no recording.", param="voice")
        samples: Floats = pcm.numpy().astype(np.float32) / np.float32(FULL_SCALE)
        return samples


def turns(text: str, speaker: int) -> list[dict[str, Any]]:
    """Tell who says what in a text, as the library's processor wants it; what is behind no name is said by
    `speaker`.
    """
    first, *named = TURN.split(text)
    parts = [(str(speaker), first), *zip(named[::2], named[1::2], strict=True)]
    spoken = [(role, " ".join(words.split())) for role, words in parts if any(map(str.isalnum, words))]
    return [{"role": role, "content": [{"type": "text", "text": words}]} for role, words in spoken]
