"""VoxCPM2 of OpenBMB, experimental: thirty languages at 48 kHz, with cloned and with designed voices.

Its options: `path`, the folder; `model`, the name it goes by; `steps`, of the diffusion for each patch of
160 ms, fewer are quicker and rougher; `cfg`, how closely it keeps to text and voice; `own_voice`, whether it
speaks with one voice where none is asked for (`engines.toolkit.default_voice`): without it, it loads sooner
and speaks each text with another voice. Of its place it takes the device (`cpu`, `cuda`, `mps`), and threads
where a number is given.

A designed voice's description, and instructions, go in brackets before the text, as the model was taught; a
text's own brackets at that place are taken away (`text`). A prompt is the encoder's account of a recording, 1
kB for each patch, and fits all weights that have the same encoder.

The library draws from torch's own random numbers and has one cache for what it is saying. It is not compiled
on CUDA: the first jobs would wait for that, some of them for minutes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Generator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.adapters.voxcpm.library import load_model, wav_file
from engines.adapters.voxcpm.request_options import CFG, FEWEST_STEPS, OPTIONS, STEPS
from engines.adapters.voxcpm.text import join_descriptions, without_leading_brackets
from engines.api import (
    CloningCapabilities,
    EngineInfo,
    Output,
    Place,
    PromptJob,
    Setting,
    Settings,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    Voice,
)
from engines.api.request_options import with_default
from engines.errors import EngineFailed, UnknownVoice
from engines.toolkit import pcm
from engines.toolkit.clone_audio import join_samples
from engines.toolkit.default_voice import record_default_voice
from engines.toolkit.devices import choose_device
from engines.toolkit.openai_voices import OPENAI_VOICES
from engines.toolkit.seeds import seed_torch
from engines.toolkit.stopping import BeatHook, listed_layers
from engines.toolkit.threads import set_torch_threads
from engines.toolkit.voice_prompts import foreign_prompt, prompt_version

LANGUAGE_CODES = "en zh ar my da nl fi fr de el he hi id it ja km ko lo ms no pl pt ru es sw sv tl th tr vi"
LANGUAGES = tuple(LANGUAGE_CODES.split())
DEFAULT = "default"
DEFAULT_DESCRIPTION = "VoxCPM2, the voice that it found when it was loaded"
FEATURES = "ref_audio_feat"
"""what the library calls the encoder's account of a recording"""
MODE = "reference"
"""what it calls a prompt that has nothing else"""
DEVICES = ("cuda", "mps", "cpu")
"""the best first"""
PATCHES_PER_TOKEN = 6
"""how long speech may become, by its text: the library's own limit"""
EXTRA_PATCHES = 10
"""how much longer, whatever the text: the library's own, too"""


