"""Pocket TTS by MLX: what the engine on torch does, of the same files, presets and prompts.

Names, languages, voices, settings and errors are those of `engines.adapters.pocket`, whose parts without
torch say what they are. Options: `path`, the folder; `others`, further folders, where the hub keeps the rest;
`model`, the name it goes by; `language`, which of the models it is. Of its place it takes the device ("auto",
"mlx", "cpu").

Audio leaves with every frame of 80 ms, and a job that nobody wants ends with the frame at hand.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import mlx.core as mx

from engines.adapters.mlx.library import choose_device
from engines.adapters.mlx.pocket_files import load_pocket
from engines.adapters.mlx.pocket_frames import PocketSpeaker
from engines.adapters.mlx.pocket_voices import State, VoiceMaker
from engines.adapters.pocket.info import engine_info
from engines.adapters.pocket.local_files import find_presets, read_local_config
from engines.adapters.pocket.preset_states import PresetStates
from engines.adapters.pocket.request_options import TEMPERATURE
from engines.adapters.pocket.voices import describe_voices
from engines.api import EngineInfo, Output, Place, PromptJob, SpeechJob, SpeechOutput
from engines.errors import EngineFailed
from engines.toolkit import pcm
from engines.toolkit.clone_audio import join_samples
from engines.toolkit.error_text import telling_line
from engines.toolkit.seeds import library_seed
from engines.toolkit.voice_prompts import foreign_prompt

"""of presets, some 6 MB each with the published model"""


class PocketMlx:
    """The engine of Pocket TTS on MLX. One thread."""

    def __init__(
        self, path: str = "", model: str = "pocket-tts", language: str = "english", others: str = ""
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
        config = read_local_config(folders, self._language)
        device = choose_device(place.device)
        loaded = load_pocket(config)
        out.beat()
        self._rate = int(loaded.network.sample_rate)
        self._temperature = float(loaded.network.temp)
        self._voices = VoiceMaker(loaded)
        self._speaker = PocketSpeaker(loaded)
        self._presets = PresetStates(find_presets(folders, self._language, config), self._voices.read)
        voices = describe_voices(self._presets.files, self._language)
        self._default_voice = voices[0].id if voices else ""
        return engine_info(
            self._model_name,
            self._language,
            voices,
            library="mlx-audio",
            rate=self._rate,
            temperature=self._temperature,
            prompt_version=self._voices.version,
            device=device,
        )

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return the model's state after samples, as safetensors."""
        out.beat()
        return self._voices.create(pcm.to_floats(join_samples(job.samples)), self._rate)

    def open_prompt(self, data: bytes) -> State:
        """Return the state in a voice prompt. Raises BadInput."""
        try:
            return self._voices.read(data)
        except Exception as exc:  # bytes that are no safetensors, or others'
            raise foreign_prompt(telling_line(exc)) from exc

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one segment, frame by frame. Raises Stop, UnknownVoice or EngineFailed."""
        state = job.prompt.opened if job.prompt else self._presets.state(job.voice or self._default_voice)
        if not any(char.isalnum() for char in job.text):
            return
        mx.random.seed(library_seed(job.seed))
        temperature = float(job.settings.get(TEMPERATURE, self._temperature))
        with closing(self._speaker.frames(job.text, state, temperature)) as frames:
            for frame in frames:
                out.audio(pcm.from_floats(frame))
