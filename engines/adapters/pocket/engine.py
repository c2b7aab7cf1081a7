"""Pocket TTS of Kyutai: quick on a processor, streams 80 ms at a time, speaks with preset and cloned voices.

Its options: `path`, the folder; `others`, further folders, where the hub keeps the rest; `model`, the name it
goes by; `language`, which of the library's models it is. Of its place it takes the device, and threads where
a number is given.

The folder holds `model.safetensors`, `tokenizer.json`, and preset voices as `<name>.safetensors` beside them,
in `embeddings/` or in `voices/`. A `config.yaml` may say otherwise; where there is none, the library's own
for that language does. A path in it that leads to a hub or the web is searched in the folders (`files`):
nothing is ever downloaded. A voice, preset or cloned, is the model's state after a recording, and fits only
the weights that made it.

The library draws from torch's own random numbers, and is not to be called from two threads. It runs on
torch's threads as they are set; importing it would set them to one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from engines.adapters.pocket.files import load_model, read_config
from engines.adapters.pocket.info import engine_info
from engines.adapters.pocket.local_files import find_presets
from engines.adapters.pocket.preset_states import PresetStates
from engines.adapters.pocket.request_options import TEMPERATURE
from engines.adapters.pocket.voices import describe_voices
from engines.api import EngineInfo, Output, Place, PromptJob, SpeechJob, SpeechOutput
from engines.errors import EngineFailed
from engines.toolkit import pcm
from engines.toolkit.clone_audio import join_samples
from engines.toolkit.devices import choose_device
from engines.toolkit.error_text import telling_line
from engines.toolkit.seeds import seed_torch
from engines.toolkit.threads import set_torch_threads
from engines.toolkit.voice_prompts import foreign_prompt, prompt_version

State = dict[str, dict[str, Tensor]]
"""by the model's layers: their attention caches, and how far these are filled"""

DEVICES = ("cpu", "cuda", "mps")
"""the best first: its makers find it no quicker elsewhere"""
"""of presets, some 6 MB each with the published model"""


class Pocket:
    """The engine of Pocket TTS."""

    def __init__(
        self,
        path: str = "",
        model: str = "pocket-tts",
        language: str = "english",
        others: str = "",
    ) -> None:
        self._path = path
        self._model_name = model
        self._language = language
        self._others = others

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("Pocket TTS's files are not there: tell their folder as `path`.")
        folders = [Path(folder) for folder in (self._path, *self._others.split(os.pathsep)) if folder]
        config = read_config(folders, self._language)
        if place.threads:
            set_torch_threads(place.threads)
        self._device = choose_device(place.device, DEVICES, place.group)
        self._model = load_model(config, str(self._device))
        self._rate = int(self._model.sample_rate)
        self._temperature = float(self._model.temp)
        self._layer_shapes = _layer_shapes(self._model)
        self._presets = PresetStates(find_presets(folders, self._language, config), self._read_state)
        return self._info()

    def _info(self) -> EngineInfo:
        voices = describe_voices(self._presets.files, self._language)
        self._default_voice = voices[0].id if voices else ""
        return engine_info(
            self._model_name,
            self._language,
            voices,
            library="pocket-tts",
            rate=self._rate,
            temperature=self._temperature,
            prompt_version=_prompt_version(self._model) if _can_clone(self._model) else None,
            device=self._device.type,
        )

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return the model's state after samples, as safetensors."""
        recording = torch.from_numpy(pcm.to_floats(join_samples(job.samples)))
        state = self._model.get_state_for_audio_prompt(recording[None])
        tensors = {
            f"{layer}/{key}": value.contiguous().cpu()
            for layer, values in state.items()
            for key, value in values.items()
        }
        return bytes(safetensors.torch.save(tensors))

    def open_prompt(self, data: bytes) -> State:
        """Return the state in a voice prompt. Raises BadInput."""
        try:
            return self._read_state(data)
        except Exception as exc:  # bytes that are no safetensors, or others'
            raise foreign_prompt(telling_line(exc)) from exc

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one segment, frame by frame. Raises UnknownVoice or EngineFailed."""
        state = job.prompt.opened if job.prompt else self._presets.state(job.voice or self._default_voice)
        seed_torch(job.seed)
        self._model.temp = float(job.settings.get(TEMPERATURE, self._temperature))
        # how many frames are decoded at once depends on timing, and decides how they are rounded
        self._model.max_decoder_frames_per_call = 0 if job.seed is None else 1
        if any(char.isalnum() for char in job.text):
            self._stream(state, job.text, out)

    def _stream(self, state: State, text: str, out: SpeechOutput) -> None:
        """Give audio as it is made.

        Whatever ends it, the library's threads have come to rest when it returns.
        """
        stop = threading.Event()
        chunks: Iterator[Tensor] = self._model.generate_audio_stream(state, text, stop=stop)
        try:
            for chunk in chunks:
                out.audio(pcm.from_tensor(chunk))
        finally:
            stop.set()
            for _ in chunks:
                pass

    # Voices...

    def _read_state(self, data: bytes) -> State:
        """Return a state, which has to be of this model's shape. Raises ValueError and others."""
        state: State = {}
        for name, value in safetensors.torch.load(data).items():
            layer, _, key = name.partition("/")
            if key == "current_end":  # as states were before version 2: the length of this is what counts
                key, value = "offset", torch.tensor([len(value)])
            state.setdefault(layer, {})[key] = value.to(self._model.device)
        if {layer: _shape(values) for layer, values in state.items()} != self._layer_shapes:
            raise ValueError("its layers are others")
        if any(int(values["offset"]) > values["cache"].shape[2] for values in state.values()):
            raise ValueError("it says that there is more of it")
        return state


def _layer_shapes(model: Any) -> dict[str, tuple[int, ...]]:  # noqa: ANN401 - TTSModel
    """Return the shape of a state's layers, by name."""
    from pocket_tts.modules.stateful_module import init_states

    states = init_states(model.flow_lm, batch_size=1, sequence_length=1)
    return {layer: _shape(values) for layer, values in states.items()}


def _shape(values: dict[str, Tensor]) -> tuple[int, ...]:
    """Return the part of a layer's shape, [2, 1, length, heads, width], that is the same for all voices."""
    cache = values["cache"].shape
    return (*cache[:2], *cache[3:], values["offset"].numel())


def _can_clone(model: Any) -> bool:  # noqa: ANN401 - TTSModel
    """Return whether the weights are those with voice cloning: in the others what reads samples is blank."""
    return bool(model.flow_lm.speaker_proj_weight.any()) and any(
        bool(part.any()) for part in model.mimi.encoder.parameters()
    )


def _prompt_version(model: Any) -> str:  # noqa: ANN401 - TTSModel
    """Return the version of the prompts that the model's weights make."""
    weights = sorted(model.flow_lm.state_dict().items())
    return prompt_version(
        value for name, value in weights if name == "speaker_proj_weight" or name.endswith("in_proj.weight")
    )
