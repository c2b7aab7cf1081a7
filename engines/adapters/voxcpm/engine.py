"""VoxCPM2 of OpenBMB, experimental: thirty languages at 48 kHz, with cloned voices and such as are described
in words.

Its options: `path`, the folder; `model`, the name it goes by; `device`: `cpu`, `cuda`, `cuda:1`, `mps`, or
`auto` for the best there is; `threads`, on a CPU, 0 for torch's own number; `steps`, of the diffusion for
each patch of 160 ms, fewer are quicker and rougher; `cfg`, how closely it keeps to text and voice;
`own_voice`, whether it speaks with one voice where none is asked for (`engines.toolkit.default_voice`):
without it, it loads sooner and takes another voice for each text.

A voice that is described, and instructions, go in brackets before the text, as the model was taught; a text's
own brackets at that place are taken away (`text`). A prompt is the encoder's account of a recording, 1 kB for
each patch, and fits all weights that have the same encoder.

The library draws from torch's own random numbers and has one cache for what it is saying: one job at a time.
It is not compiled on CUDA, since what torch compiles there belongs to one thread.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.adapters.voxcpm.library import opened, recording
from engines.adapters.voxcpm.text import described, spoken
from engines.api import (
    Audio,
    CloningCapabilities,
    EmitSpeech,
    EngineInfo,
    Prompt,
    Sample,
    SpeechCapabilities,
    SpeechJob,
    Voice,
)
from engines.errors import BadInput, EngineFailed, UnknownVoice
from engines.toolkit.clone_audio import joined
from engines.toolkit.default_voice import own_voice
from engines.toolkit.devices import choose

SPOKEN = "en zh ar my da nl fi fr de el he hi id it ja km ko lo ms no pl pt ru es sw sv tl th tr vi"
LANGUAGES = tuple(SPOKEN.split())
DEFAULT = "default"
OPENAI = "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse"
FEATURES, MODE = "ref_audio_feat", "reference"
"""what the library calls the account of a recording, and a prompt that has nothing else"""
SHORTEST_SAMPLE, LONGEST_SAMPLES = 0.5, 30.0
"""seconds"""
DEVICES = ("cuda", "mps", "cpu")
"""the best first"""
FEWEST_STEPS = 2
"""the first is always left out: with one step alone there is only noise"""
PATCHES_A_TOKEN, PATCHES_BESIDES = 6, 10
"""how long speech may become, by its text: the library's own limit"""
LOUDEST = 32767