class VoxCPM:
    """The engine of VoxCPM2."""

    def __init__(
        self,
        path: str = "",
        model: str = "voxcpm",
        steps: int = 10,
        cfg: float = 2.0,
        own_voice: bool = True,
    ) -> None:
        self._path = path
        self._name = model
        self._steps = steps
        self._cfg = cfg
        self._wants_default_voice = own_voice
        self._default_prompt: dict[str, Any] | None = None
        self._hook = BeatHook()

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("VoxCPM's files are not there: tell their folder as `path`.")
        if self._steps < FEWEST_STEPS:
            raise EngineFailed(f"VoxCPM needs at least {FEWEST_STEPS} `steps`.")
        if place.threads:
            set_torch_threads(place.threads)
        device = choose_device(place.device, DEVICES, place.group)
        self._model = load_model(Path(self._path), str(device))
        self._hook.watch(listed_layers(self._model))
        self._rate = int(self._model.sample_rate)
        self._recording_rate = int(self._model.audio_vae.sample_rate)
        """Hertz, of recordings to clone"""
        self._patch_samples = int(self._model.patch_size * self._model.chunk_size)
        """samples of a recording that make one patch of features"""
        self._cloning = CloningCapabilities(self._recording_rate, _prompt_version(self._model))
        if self._wants_default_voice:
            with self._hook.during(out.beat):
                self._record_default_voice()
        return self._info()

    def _record_default_voice(self) -> None:
        """Record the voice for whoever asks for none, and make its prompt."""
        recording = record_default_voice(self._synthesise_whole, self._rate, self._recording_rate)
        if recording is None:
            print("VoxCPM2 found no voice of its own: it takes another for each text", file=sys.stderr)
        else:
            self._default_prompt = self._encode(recording)

    def _synthesise_whole(self, text: str, seed: int) -> tuple[NDArray[np.float32], bool]:
        """Return the samples of a text, and whether it ended by itself."""
        seed_torch(seed)
        patches = [audio.squeeze(0).float().cpu() for audio, _, _ in self._patches(text, None)]
        return torch.cat(patches).numpy(), len(patches) < self._max_patches(text)

    def _info(self) -> EngineInfo:
        return EngineInfo(
            name="voxcpm",
            version=version("voxcpm"),
            licence="Apache-2.0",
            models=tuple(dict.fromkeys((self._name, "voxcpm"))),
            voices=(Voice(DEFAULT, "Default", LANGUAGES, None, DEFAULT_DESCRIPTION),),
            characters=dict.fromkeys(OPENAI_VOICES, DEFAULT),
            speech=SpeechCapabilities(
                self._rate,
                LANGUAGES,
                instructions=True,
                seed=True,
                cloning=self._cloning,
                design=True,
                settings=self._settings(),
            ),
            device=torch.device(self._model.device).type,
        )

    def _settings(self) -> tuple[Setting, ...]:
        """Return the settings of a request, with what the options make of their defaults."""
        usual = {STEPS: float(self._steps), CFG: float(self._cfg)}
        return tuple(with_default(setting, usual[setting.name]) for setting in OPTIONS.settings)

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return the encoder's account of samples, as safetensors."""
        with self._hook.during(out.beat):
            encoded = self._encode(join_samples(job.samples))
        features = encoded[FEATURES].float().contiguous().cpu()
        return bytes(safetensors.torch.save({FEATURES: features}, {"mode": encoded["mode"]}))

    def _encode(self, recording: bytes) -> dict[str, Any]:
        """Return what the library makes of a recording in PCM, to speak with its voice."""
        file = wav_file(recording, self._recording_rate)
        encoded: dict[str, Any] = self._model.build_prompt_cache(reference_wav_path=file)
        return encoded

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one segment, patch by patch. Raises UnknownVoice."""
        voice = self._voice(job)
        text = without_leading_brackets(job.text)
        description = join_descriptions(job.design, job.instructions)
        if not any(char.isalnum() for char in text):
            return
        seed_torch(job.seed)
        with closing(self._patches(text, voice, description, job.settings)) as patches:
            for audio, _, _ in patches:
                out.audio(pcm.from_tensor(audio))

    def _patches(
        self,
        text: str,
        voice: dict[str, Any] | None,
        description: str = "",
        settings: Settings | None = None,
    ) -> Generator[Any, None, None]:
        """Yield the library's patches of speech, of which the first part is the audio."""
        settings = settings or {}
        patches: Generator[Any, None, None] = self._model.generate_with_prompt_cache_streaming(
            target_text=f"({description}){text}" if description else text,
            prompt_cache=voice,
            max_len=self._max_patches(text),
            inference_timesteps=int(settings.get(STEPS, self._steps)),
            cfg_value=float(settings.get(CFG, self._cfg)),
        )
        return patches

    def _max_patches(self, text: str) -> int:
        """Return how many patches a text may become."""
        return PATCHES_PER_TOKEN * len(self._model.text_tokenizer(text)) + EXTRA_PATCHES

    def _voice(self, job: SpeechJob) -> dict[str, Any] | None:
        """Return the voice of a job as the library wants it; None where the model chooses one.

        Raises UnknownVoice.
        """
        if job.prompt:
            return dict(job.prompt.opened)
        if job.voice not in ("", DEFAULT):
            raise UnknownVoice(f"VoxCPM has no voice '{job.voice}'.", param="voice")
        return None if job.design else self._default_prompt

    def open_prompt(self, data: bytes) -> dict[str, Any]:
        """Return a prompt as the library wants it: features, [patches, steps of a patch, width].

        Raises BadInput.
        """
        try:
            tensors = safetensors.torch.load(data)
        except Exception as exc:  # bytes that are no safetensors
            raise foreign_prompt(f"{type(exc).__name__}.") from exc
        features = tensors.get(FEATURES)
        if features is None or len(tensors) > 1 or not self._fits(features):
            raise foreign_prompt("it is of another shape.")
        return {FEATURES: features, "mode": MODE}

    def _fits(self, features: Tensor) -> bool:
        """Return whether features are of this model's shape, not too long, and without NaN or infinity."""
        patch_shape = (self._model.patch_size, self._model.audio_vae.latent_dim)
        longest = 1 + math.ceil(self._cloning.longest * self._recording_rate / self._patch_samples)
        if features.dtype != torch.float32 or features.dim() != 1 + len(patch_shape):
            return False
        if features.shape[1:] != patch_shape:
            return False
        return 0 < len(features) <= longest and bool(features.isfinite().all())


def _prompt_version(model: Any) -> str:  # noqa: ANN401 - VoxCPM2Model
    """Return the version of the prompts that the model's encoder makes."""
    weights = sorted(model.audio_vae.encoder.state_dict().items())
    return prompt_version((value for _, value in weights), f"{model.patch_size} {model.chunk_size}")
