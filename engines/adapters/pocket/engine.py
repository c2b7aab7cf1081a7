"""Pocket TTS of Kyutai: quick on a processor, streams 80 ms at a time, speaks with preset and cloned voices.

Its options: `path`, the folder; `others`, further folders, where the hub keeps the rest; `model`, the name it
goes by; `device`; `language`, which of the library's models it is.

The folder holds `model.safetensors`, `tokenizer.json`, and preset voices as `<name>.safetensors` beside them,
in `embeddings/` or in `voices/`. A `config.yaml` may say otherwise; where there is none, the library's own
for that language does. A path in it that leads to a hub or the web is looked for in the folders (`files`):
nothing is ever downloaded. A voice, preset or cloned, is the model's state after hearing it, and fits only
the weights that made it.

The library draws from torch's own random numbers, and is not to be called from two threads: one job at a
time. It runs on torch's threads as they are set; importing it would set them to one.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from engines.adapters.pocket.files import first_line, loaded, localized, presets
from engines.adapters.pocket.voices import characters, listed, tags
from engines.api import (
    Audio,
    CloningCapabilities,
    EmitSpeech,
    EngineInfo,
    Prompt,
    Sample,
    SpeechCapabilities,
    SpeechJob,
)
from engines.errors import BadInput, EngineFailed, UnknownVoice
from engines.toolkit.clone_audio import joined
from engines.toolkit.devices import choose

State = dict[str, dict[str, Tensor]]
"""by the model's layers: their attention caches, and how far these are filled"""

DEVICES = ("cpu", "cuda", "mps")
"""the best first: its makers find it no quicker elsewhere"""
HELD_STATES = 8
"""of voices, some 6 MB each with the published model"""
SHORTEST_SAMPLE, LONGEST_SAMPLES = 0.5, 30.0
"""seconds"""
LOUDEST = 32767


