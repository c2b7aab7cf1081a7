"""Chatterbox of Resemble AI: 23 languages, or English with sounds between the words (Turbo); with its own
voice and with cloned ones.

Options: `path`, the folder; `model`, the name it goes by. Of its place it takes the device and the threads;
the library computes in float32 whatever the device.

A segment's sound is made as a whole: the network that makes it attends to all of its tokens at once, so that
a part of them sounds other. All audio carries the watermark that the library puts in (resemble-perth). A
prompt is what the model keeps of a recording, up to 170 kB, and fits all weights that have the same encoders.

The library draws from torch's own random numbers, and keeps a text's state in the model while it speaks.
"""

from __future__ import annotations

import copy
import io
import warnings
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from engines.adapters.chatterbox.conditioning import (
    FEATURES,
    SOUND_VECTOR,
    SPEAKER,
    TOKENS,
    Conditioning,
    read_conditioning,
)
from engines.adapters.chatterbox.library import import_library, load_model
from engines.adapters.chatterbox.networks import MultilingualNetwork, Network, TurboNetwork, sound
from engines.adapters.chatterbox.voice_files import (
    DEFAULT,
    MULTILINGUAL,
    TURBO,
    default_voices,
)
from engines.api import (
    BYTES_PER_SAMPLE,
    EngineInfo,
    Output,
    Place,
    PromptJob,
    Sample,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
)
from engines.errors import BadAudio, EngineFailed, UnknownVoice
from engines.toolkit import pcm
from engines.toolkit.clone_audio import join_samples
from engines.toolkit.devices import choose_device
from engines.toolkit.error_text import telling_line
from engines.toolkit.openai_voices import OPENAI_VOICES
from engines.toolkit.seeds import seed_torch
from engines.toolkit.stopping import BeatHook, listed_layers
from engines.toolkit.threads import set_torch_threads
from engines.toolkit.voice_prompts import foreign_prompt, prompt_version

DEVICES = ("cuda", "cpu", "mps")
"""the best first: on Apple's GPUs parts of it are known to fail"""
CHUNK_SECONDS = 0.5
"""of audio that are given at once"""


class _Engine:
    """What both engines have in common."""

    kind = MULTILINGUAL
    network_class: type[MultilingualNetwork | TurboNetwork] = MultilingualNetwork

    def __init__(self, path: str = "", model: str = "") -> None:
        self._path = path
        self._name = model or self.kind
        self._hook = BeatHook()

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("Chatterbox's files are not there: tell their folder as `path`.")
        device = choose_device(place.device, DEVICES, place.group)
        library = import_library()
        set_torch_threads(place.threads)
        model = self._model = load_model(Path(self._path), self.kind, str(device))
        self._default = Conditioning.of(model.conds) if model.conds else None
        model.conds = None  # each job has a voice of its own
        self._hook.watch(listed_layers(model.t3, model.s3gen))
        self._network: Network = self.network_class(model, library, _prompt_version(model, self.kind))
        return self._info(device)

    def _info(self, device: torch.device) -> EngineInfo:
        network = self._network
        voices = default_voices(self._default is not None, network.languages)
        return EngineInfo(
            name=self.kind,
            version=version("chatterbox-tts"),
            licence="MIT",
            models=tuple(dict.fromkeys((self._name, self.kind))),
            voices=voices,
            characters=dict.fromkeys(OPENAI_VOICES, DEFAULT) if voices else {},
            speech=SpeechCapabilities(
                int(self._model.sr),
                network.languages,
                language="needed" if len(network.languages) > 1 else "ignored",
                seed=True,
                streaming=False,
                cloning=network.cloning,
                settings=network.options.settings,
                marks=network.options.marks,
                longest_text=network.options.longest_text,
                longest_seconds=network.options.longest_seconds,
            ),
            device=device.type,
        )

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return the conditioning that the model makes of samples, as safetensors. Raises BadAudio.

        How somebody speaks, and sounds, is taken from the first seconds: the longest sample goes first, so
        that they are of one piece.
        """
        rate = self._network.cloning.sample_rate
        recording = join_samples(sorted(job.samples, key=_length, reverse=True))
        seconds = len(recording) / BYTES_PER_SAMPLE / rate
        shortest = self._network.cloning.shortest
        if seconds < shortest:
            raise BadAudio(
                f"A recording of {seconds:g} s is too short for {self.kind}, which needs {shortest:g} s.",
                param="audio",
            )
        with self._work(out):
            maker = copy.copy(self._model)  # it keeps what it makes
            maker.prepare_conditionals(_wav_file(recording, rate))
        return Conditioning.of(maker.conds).to_bytes()

    def open_prompt(self, data: bytes) -> Conditioning:
        """Return the conditioning in a prompt. Raises BadInput."""
        hp = self._model.t3.hp
        s3gen = self._model.s3gen
        like = {
            SPEAKER: int(hp.speaker_embed_size),
            TOKENS: int(hp.speech_cond_prompt_len),
            SOUND_VECTOR: int(s3gen.flow.spk_embed_affine_layer.in_features),
            FEATURES: int(s3gen.flow.output_size),
        }
        try:
            return read_conditioning(data, like, torch.device(self._model.device))
        except Exception as exc:  # bytes that are no safetensors, or others'
            raise foreign_prompt(telling_line(exc)) from exc

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one segment. Raises UnknownVoice, BadInput or RunawayAudio."""
        conditioning = self._conditioning(job)
        if not any(char.isalnum() for char in job.text):
            return
        seed_torch(job.seed)
        with self._work(out):
            speech = self._network.speech(job, conditioning)
            samples = sound(self._model, self._network, speech, conditioning) if len(speech.tokens) else None
        if samples is None:
            return
        audio = pcm.from_floats(samples)
        size = BYTES_PER_SAMPLE * round(CHUNK_SECONDS * self._model.sr)
        for start in range(0, len(audio), size):
            out.audio(audio[start : start + size])

    @contextmanager
    def _work(self, out: Output) -> Iterator[None]:
        """Have the library compute in the block, with signs of life, and without its warnings of what it uses
        of others that is to go.
        """
        with self._hook.during(out.beat), torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield

    def _conditioning(self, job: SpeechJob) -> Conditioning:
        """Return the voice of a job. Raises UnknownVoice."""
        if job.prompt:
            opened: Conditioning = job.prompt.opened
            return opened
        if self._default is None or job.voice not in ("", DEFAULT):
            raise UnknownVoice(f"{self.kind.title()} has no voice '{job.voice}' here.", param="voice")
        return self._default


class Chatterbox(_Engine):
    """The engine `chatterbox`: the multilingual model."""


class ChatterboxTurbo(_Engine):
    """The engine `chatterbox-turbo`: English."""

    kind = TURBO
    network_class = TurboNetwork


def _length(sample: Sample) -> int:
    return len(sample.pcm)


def _wav_file(recording: bytes, rate: int) -> io.BytesIO:
    """Return s16le mono PCM at `rate` Hertz as a WAV file, in memory: the library takes a path or a file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, BYTES_PER_SAMPLE, rate, 0, "NONE", ""))
        written.writeframes(recording)
    file.seek(0)
    return file


def _prompt_version(model: Any, kind: str) -> str:  # noqa: ANN401 - a class of the library
    """Return the version of the prompts that the model's encoders make."""
    encoders: Sequence[Any] = (model.ve, model.s3gen.speaker_encoder, model.s3gen.tokenizer.quantizer)
    weights = (value for encoder in encoders for _, value in sorted(encoder.state_dict().items()))
    return prompt_version(weights, f"{kind} {model.t3.hp.speech_cond_prompt_len}")
