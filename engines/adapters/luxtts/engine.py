"""LuxTTS, experimental: English and Chinese at 48 kHz in cloned voices, the whole of a text in a few steps.

Its options: `path`, the folder; `model`, the name it goes by; `steps` of the flow, fewer are quicker and
rougher; `cfg`, how closely it keeps to text and voice; `t_shift`, where the steps lie; `rms`, how loud a
recording is made that is less loud, 0 to 1. Of its place it takes the device (`cpu`, `cuda`, `mps`), and
threads where a number is given.

It speaks with cloned voices only, and needs the words of their samples, which are joined to one recording.
How long a text becomes is known beforehand: in proportion to its sounds, as those of the samples took. So
speed is its own. What it says is as loud as its recording, and less where that is below a tenth of full
scale, as the library has it. Nothing streams: a text comes whole.
"""

from __future__ import annotations

import math
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from engines.adapters.luxtts.library import load_model
from engines.adapters.luxtts.prompts import Voice, pack_prompt, read_prompt
from engines.adapters.luxtts.request_options import CFG, LONGEST_SECONDS, OPTIONS, SHIFT, STEPS
from engines.adapters.luxtts.text import plain_text
from engines.api import (
    CloningCapabilities,
    EngineInfo,
    Output,
    Place,
    PromptJob,
    Settings,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
)
from engines.api.request_options import with_default
from engines.errors import BadInput, EngineFailed, UnknownVoice
from engines.toolkit import pcm
from engines.toolkit.clone_audio import join_samples
from engines.toolkit.devices import choose_device
from engines.toolkit.seeds import seed_torch
from engines.toolkit.stopping import BeatHook, listed_layers
from engines.toolkit.threads import set_torch_threads
from engines.toolkit.voice_prompts import prompt_version

DEVICES = ("cuda", "mps", "cpu")
"""the best first"""
LANGUAGES = ("en", "zh")
RATE = 48_000
"""Hertz, of speech"""
RECORDING_RATE = 24_000
"""Hertz, of recordings"""
HOP = 256
"""samples of a recording for each frame of its spectrum"""
FEATURE_SCALE = 0.1
"""by which the model's spectra are smaller"""
FULL_LOUDNESS = 0.1
"""root mean square of a recording from which on speech is not made quieter"""
QUICKER = 1.3
"""how much quicker than its recordings it speaks at speed 1, as the library has it"""
SPEED = (0.5, 2.0)


class LuxTTS:
    """The engine of LuxTTS."""

    def __init__(
        self,
        path: str = "",
        model: str = "luxtts",
        steps: int = 4,
        cfg: float = 3.0,
        t_shift: float = 0.5,
        rms: float = 0.01,
    ) -> None:
        self._path = path
        self._name = model
        self._usual: dict[str, float] = {STEPS: steps, CFG: cfg, SHIFT: t_shift}
        self._rms = rms
        self._hook = BeatHook()

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("LuxTTS's files are not there: tell their folder as `path`.")
        if place.threads:
            set_torch_threads(place.threads)
        device = choose_device(place.device, DEVICES, place.group)
        self._device = str(device)
        self._model = load_model(Path(self._path), self._device)
        self._hook.watch(listed_layers(self._model.network, self._model.vocoder))
        prompts = prompt_version((), f"{self._model.vocabulary} {self._rms}")
        self._cloning = CloningCapabilities(
            RECORDING_RATE, prompts, shortest=3.0, transcript="needed", languages=LANGUAGES
        )
        return self._info(device.type)

    def _info(self, device: str) -> EngineInfo:
        return EngineInfo(
            name="luxtts",
            version=version("zipvoice"),
            licence="Apache-2.0",
            models=tuple(dict.fromkeys((self._name, "luxtts"))),
            speech=SpeechCapabilities(
                RATE,
                LANGUAGES,
                speed=SPEED,
                scripts=("Latin", "Han"),
                seed=True,
                streaming=False,
                cloning=self._cloning,
                settings=tuple(with_default(one, self._usual[one.name]) for one in OPTIONS.settings),
                marks=OPTIONS.marks,
                longest_seconds=LONGEST_SECONDS,
            ),
            device=device,
        )

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return the sounds and the spectrum of samples. Raises BadInput."""
        tokens = self._tokens(" ".join(sample.transcript for sample in job.samples))
        if not tokens:
            raise BadInput("The words of the voice's samples are neither English nor Chinese.", param="voice")
        samples = torch.from_numpy(pcm.to_floats(join_samples(job.samples)))
        rms = float(samples.square().mean().sqrt())
        if rms < self._rms:
            samples = samples * self._rms / rms
        out.beat()
        features = self._model.spectrum(samples[None], sampling_rate=RECORDING_RATE) * FEATURE_SCALE
        return pack_prompt(Voice(tokens, features, rms))

    def open_prompt(self, data: bytes) -> Voice:
        """Return a prompt as `speak` takes it. Raises BadInput."""
        return read_prompt(
            data,
            vocabulary=int(self._model.tokenizer.vocab_size),
            bands=int(self._model.network.feat_dim),
            most_frames=math.ceil((self._cloning.longest + 1) * RECORDING_RATE / HOP),
            device=self._device,
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one segment. Raises UnknownVoice, BadInput or EngineFailed."""
        if job.prompt is None:
            raise UnknownVoice("LuxTTS speaks with cloned voices only.", param="voice")
        if not any(char.isalnum() for char in job.text):
            return
        tokens = self._tokens(job.text)
        if not tokens:
            raise BadInput("There is nothing in this text that is English or Chinese.", param="input")
        seed_torch(job.seed)
        with self._hook.during(out.beat):
            speech = self._synthesise(tokens, job.prompt.opened, job.speed, job.settings)
        out.audio(pcm.from_tensor(speech))

    def _tokens(self, text: str) -> list[int]:
        """Return the sounds of a text, by their numbers."""
        (tokens,) = self._model.tokenizer.texts_to_token_ids([plain_text(text)])
        return list(tokens)

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # a library without types
    def _synthesise(self, tokens: list[int], voice: Voice, speed: float, settings: Settings) -> Tensor:
        """Return the speech of some sounds, as the library's `generate` computes it."""
        chosen = {**self._usual, **settings}
        spectrum, *_ = self._model.network.sample(
            tokens=[tokens],
            prompt_tokens=[voice.tokens],
            prompt_features=voice.features[None],
            prompt_features_lens=torch.tensor([len(voice.features)], device=self._device),
            speed=speed * QUICKER,
            t_shift=float(chosen[SHIFT]),
            num_step=int(chosen[STEPS]),
            guidance_scale=float(chosen[CFG]),
        )
        wave: Tensor = self._model.vocoder.decode(spectrum.transpose(1, 2) / FEATURE_SCALE).clamp(-1, 1)
        return wave * min(1.0, voice.rms / FULL_LOUDNESS)