class Pocket:
    """See the module."""

    def __init__(
        self,
        path: str = "",
        model: str = "pocket-tts",
        device: str = "cpu",
        language: str = "english",
        others: str = "",
    ) -> None:
        self._path = path
        self._model_name = model
        self._device = device
        self._language = language
        self._others = others
        self._lock = threading.Lock()
        self._states: OrderedDict[str, State] = OrderedDict()

    def load(self) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("Pocket TTS's files are not there: tell their folder as `path`.")
        folders = [Path(place) for place in (self._path, *self._others.split(os.pathsep)) if place]
        config = localized(folders, self._language)
        self._where = choose(self._device, DEVICES)
        self._model = loaded(config, str(self._where))
        self._rate = int(self._model.sample_rate)
        self._layers = _layers(self._model)
        self._presets = presets(folders, self._language, config)
        return self._info()

    def _info(self) -> EngineInfo:
        voices = listed(self._presets, self._language)
        self._default = voices[0].id if voices else ""
        cloning = (
            CloningCapabilities(self._rate, _fingerprint(self._model), LONGEST_SAMPLES)
            if _clones(self._model)
            else None
        )
        return EngineInfo(
            name="pocket-tts",
            version=version("pocket-tts"),
            licence="MIT",
            models=tuple(dict.fromkeys((self._model_name, "pocket-tts"))),
            voices=voices,
            characters=characters(voices),
            speech=SpeechCapabilities(self._rate, tags(self._language), seed=True, cloning=cloning),
            device=self._where.type,
        )

    def create_prompt(self, samples: Sequence[Sample], model: str) -> bytes:
        """Listen to samples: the model's state behind them. Raises BadAudio."""
        pcm = bytearray(joined(samples, self._rate, SHORTEST_SAMPLE, LONGEST_SAMPLES))
        with self._lock:
            heard = torch.frombuffer(pcm, dtype=torch.int16).float() / (LOUDEST + 1)
            state = self._model.get_state_for_audio_prompt(heard[None])
        parts = {
            f"{layer}/{key}": value.contiguous().cpu()
            for layer, own in state.items()
            for key, value in own.items()
        }
        return bytes(safetensors.torch.save(parts))

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Speak one segment, frame by frame. Raises UnknownVoice, BadInput or EngineFailed."""
        with self._lock:
            state = self._state(job)
            torch.manual_seed(secrets.randbits(63) if job.seed is None else job.seed % 2**63)
            # how many frames are decoded at once depends on timing, and decides how they are rounded
            self._model.max_decoder_frames_per_call = 0 if job.seed is None else 1
            if any(char.isalnum() for char in job.text):
                self._stream(state, job.text, emit)

    def _stream(self, state: State, text: str, emit: EmitSpeech) -> None:
        """Hand audio on as it is made. Whatever ends it, the library's threads have come to rest when it
        returns.
        """
        stop = threading.Event()
        chunks: Iterator[Tensor] = self._model.generate_audio_stream(state, text, stop=stop)
        try:
            for chunk in chunks:
                if not emit(Audio(_pcm(chunk))):
                    return
        finally:
            stop.set()
            for _ in chunks:
                pass

    # Voices...

    def _state(self, job: SpeechJob) -> State:
        """Give the voice of a job, from those used last where it is there. Raises UnknownVoice, BadInput or
        EngineFailed.
        """
        if job.prompt:
            prompt = job.prompt
            return self._held(f"prompt {prompt.id}", lambda: self._of_prompt(prompt))
        voice = job.voice or self._default
        if voice not in self._presets:
            raise UnknownVoice(f"Pocket TTS has no voice '{voice}' here.", param="voice")
        return self._held(f"preset {voice}", lambda: self._of_preset(self._presets[voice]))

    def _held(self, key: str, make: Callable[[], State]) -> State:
        if key not in self._states:
            self._states[key] = make()
        self._states.move_to_end(key)
        while len(self._states) > HELD_STATES:
            self._states.popitem(last=False)
        return self._states[key]

    def _of_prompt(self, prompt: Prompt) -> State:
        try:
            return self._read(prompt.data)
        except Exception as exc:  # bytes that are no safetensors, or others'
            raise BadInput(
                f"This voice prompt is none of this model's: {first_line(exc)}", param="voice"
            ) from exc

    def _of_preset(self, file: Path) -> State:
        try:
            return self._read(file.read_bytes())
        except Exception as exc:  # a broken file, or another model's
            raise EngineFailed(
                f"Pocket TTS's voice {file} is none of this model's: {first_line(exc)}"
            ) from exc

    def _read(self, data: bytes) -> State:
        """Read a state, and see whether it is of this model's shape. Raises ValueError and others."""
        state: State = {}
        for name, value in safetensors.torch.load(data).items():
            layer, _, key = name.partition("/")
            if key == "current_end":  # as states were before version 2: the length of this is what counts
                key, value = "offset", torch.tensor([len(value)])
            state.setdefault(layer, {})[key] = value.to(self._model.device)
        if {layer: _shape(own) for layer, own in state.items()} != self._layers:
            raise ValueError("its layers are others")
        if any(int(own["offset"]) > own["cache"].shape[2] for own in state.values()):
            raise ValueError("it says that there is more of it")
        return state


def _layers(model: Any) -> dict[str, tuple[int, ...]]:  # noqa: ANN401 - TTSModel
    """Give the shape of a state's layers, by name."""
    from pocket_tts.modules.stateful_module import init_states

    return {
        layer: _shape(own)
        for layer, own in init_states(model.flow_lm, batch_size=1, sequence_length=1).items()
    }


def _shape(own: dict[str, Tensor]) -> tuple[int, ...]:
    """Give what does not depend on the voice's length: of [2, 1, length, heads, width]."""
    cache = own["cache"].shape
    return (*cache[:2], *cache[3:], own["offset"].numel())


def _clones(model: Any) -> bool:  # noqa: ANN401 - TTSModel
    """Tell whether the weights are those with voice cloning: in the others the way in from a sample is blank."""
    return bool(model.flow_lm.speaker_proj_weight.any()) and any(
        bool(part.any()) for part in model.mimi.encoder.parameters()
    )


def _fingerprint(model: Any) -> str:  # noqa: ANN401 - TTSModel
    """Tell weights apart by those that make prompts."""
    digest = hashlib.sha256()
    for name, value in sorted(model.flow_lm.state_dict().items()):
        if name == "speaker_proj_weight" or name.endswith("in_proj.weight"):
            digest.update(value.detach().cpu().float().numpy().tobytes())
    return f"1-{digest.hexdigest()[:12]}"


def _pcm(chunk: Tensor) -> bytes:
    return bytes(
        (chunk.detach().cpu().clamp(-1, 1) * LOUDEST).round().short().numpy().astype("<i2").tobytes()
    )
