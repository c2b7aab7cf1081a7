"""Qwen3-TTS by MLX: what the engine on torch does, of the same files, in one job at a time.

Names, languages, voices, settings, limits and errors are those of `engines.adapters.qwen3_tts`, whose
parts without torch say what they are. Options: `path`, the folder; `model`, the name it goes by. Of its place
it takes the device ("auto", "mlx", "cpu") and the dtype of the network that speaks.

Audio leaves with every frame of 80 ms, and a job that nobody wants ends with the frame at hand.
"""

from __future__ import annotations

import math
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import mlx.core as mx

from engines.adapters.mlx.library import choose_device, choose_dtype
from engines.adapters.mlx.qwen3_files import load_qwen3
from engines.adapters.mlx.qwen3_frames import Inputs, Speaker
from engines.adapters.mlx.qwen3_prompts import ClonedVoice, PromptMaker
from engines.adapters.qwen3_tts.config import NAMES, read_config
from engines.adapters.qwen3_tts.described_voice import describe
from engines.adapters.qwen3_tts.languages import library_name
from engines.adapters.qwen3_tts.request_options import OPTIONS, usual_settings
from engines.adapters.qwen3_tts.text import plain_text, says_something, signs_pattern
from engines.adapters.qwen3_tts.voices import model_voices
from engines.api import (
    EngineInfo,
    Output,
    Place,
    PromptJob,
    Setting,
    Settings,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
)
from engines.api.request_options import with_default
from engines.errors import BadInput, EngineFailed, RunawayAudio, UnknownVoice
from engines.toolkit import pcm
from engines.toolkit.seeds import library_seed

BASE_SECONDS = 5.0
"""how long any text may take"""
SECONDS_PER_TOKEN = 1.0
"""how much longer it may take for each of its tokens, which last a third of that when they are read aloud"""


class Qwen3Mlx:
    """The engine of all kinds of Qwen3-TTS on MLX. One thread."""

    def __init__(self, path: str = "", model: str = "") -> None:
        self._path = path
        self._model_name = model
        self._prompts: PromptMaker | None = None

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("Qwen3-TTS's files are not there: tell their folder as `path`.")
        folder = Path(self._path)
        self._config = read_config(folder)
        device = choose_device(place.device)
        dtype = choose_dtype(place.dtype)
        out.beat()
        self._model = load_qwen3(folder, dtype)
        out.beat()
        self._signs = signs_pattern(self._model.tokenizer.get_added_vocab())
        self._usual, self._most_frames = usual_settings(self._model.generate_config or {})
        self._rate = int(self._model.sample_rate)
        self._frame_samples = int(self._model.speech_tokenizer.decode_upsample_rate)
        if self._config.kind == "base":
            self._prompts = PromptMaker(self._model, self._signs)
        self._speaker = Speaker(self._model)
        return self._info(device)

    def _info(self, device: str) -> EngineInfo:
        name = NAMES[self._config.kind]
        voices, characters = model_voices(self._config)
        self._voice_names = {voice.id for voice in voices}
        self._default_voice = voices[0].id if voices else ""
        return EngineInfo(
            name=name,
            version=version("mlx-audio"),
            licence="Apache-2.0",
            models=tuple(dict.fromkeys((self._model_name or name, name))),
            voices=voices,
            characters=characters,
            speech=SpeechCapabilities(
                self._rate,
                self._config.tags,
                language="taken",
                instructions=self._config.follows_instructions,
                seed=True,
                cloning=self._prompts.cloning if self._prompts else None,
                design=self._config.kind == "voice_design",
                settings=self._settings(),
            ),
            device=device,
        )

    def _settings(self) -> tuple[Setting, ...]:
        """Return the settings of a request, with what the checkpoint makes of their defaults."""
        return tuple(with_default(one, float(self._usual[one.name])) for one in OPTIONS.settings)

    # Voices...

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return the speaker's vector of samples, and the codes of those whose words are known.

        Raises BadInput or Stop.
        """
        out.beat()
        return self._maker().create(job.samples)

    def open_prompt(self, data: bytes) -> ClonedVoice:
        """Return the voice in a voice prompt. Raises BadInput."""
        return self._maker().open(data)

    def _maker(self) -> PromptMaker:
        if self._prompts is None:
            raise BadInput(f"`{NAMES[self._config.kind]}` does not clone voices.", param="voice")
        return self._prompts

    # Speaking...

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak a text, frame by frame. Raises Stop, UnknownVoice, BadInput, RunawayAudio or EngineFailed."""
        text = plain_text(job.text, self._signs)
        inputs = self._read(job, text)
        if inputs is None:
            return
        settings: Settings = {**self._usual, **job.settings}
        most = self._longest(text)
        mx.random.seed(library_seed(job.seed))
        spoken = 0
        with closing(self._speaker.frames(inputs, settings, most)) as frames:
            for frame in frames:
                out.audio(pcm.from_floats(frame))
                spoken += 1
        if spoken >= most:
            raise RunawayAudio(f"Qwen3-TTS did not find the end of the text within {most} frames of 80 ms.")

    def _read(self, job: SpeechJob, text: str) -> Inputs | None:
        """Return what the model reads of a job; None where there is nothing to say."""
        is_spoken = says_something(text)
        language = library_name(job.language, self._config.languages)
        voice: ClonedVoice | None = job.prompt.opened if job.prompt else None
        if self._prompts:
            if voice is None:
                raise BadInput("Qwen3-TTS's Base speaks with cloned voices only.", param="voice")
            return self._prompts.read(text, language, voice) if is_spoken else None
        preset = job.voice or self._default_voice
        if voice or preset not in self._voice_names:
            raise UnknownVoice(f"`{NAMES[self._config.kind]}` has no voice '{job.voice}'.", param="voice")
        if not is_spoken:
            return None
        is_designed = self._config.kind == "voice_design"
        instructions = describe(job) if is_designed else job.instructions or ""
        is_told = is_designed or self._config.follows_instructions
        embeddings, _, padding = self._model._prepare_generation_inputs(
            text,
            language=language,
            speaker=None if is_designed else preset,
            instruct=plain_text(instructions, self._signs) if is_told else None,
        )
        return Inputs(embeddings, padding)

    def _longest(self, text: str) -> int:
        """Return how many frames a text may become."""
        tokens = len(self._model.tokenizer.encode(text))
        seconds = BASE_SECONDS + SECONDS_PER_TOKEN * tokens
        return min(self._most_frames, math.ceil(seconds * self._rate / self._frame_samples))
