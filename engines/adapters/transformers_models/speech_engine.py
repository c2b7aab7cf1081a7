"""Speech models that transformers itself has the code of: VITS and MMS, SpeechT5, Bark, CSM, Dia, VibeVoice.

Options: `path`, a folder in the Hugging Face layout; `model`, the name it goes by; `device` ("cpu", "cuda",
"cuda:1", "mps"); `dtype`, which "auto" leaves at float32; `threads`, on a CPU; `others`, further folders,
with a vocoder, a codec or voices in them; `remote_code`, whether code in the folder may run: only where it is
set to true; `own_voice`, whether a model that clones, and whose presets are no fixed voices, finds one for
each and keeps it (`engines.toolkit.default_voice`). Nothing is ever downloaded.

The models draw from torch's own random numbers: one job at a time, each with a seed of its own.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version

import msgspec
import torch

from engines.adapters.transformers_models.files import folder, telling
from engines.adapters.transformers_models.speaking_model import Cloning, SpeakingModel, chosen, most
from engines.api import Audio, EmitSpeech, EngineInfo, Prompt, Sample, SpeechCapabilities, SpeechJob
from engines.errors import Unsupported
from engines.toolkit.default_voice import own_voice
from engines.toolkit.transcription_options import usable_cores
from engines.toolkit.windows import Floats, Unwanted

LOUDEST = 32767
PIECE = 0.5
"""seconds of audio that are handed on at once"""
ENDED = 0.95
"""of the longest that a text may take: what is longer did not end by itself"""
OPENAI_VOICES = [
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
]


class TransformersSpeech:
    """See the module."""

    def __init__(
        self,
        path: str = "",
        model: str = "transformers",
        device: str = "auto",
        dtype: str = "auto",
        threads: int = 0,
        others: str = "",
        remote_code: bool = False,
        own_voice: bool = True,
    ) -> None:
        self._path, self._name, self._device, self._dtype = path, model, device, dtype
        self._threads, self._others, self._remote_code = threads, others, remote_code
        self._settled = own_voice
        self._own: dict[str, Prompt | None] = {}
        self._lock = threading.Lock()
        self._step: Callable[[], None] = _nothing

    def load(self) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        torch.set_num_threads(
            self._threads or usable_cores()
        )  # there are libraries that set it to one when they are imported
        source = folder(
            self._path,
            "speech",
            self._name,
            device=self._device,
            dtype="float32" if self._dtype == "auto" else self._dtype,
            others=self._others,
            remote_code=self._remote_code,
        )
        module, _, made_by = source.known.adapter.partition(":")
        self._family: SpeakingModel = getattr(import_module(module), made_by)(source)
        for layer in self._family.steps:
            layer.register_forward_pre_hook(lambda *_: self._step())
        return self._info(source.device)

    def _info(self, device: str) -> EngineInfo:
        family = self._family
        voices = family.voices
        return EngineInfo(
            name="transformers",
            version=version("transformers"),
            licence="Apache-2.0",
            models=(self._name,),
            voices=voices,
            characters={name: voices[place % len(voices)].id for place, name in enumerate(OPENAI_VOICES)},
            speech=SpeechCapabilities(
                family.rate,
                family.languages,
                speed=family.speed,
                seed=True,
                cloning=family.cloning if isinstance(family, Cloning) else None,
            ),
            device=torch.device(device).type,
        )

    def create_prompt(self, samples: Sequence[Sample], model: str) -> bytes:
        """Make a voice of samples. Raises BadAudio, or Unsupported where the model does not clone."""
        if not isinstance(self._family, Cloning):
            raise Unsupported(f"The model '{self._name}' does not clone voices.")
        return self._family.create_prompt(samples)

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Speak one segment. Raises UnknownVoice, BadInput or EngineFailed."""
        voice = chosen(self._family.voices, "" if job.prompt else job.voice, self._name)
        if not any(char.isalnum() for char in job.text):
            return
        with self._lock:
            self._step = lambda: _ask(emit)
            try:
                with torch.inference_mode():
                    if not job.prompt and self._settled and isinstance(self._family, Cloning):
                        own = self._own_voice(self._family, self._family.begins(job.text, voice))
                        job = msgspec.structs.replace(job, prompt=own)
                    spoken = self._spoken(job, voice)
            except Unwanted:
                return
            finally:
                self._step = _nothing
        pcm = _pcm(spoken)
        size = 2 * round(PIECE * self._family.rate)
        for start in range(0, len(pcm), size):
            if not emit(Audio(pcm[start : start + size])):
                return

    def _own_voice(self, family: Cloning, voice: str) -> Prompt | None:
        """Give the voice of a preset, found when it is first asked for; None where none is found."""

        def say(text: str, seed: int) -> tuple[Floats, bool]:
            sound = self._spoken(SpeechJob(text, voice, seed=seed), voice).flatten().float().cpu().numpy()
            return sound, len(sound) < ENDED * most(text, family.rate)

        if voice not in self._own:
            pcm = own_voice(say, family.rate, family.cloning.sample_rate)
            self._own[voice] = Prompt("", family.create_prompt([Sample(pcm)])) if pcm else None
        return self._own[voice]

    def _spoken(self, job: SpeechJob, voice: str) -> torch.Tensor:
        torch.manual_seed(secrets.randbits(63) if job.seed is None else job.seed % 2**63)
        with telling(f"The model '{self._name}' failed"):
            return self._family.speak(job, voice)


def _ask(emit: EmitSpeech) -> None:
    """End the work where nobody wants it any more."""
    if not emit(Audio(b"")):
        raise Unwanted


def _nothing() -> None:
    """Have nothing to do at a step: no job is running."""


def _pcm(samples: torch.Tensor) -> bytes:
    whole = (samples.flatten().float().cpu().clamp(-1, 1) * LOUDEST).round().short()
    return bytes(whole.numpy().astype("<i2").tobytes())
