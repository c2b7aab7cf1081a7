"""OmniVoice of k2-fsa, experimental: some six hundred languages at 24 kHz, in cloned and described voices.

Its options: `path`, the folder; `model`, the name it goes by; `steps` in which a text is made, fewer are
quicker and rougher; `cfg`, how closely it keeps to text and voice; `temperature`, how freely it sounds. Of
its place it takes the device (`cpu`, `cuda`, `xpu`, `mps`), the dtype of the network, and threads where a
number is given.

A text is made as a whole, all of its codes a little more with each step; how long it becomes is known
beforehand, by its letters and by how long those of the recording took. So speed is its own, and nothing
streams. A voice needs the words of its samples, which are joined to one recording. A described voice is
told by attributes (`design`); each text that is spoken with it is spoken by another person who has these.
"""

from __future__ import annotations

import math
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engines.adapters.omnivoice.design import attributes
from engines.adapters.omnivoice.library import import_library, load_model, read_config
from engines.adapters.omnivoice.prompts import Voice, codes_version, pack_prompt, read_prompt
from engines.adapters.omnivoice.request_options import CFG, LONGEST_SECONDS, OPTIONS, STEPS, TEMPERATURE
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
from engines.languages import primary_language
from engines.toolkit import pcm
from engines.toolkit.clone_audio import join_samples
from engines.toolkit.devices import PREFERENCE, choose_device, choose_dtype, published_dtype
from engines.toolkit.seeds import seed_torch
from engines.toolkit.stopping import BeatHook, listed_layers
from engines.toolkit.threads import set_torch_threads

SPEED = (0.5, 2.0)
LONGEST_SAMPLES = 20.0
"""seconds, beyond which the library warns of a worse voice"""
FADE_SECONDS = 0.02
NEVER = 3600.0
"""seconds from which on the library would cut a text: texts come cut"""
SIGN = "<|"
"""how each sign of the model's template begins: `<|text_end|>` in a text would end it"""


class OmniVoice:
    """The engine of OmniVoice."""

    def __init__(
        self,
        path: str = "",
        model: str = "omnivoice",
        steps: int = 32,
        cfg: float = 2.0,
        temperature: float = 0.0,
    ) -> None:
        self._path = path
        self._name = model
        self._usual: dict[str, float] = {STEPS: steps, CFG: cfg, TEMPERATURE: temperature}
        self._hook = BeatHook()

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("OmniVoice's files are not there: tell their folder as `path`.")
        folder = Path(self._path)
        config = read_config(folder)
        if place.threads:
            set_torch_threads(place.threads)
        device = choose_device(place.device, PREFERENCE, place.group)
        dtype = choose_dtype(place.dtype, str(device), published_dtype(config))
        out.beat()
        self._model = load_model(folder, device, dtype)
        self._hook.watch(listed_layers(self._model, self._model.audio_tokenizer))
        self._languages = self._model.supported_language_ids()
        self._rate = int(self._model.sampling_rate)
        self._cloning = CloningCapabilities(
            self._rate, codes_version(self._model), 1.0, LONGEST_SAMPLES, transcript="needed"
        )
        return self._info(device.type)

    def _info(self, device: str) -> EngineInfo:
        return EngineInfo(
            name="omnivoice",
            version=version("omnivoice"),
            licence="Apache-2.0",
            models=tuple(dict.fromkeys((self._name, "omnivoice"))),
            speech=SpeechCapabilities(
                self._rate,
                tuple(sorted(self._languages, key=lambda tag: (len(tag), tag))),
                speed=SPEED,
                language="taken",
                seed=True,
                streaming=False,
                cloning=self._cloning,
                design=True,
                settings=tuple(with_default(one, self._usual[one.name]) for one in OPTIONS.settings),
                marks=OPTIONS.marks,
                longest_seconds=LONGEST_SECONDS,
            ),
            device=device,
        )

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # a library without types
    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return the codes of samples, one after the other, and their words."""
        from omnivoice.utils.text import add_punctuation

        words = add_punctuation(_plain_text(" ".join(sample.transcript for sample in job.samples)))
        recording = torch.from_numpy(pcm.to_floats(join_samples(job.samples)))
        with self._hook.during(out.beat):
            return pack_prompt(
                self._model.create_voice_clone_prompt(
                    (recording[None], self._rate), words, preprocess_prompt=False
                )
            )

    def open_prompt(self, data: bytes) -> Voice:
        """Return the voice in a prompt. Raises BadInput."""
        frames = (LONGEST_SAMPLES + 1) * self._model.audio_tokenizer.config.frame_rate
        config = self._model.config
        return read_prompt(
            data,
            groups=int(config.num_audio_codebook),
            codes=int(config.audio_mask_id),
            most_frames=math.ceil(frames),
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Speak one segment. Raises UnknownVoice, BadInput or Stop."""
        if job.prompt is None and not job.design:
            raise UnknownVoice("OmniVoice speaks with cloned and with designed voices only.", param="voice")
        described = "" if job.prompt else attributes(job.design)
        text = _plain_text(job.text)
        if not any(map(str.isalnum, text)):
            return
        seed_torch(job.seed)
        with self._hook.during(out.beat):
            speech = self._synthesise(text, job, job.prompt.opened if job.prompt else None, described)
        out.audio(pcm.from_floats(speech))

    def _synthesise(
        self, text: str, job: SpeechJob, voice: Voice | None, described: str
    ) -> NDArray[np.float32]:
        """Return the speech of a text, by the library's own `generate`."""
        chosen = {**self._usual, **job.settings}
        prompt = voice and import_library().VoiceClonePrompt(voice.codes, voice.words, voice.rms)
        (speech,) = self._model.generate(
            text,
            language=self._language(job.language),
            voice_clone_prompt=prompt,
            instruct=described or None,
            speed=job.speed,
            num_step=int(chosen[STEPS]),
            guidance_scale=float(chosen[CFG]),
            class_temperature=float(chosen[TEMPERATURE]),
            postprocess_output=False,
            pad_duration=0.0,
            fade_duration=FADE_SECONDS,
            audio_chunk_threshold=NEVER,
        )
        return np.asarray(speech, np.float32)

    def _language(self, tag: str | None) -> str | None:
        """Return what the model calls a language; None where nobody says it, or it knows it not."""
        code = primary_language(tag or "")
        return code if code in self._languages else None


def _plain_text(text: str) -> str:
    """Return a text on one line without the signs of the model's template."""
    return " ".join(text.replace(SIGN, "< |").split())
