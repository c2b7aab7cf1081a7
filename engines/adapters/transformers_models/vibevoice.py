"""VibeVoice: one voice or several in a conversation, in English and Chinese.

It speaks by diffusion, which needs the package `diffusers`.

A cloned voice is a recording, which goes into the model before it speaks: a prompt holds the recording
itself, since what the model makes of it is drawn anew each time. Without one a speaker is only a number, and
no fixed voice. What a text has behind "Speaker 2:" at the beginning of a line is said by that speaker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import safetensors.torch
import torch
from transformers import VibeVoiceForConditionalGeneration, VibeVoiceProcessor

from engines.adapters.transformers_models.checkpoint import (
    Checkpoint,
    load_component,
    load_model,
)
from engines.adapters.transformers_models.precision import cast_inputs
from engines.adapters.transformers_models.speaking_model import (
    max_frames,
    numbered_voices,
    speaker_number,
    to_device,
)
from engines.api import CloningCapabilities, Sample, SpeechJob
from engines.api.request_options import NO_OPTIONS
from engines.errors import EngineFailed
from engines.toolkit.advice import add_command
from engines.toolkit.clone_audio import join_samples
from engines.toolkit.pcm import to_floats
from engines.toolkit.stopping import listed_layers
from engines.toolkit.vad import Floats
from engines.toolkit.voice_prompts import foreign_prompt

SPEAKERS = 4
LANGUAGES = ("en", "zh")
SPEAKER_PREFIX = re.compile(rf"^\s*Speaker ([0-{SPEAKERS - 1}]):", re.MULTILINE)
PACKAGE = "diffusers"
MICROSOFT_KEY = "decoder_config"
"""a setting that only the layout of Microsoft's own code has"""
RECORDING = "recording"
"""the name of a prompt's one tensor"""


class VibeVoice:
    """A VibeVoice."""

    speed = (1.0, 1.0)
    options = NO_OPTIONS
    languages = LANGUAGES

    def __init__(self, checkpoint: Checkpoint) -> None:
        if MICROSOFT_KEY in checkpoint.config:
            raise EngineFailed(
                f"The model in {checkpoint.path} is in the layout of Microsoft's own code: take one in "
                "that of transformers, such as vibevoice/VibeVoice-1.5B-hf."
            )
        if find_spec(PACKAGE) is None:
            raise EngineFailed(
                f"The model in {checkpoint.path} speaks by diffusion: that needs the package `{PACKAGE}`: "
                f"{add_command(PACKAGE)}."
            )
        self._checkpoint = checkpoint
        self._model = load_model(
            VibeVoiceForConditionalGeneration, checkpoint.path, checkpoint, ["model.audio_tower.decoder"]
        )
        self._processor = load_component(VibeVoiceProcessor, checkpoint)
        self.sample_rate = int(self._processor.feature_extractor.sampling_rate)
        self._frame_rate = self.sample_rate / int(self._model.config.audio_config.hop_length)
        self.voices = numbered_voices(SPEAKERS, LANGUAGES)
        self.cloning = CloningCapabilities(self.sample_rate)
        inner = self._model.model
        cast_inputs(inner.semantic_tokenizer_encoder, checkpoint.dtype)  # it is given the decoder's samples
        self.stop_points = [
            inner.language_model,
            inner.diffusion_head,
            *listed_layers(inner.audio_tower, inner.semantic_tokenizer_encoder),
        ]

    def create_prompt(self, samples: Sequence[Sample]) -> bytes:
        """Return samples as a prompt."""
        pcm = join_samples(samples)
        return bytes(safetensors.torch.save({RECORDING: torch.frombuffer(bytearray(pcm), dtype=torch.int16)}))

    def first_speaker(self, text: str, voice: str) -> str:
        """Return the speaker of the first turn, the voice where there is none."""
        turns = split_turns(text, speaker_number(voice))
        return self.voices[int(turns[0]["role"])].id if turns else voice

    def speak(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Return the speech of a text."""
        turns = split_turns(job.text, speaker_number(voice))
        if not turns:
            return torch.zeros(0)
        if job.prompt:
            turns[0]["content"].append({"type": "audio", "audio": job.prompt.opened})
        inputs = self._processor.apply_chat_template(
            turns, tokenize=True, return_dict=True, return_tensors="pt", sanitize_control_tokens=True
        )
        speech = self._model.generate(
            **to_device(inputs, self._checkpoint), max_new_tokens=max_frames(job.text, self._frame_rate)
        )
        return torch.zeros(0) if speech[0] is None else speech[0]  # it may end before it has said anything

    def open_prompt(self, data: bytes) -> Floats:
        """Return the samples of a prompt. Raises BadInput."""
        try:
            (pcm,) = safetensors.torch.load(data).values()
        except Exception as exc:  # bytes that are no safetensors, or hold something else
            raise foreign_prompt(f"{type(exc).__name__}.") from exc
        seconds = pcm.numel() / self.sample_rate
        fits = self.cloning.shortest <= seconds <= self.cloning.longest + 0.1
        if pcm.dtype != torch.int16 or pcm.dim() != 1 or not fits:
            raise foreign_prompt("it is no recording.")
        return to_floats(pcm.numpy().astype("<i2").tobytes())


def split_turns(text: str, speaker: int) -> list[dict[str, Any]]:
    """Return who says what in a text, as the library's processor takes it.

    What is behind no name is said by `speaker`; turns without a letter or digit are left out.
    """
    first, *named = SPEAKER_PREFIX.split(text)
    turns = [(str(speaker), first), *zip(named[::2], named[1::2], strict=True)]
    spoken = [(role, " ".join(words.split())) for role, words in turns if any(map(str.isalnum, words))]
    return [{"role": role, "content": [{"type": "text", "text": words}]} for role, words in spoken]
