"""TADA of Hume AI, experimental: speech token by token, each with its sound and its length, in cloned voices.

Its options: `path`, the folder of the language model; `others`, those of the codec, of Llama 3.2's tokenizer
and of the aligners' shape (`files`); `model`, the name it goes by; `languages`, those that the weights know,
with spaces between them: by default all that the codec has aligners for; `steps` of the flow for each token,
fewer are quicker and rougher; `cfg`, how closely it keeps to text and voice; `temperature`, how much it
varies. Of its place it takes the device (`cpu`, `cuda`, `mps`), the dtype of the language model, and threads
where a number is given.

It speaks with cloned voices only, and needs the words of their samples, which are joined to one recording. A
voice is encoded with the same random numbers each time. The library makes one text a call, and gives its
audio once that is whole. Speed is its own: a text is computed twice then, the second time with other lengths.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import torch
from tada.modules.encoder import EncoderOutput
from tada.modules.tada import InferenceOptions
from transformers import AutoTokenizer

from engines.adapters.tada.cloning import RATE, VoiceEncoder
from engines.adapters.tada.files import find_folders, read_config
from engines.adapters.tada.languages import language_of_words, languages_of
from engines.adapters.tada.model import audio_blocks, load_model
from engines.adapters.tada.prompts import PromptReader, pack_prompt
from engines.adapters.tada.request_options import CFG, LONGEST_SECONDS, OPTIONS, STEPS, TEMPERATURE
from engines.adapters.tada.text import join_transcripts, plain_text
from engines.api import (
    CloningCapabilities,
    EngineInfo,
    Output,
    Place,
    PromptJob,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
)
from engines.api.request_options import with_default
from engines.errors import EngineFailed, UnknownVoice
from engines.toolkit import pcm
from engines.toolkit.clone_audio import join_samples
from engines.toolkit.devices import choose_device, choose_dtype, published_dtype
from engines.toolkit.seeds import seed_torch
from engines.toolkit.stopping import BeatHook, listed_layers
from engines.toolkit.threads import set_torch_threads

DEVICES = ("cuda", "mps", "cpu")
"""the best first"""
SPEED = (0.5, 2.0)
LICENCE = "Llama 3.2 Community License"
"""of the weights; the library is under MIT"""


class Tada:
    """The engine of TADA."""

    def __init__(
        self,
        path: str = "",
        others: str = "",
        model: str = "tada",
        languages: str = "",
        steps: int = 10,
        cfg: float = 1.6,
        temperature: float = 0.9,
    ) -> None:
        self._paths = [Path(folder) for folder in (path, *others.split(os.pathsep)) if folder]
        self._name = model
        self._wanted_languages = languages.split()
        self._usual: dict[str, float] = {STEPS: steps, CFG: cfg, TEMPERATURE: temperature}
        self._hook = BeatHook()

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        folders = find_folders(self._paths)
        if place.threads:
            set_torch_threads(place.threads)
        device = choose_device(place.device, DEVICES, place.group)
        dtype = choose_dtype(place.dtype, str(device), published_dtype(read_config(folders.model)))
        self._languages = languages_of(folders.codec, self._wanted_languages)
        if not self._languages:
            raise EngineFailed(f"TADA's codec has no aligner for {', '.join(self._wanted_languages)}.")
        tokenizer = AutoTokenizer.from_pretrained(str(folders.tokenizer), local_files_only=True)
        out.beat()
        self._model = load_model(folders, tokenizer, str(device), dtype)
        self._hook.watch([*listed_layers(self._model), *audio_blocks(self._model)])
        out.beat()
        self._voices = VoiceEncoder(folders, tokenizer, str(device), self._hook)
        self._cloning = CloningCapabilities(
            RATE,
            self._voices.version,
            shortest=1.0,
            transcript="needed",
            languages=self._languages,
        )
        width = int(self._model.config.acoustic_dim)
        self._prompts = PromptReader(tokenizer, width, self._cloning.longest, str(device), dtype)
        return self._info(device.type)

    def _info(self, device: str) -> EngineInfo:
        return EngineInfo(
            name="tada",
            version=version("hume-tada"),
            licence=LICENCE,
            models=tuple(dict.fromkeys((self._name, "tada"))),
            speech=SpeechCapabilities(
                RATE,
                self._languages,
                speed=SPEED,
                seed=True,
                streaming=False,
                cloning=self._cloning,
                settings=tuple(with_default(one, self._usual[one.name]) for one in OPTIONS.settings),
                longest_seconds=LONGEST_SECONDS,
            ),
            device=device,
        )

    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return samples, one after the other, as the encoder has them. Raises BadInput."""
        words = " ".join(sample.transcript for sample in job.samples)
        language = language_of_words(job.language, words, self._languages)
        words = join_transcripts((sample.transcript for sample in job.samples), language)
        recording = torch.from_numpy(pcm.to_floats(join_samples(job.samples)))
        with self._hook.during(out.beat):
            return pack_prompt(self._voices.encode(recording, words, language))

    def open_prompt(self, data: bytes) -> EncoderOutput:
        """Return a prompt as the library takes it. Raises BadInput."""
        return self._prompts.read(data)

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one segment. Raises UnknownVoice or EngineFailed."""
        if job.prompt is None:
            raise UnknownVoice("TADA speaks with cloned voices only.", param="voice")
        text = plain_text(job.text)
        if not any(char.isalnum() for char in text):
            return
        chosen = {**self._usual, **job.settings}
        options = InferenceOptions(
            num_flow_matching_steps=int(chosen[STEPS]),
            acoustic_cfg_scale=float(chosen[CFG]),
            noise_temperature=float(chosen[TEMPERATURE]),
            speed_up_factor=None if job.speed == 1.0 else job.speed,
        )
        seed_torch(job.seed)
        with self._hook.during(out.beat):
            speech = self._model.say(job.prompt.opened, text, options)
        out.audio(pcm.from_tensor(speech))
