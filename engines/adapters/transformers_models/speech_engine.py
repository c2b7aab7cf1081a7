"""Speech models that transformers itself has the code of: VITS and MMS, SpeechT5, Bark, CSM, Dia, VibeVoice.

Options: `path`, a folder in the Hugging Face layout; `model`, the name it goes by; `others`, further folders,
with a vocoder, a codec or voices in them; `remote_code`, whether code in the folder may run: only where it is
set to true; `own_voice`, whether a model that clones, and whose presets are no fixed voices, records one for
each and keeps it (`engines.toolkit.default_voice`). Of its place it takes the device ("cpu", "cuda", "mps"),
the dtype, which "auto" leaves at the checkpoint's own on a GPU and at float32 elsewhere (`precision`), and
the threads. Nothing is ever downloaded.

The models draw from torch's own random numbers: each job has a seed of its own.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import Any

import msgspec
import torch

from engines.adapters.transformers_models.checkpoint import as_engine_failed, open_checkpoint
from engines.adapters.transformers_models.speaking_model import (
    CloningModel,
    SpeakingModel,
    max_frames,
    select_voice,
)
from engines.api import (
    BYTES_PER_SAMPLE,
    EngineInfo,
    Output,
    Place,
    Prompt,
    PromptJob,
    Sample,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
)
from engines.errors import Unsupported
from engines.toolkit.default_voice import record_default_voice
from engines.toolkit.openai_voices import OPENAI_VOICES
from engines.toolkit.pcm import from_tensor
from engines.toolkit.resampling import Floats
from engines.toolkit.seeds import seed_torch
from engines.toolkit.stopping import BeatHook
from engines.toolkit.threads import set_torch_threads

CHUNK_SECONDS = 0.5
"""of audio that are emitted at once"""
MAX_ENDED_FRACTION = 0.95
"""of the longest that a text may take: what is longer did not end by itself"""


class TransformersSpeech:
    """The engine `transformers` for speech."""

    def __init__(
        self,
        path: str = "",
        model: str = "transformers",
        others: str = "",
        remote_code: bool = False,
        own_voice: bool = True,
    ) -> None:
        self._path = path
        self._name = model
        self._others = others
        self._remote_code = remote_code
        self._records_voices = own_voice
        self._recorded_voices: dict[str, Prompt | None] = {}
        """by preset; None where no recording of it succeeded"""
        self._hook = BeatHook()

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        set_torch_threads(place.threads)
        checkpoint = open_checkpoint(
            self._path,
            "speech",
            self._name,
            place=place,
            others=self._others,
            remote_code=self._remote_code,
        )
        module, _, class_name = checkpoint.architecture.adapter.partition(":")
        self._model: SpeakingModel = getattr(import_module(module), class_name)(checkpoint)
        self._hook.watch(self._model.stop_points)
        return self._info(checkpoint.device)

    def _info(self, device: str) -> EngineInfo:
        model = self._model
        voices = model.voices
        return EngineInfo(
            name="transformers",
            version=version("transformers"),
            licence="Apache-2.0",
            models=(self._name,),
            voices=voices,
            characters={name: voices[index % len(voices)].id for index, name in enumerate(OPENAI_VOICES)},
            speech=SpeechCapabilities(
                model.sample_rate,
                model.languages,
                speed=model.speed,
                seed=True,
                streaming=False,
                cloning=model.cloning if isinstance(model, CloningModel) else None,
                settings=model.options.settings,
                marks=model.options.marks,
                longest_text=model.options.longest_text,
                longest_seconds=model.options.longest_seconds,
            ),
            device=torch.device(device).type,
        )

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return a voice made of samples. Raises Unsupported where the model does not clone."""
        with self._hook.during(out.beat), torch.inference_mode():
            return self._cloning_model().create_prompt(job.samples)

    def open_prompt(self, data: bytes) -> Any:  # noqa: ANN401 - each model has its own
        """Return what the model needs of a voice. Raises BadInput, or Unsupported."""
        return self._cloning_model().open_prompt(data)

    def _cloning_model(self) -> CloningModel:
        if not isinstance(self._model, CloningModel):
            raise Unsupported(f"The model '{self._name}' does not clone voices.")
        return self._model

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one segment. Raises UnknownVoice, BadInput or EngineFailed."""
        voice = select_voice(self._model.voices, "" if job.prompt else job.voice, self._name)
        if not any(char.isalnum() for char in job.text):
            return
        with self._hook.during(out.beat), torch.inference_mode():
            samples = self._synthesise(self._with_recorded_voice(job, voice), voice)
        pcm = from_tensor(samples)
        size = BYTES_PER_SAMPLE * round(CHUNK_SECONDS * self._model.sample_rate)
        for start in range(0, len(pcm), size):
            out.audio(pcm[start : start + size])

    def _with_recorded_voice(self, job: SpeechJob, voice: str) -> SpeechJob:
        """Return a job with the recorded voice of its preset, where it has no prompt and the model clones."""
        if job.prompt or not self._records_voices or not isinstance(self._model, CloningModel):
            return job
        preset = self._model.first_speaker(job.text, voice)
        return msgspec.structs.replace(job, prompt=self._recorded_voice(self._model, preset))

    def _recorded_voice(self, model: CloningModel, voice: str) -> Prompt | None:
        """Return the voice of a preset, recorded when it is first asked for; None where that fails."""

        def synthesise(text: str, seed: int) -> tuple[Floats, bool]:
            spoken = self._synthesise(SpeechJob(text, voice, seed=seed), voice)
            samples = spoken.flatten().float().cpu().numpy()
            return samples, len(samples) < MAX_ENDED_FRACTION * max_frames(text, model.sample_rate)

        if voice not in self._recorded_voices:
            recording = record_default_voice(synthesise, model.sample_rate, model.cloning.sample_rate)
            opened = model.open_prompt(model.create_prompt([Sample(recording)])) if recording else None
            self._recorded_voices[voice] = Prompt("", opened=opened) if recording else None
        return self._recorded_voices[voice]

    def _synthesise(self, job: SpeechJob, voice: str) -> torch.Tensor:
        """Return the samples of a job, with its seed."""
        seed_torch(job.seed)
        with as_engine_failed(f"The model '{self._name}' failed"):
            return self._model.speak(job, voice)