class VoxCPM:
    """See the module."""

    def __init__(
        self,
        path: str = "",
        model: str = "voxcpm",
        device: str = "auto",
        threads: int = 0,
        steps: int = 10,
        cfg: float = 2.0,
        own_voice: bool = True,
    ) -> None:
        self._path, self._name, self._asked, self._threads = path, model, device, threads
        self._steps, self._cfg, self._settled = steps, cfg, own_voice
        self._own: dict[str, Any] | None = None
        self._lock = threading.Lock()

    def load(self) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("VoxCPM's files are not there: tell their folder as `path`.")
        if self._steps < FEWEST_STEPS:
            raise EngineFailed(f"VoxCPM needs at least {FEWEST_STEPS} `steps`.")
        if self._threads:
            torch.set_num_threads(self._threads)
        self._model = opened(Path(self._path), str(choose(self._asked, DEVICES)))
        self._hears = int(self._model.audio_vae.sample_rate)
        self._patch = int(self._model.patch_size * self._model.chunk_size)
        """samples that it hears at once"""
        if self._settled:
            self._settle()
        return self._info()

    def _settle(self) -> None:
        """Find the voice for whoever asks for none."""
        if (pcm := own_voice(self._say, int(self._model.sample_rate), self._hears)) is None:
            print("VoxCPM2 found no voice of its own: it takes another for each text", file=sys.stderr)
        else:
            self._own = self._heard(pcm)

    def _say(self, text: str, seed: int) -> tuple[NDArray[np.float32], bool]:
        torch.manual_seed(seed)
        sounds = [sound.squeeze(0).float().cpu() for sound, _, _ in self._patches(text, None)]
        return torch.cat(sounds).numpy(), len(sounds) < self._most(text)

    def _info(self) -> EngineInfo:
        return EngineInfo(
            name="voxcpm",
            version=version("voxcpm"),
            licence="Apache-2.0",
            models=tuple(dict.fromkeys((self._name, "voxcpm"))),
            voices=(
                Voice(
                    DEFAULT, "Default", LANGUAGES, None, "VoxCPM2, the voice that it found when it was loaded"
                ),
            ),
            characters=dict.fromkeys(OPENAI.split(), DEFAULT),
            speech=SpeechCapabilities(
                int(self._model.sample_rate),
                LANGUAGES,
                instructions=True,
                seed=True,
                cloning=CloningCapabilities(self._hears, _fingerprint(self._model), LONGEST_SAMPLES),
                design=True,
            ),
            device=torch.device(self._model.device).type,
        )

    def create_prompt(self, samples: Sequence[Sample], model: str) -> bytes:
        """Listen to samples, of which the first 30 seconds count. Raises BadAudio."""
        pcm = joined(samples, self._hears, SHORTEST_SAMPLE, LONGEST_SAMPLES)
        with self._lock:
            heard = self._heard(pcm)
        made: bytes = safetensors.torch.save(
            {FEATURES: heard[FEATURES].float().contiguous().cpu()}, {"mode": heard["mode"]}
        )
        return made

    def _heard(self, pcm: bytes) -> dict[str, Any]:
        heard: dict[str, Any] = self._model.build_prompt_cache(reference_wav_path=recording(pcm, self._hears))
        return heard

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Speak one segment, patch by patch. Raises UnknownVoice or BadInput."""
        voice = self._voice(job)
        text, how = spoken(job.text), described(job.design, job.instructions)
        if not any(char.isalnum() for char in text):
            return
        with self._lock:
            torch.manual_seed(secrets.randbits(63) if job.seed is None else job.seed % 2**63)
            patches = self._patches(text, voice, how)
            with closing(patches):
                for sound, _, _ in patches:
                    if not emit(Audio(_pcm(sound))):
                        return

    def _patches(self, text: str, voice: dict[str, Any] | None, how: str = "") -> Generator[Any, None, None]:
        patches: Generator[Any, None, None] = self._model.generate_with_prompt_cache_streaming(
            target_text=f"({how}){text}" if how else text,
            prompt_cache=voice,
            max_len=self._most(text),
            inference_timesteps=self._steps,
            cfg_value=self._cfg,
        )
        return patches

    def _most(self, text: str) -> int:
        return PATCHES_A_TOKEN * len(self._model.text_tokenizer(text)) + PATCHES_BESIDES

    def _voice(self, job: SpeechJob) -> dict[str, Any] | None:
        """Give the voice of a job as the library wants it; None where the model takes any. Raises
        UnknownVoice or BadInput.
        """
        if job.prompt:
            return {FEATURES: self._features(job.prompt), "mode": MODE}
        if job.voice not in ("", DEFAULT):
            raise UnknownVoice(f"VoxCPM has no voice '{job.voice}'.", param="voice")
        return None if job.design else self._own

    def _features(self, prompt: Prompt) -> Tensor:
        """Read a prompt: patches of features, [patches, of a patch, width]. Raises BadInput."""
        try:
            tensors = safetensors.torch.load(prompt.data)
        except Exception as exc:  # bytes that are no safetensors
            raise BadInput(
                f"This voice prompt is none of this model's: {type(exc).__name__}.", param="voice"
            ) from exc
        features = tensors.get(FEATURES)
        if features is None or len(tensors) > 1 or not self._fits(features):
            raise BadInput(
                "This voice prompt is none of this model's: it is of another shape.", param="voice"
            )
        return features

    def _fits(self, features: Tensor) -> bool:
        patch = (self._model.patch_size, self._model.audio_vae.latent_dim)
        longest = math.ceil(LONGEST_SAMPLES * self._hears / self._patch)
        if features.dtype != torch.float32 or features.dim() != 1 + len(patch) or features.shape[1:] != patch:
            return False
        return 0 < len(features) <= longest and bool(features.isfinite().all())


def _fingerprint(model: Any) -> str:  # noqa: ANN401 - VoxCPM2Model
    """Tell weights apart by those that make prompts."""
    digest = hashlib.sha256(f"{model.patch_size} {model.chunk_size}".encode())
    for _, value in sorted(model.audio_vae.encoder.state_dict().items()):
        digest.update(value.detach().cpu().float().numpy().tobytes())
    return f"1-{digest.hexdigest()[:12]}"


def _pcm(sound: Tensor) -> bytes:
    pcm: bytes = (
        (sound.squeeze(0).float().clamp(-1, 1) * LOUDEST).round().short().numpy().astype("<i2").tobytes()
    )
    return pcm
