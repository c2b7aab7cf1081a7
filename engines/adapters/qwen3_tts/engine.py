"""Qwen3-TTS of Alibaba: ten languages at 24 kHz, frame by frame, with cloned, preset or described voices.

There are three kinds of models, each an engine of its own. `qwen3-tts` (Base) clones: with the words of a
recording, or by a vector of the speaker alone. `qwen3-tts-custom` (CustomVoice) has nine voices, of which the
models of 1.7B follow `instructions`; two of them speak a dialect in Chinese. `qwen3-tts-design` (VoiceDesign)
speaks with a voice that is described in words.

Options: `path`, the folder; `model`, the name it goes by; `batch`, jobs that go on together, 0 for what suits
the device. Several jobs take each step together (`talker`), and each sounds as it would alone; audio leaves
with every frame of 80 ms (`codec`).

A text whose end the model misses is stopped at a length that no reading of it has, with RunawayAudio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from engines.adapters.qwen3_tts.codec import CodecState, StreamingDecoder
from engines.adapters.qwen3_tts.config import NAMES, read_config
from engines.adapters.qwen3_tts.described_voice import describe
from engines.adapters.qwen3_tts.inputs import InputMaker, Inputs
from engines.adapters.qwen3_tts.languages import library_name
from engines.adapters.qwen3_tts.library import load_model
from engines.adapters.qwen3_tts.prompts import ClonedVoice, PromptMaker
from engines.adapters.qwen3_tts.request_options import OPTIONS, usual_settings
from engines.adapters.qwen3_tts.sampling import NO_CODE, sampling_of
from engines.adapters.qwen3_tts.talker import Talker
from engines.adapters.qwen3_tts.text import plain_text, says_something, signs_pattern
from engines.adapters.qwen3_tts.utterance import Utterance
from engines.adapters.qwen3_tts.voices import model_voices
from engines.api import (
    EngineInfo,
    Output,
    Place,
    PromptJob,
    Setting,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    StepResult,
    Steps,
    attempt,
)
from engines.api.request_options import with_default
from engines.errors import BadInput, EngineFailed, RunawayAudio, UnknownVoice
from engines.toolkit import pcm
from engines.toolkit.devices import PREFERENCE, choose_device, choose_dtype, published_dtype
from engines.toolkit.seeds import library_seed
from engines.toolkit.stopping import BeatHook, listed_layers
from engines.toolkit.threads import set_torch_threads

MEMBERS = 16
"""jobs that go on together on a GPU"""
CPU_MEMBERS = 4
BASE_SECONDS = 5.0
"""how long any text may take"""
SECONDS_PER_TOKEN = 1.0
"""how much longer it may take for each of its tokens, which last a third of that when they are read aloud"""


class Member:
    """A job that is being spoken; one that says nothing has no utterance."""

    def __init__(
        self, out: SpeechOutput, utterance: Utterance | None, heard: CodecState, most_frames: int
    ) -> None:
        self.out = out
        self.utterance = utterance
        self.heard = heard
        self.most_frames = most_frames

    def deliver(self, frame: Tensor) -> bool:
        """Give the sound of a frame. Raises Stop, EngineFailed or RunawayAudio."""
        self.out.audio(pcm.from_tensor(frame))
        if self.utterance and self.utterance.frames + 1 >= self.most_frames:
            raise RunawayAudio(
                f"Qwen3-TTS did not find the end of the text within {self.most_frames} frames of 80 ms."
            )
        return True


class Qwen3Tts:
    """The engine of all kinds of Qwen3-TTS. One thread."""

    def __init__(self, path: str = "", model: str = "", batch: int = 0) -> None:
        self._path = path
        self._model_name = model
        self._batch = batch
        self._hook = BeatHook()

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the model. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("Qwen3-TTS's files are not there: tell their folder as `path`.")
        folder = Path(self._path)
        self._config = read_config(folder)
        if place.threads:
            set_torch_threads(place.threads)
        device = choose_device(place.device, PREFERENCE, place.group)
        known = {"dtype": self._config.dtype, "torch_dtype": self._config.torch_dtype}
        dtype = choose_dtype(place.dtype, str(device), published_dtype(known))
        out.beat()
        library = load_model(folder, device, dtype)
        out.beat()
        self._tokenizer = library.processor.tokenizer
        self._signs = signs_pattern(self._tokenizer.get_added_vocab())
        codec = library.model.speech_tokenizer.model
        self._hook.watch(listed_layers(library.model, codec))
        self._decoder = StreamingDecoder(codec.decoder)
        self._rate = int(codec.output_sample_rate)
        self._usual, self._most_frames = usual_settings(library.generate_defaults)
        self._prompts = PromptMaker(library, self._decoder, self._signs) if self._clones else None
        self._inputs = InputMaker(library)
        self._talker = Talker(library.model)
        return self._info(device)

    @property
    def _clones(self) -> bool:
        return self._config.kind == "base"

    def _info(self, device: torch.device) -> EngineInfo:
        name = NAMES[self._config.kind]
        voices, characters = model_voices(self._config)
        self._voice_names = {voice.id for voice in voices}
        self._default_voice = voices[0].id if voices else ""
        members = self._batch or (CPU_MEMBERS if device.type == "cpu" else MEMBERS)
        return EngineInfo(
            name=name,
            version=version("qwen-tts"),
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
            device=device.type,
            concurrency=Steps(members),
        )

    def _settings(self) -> tuple[Setting, ...]:
        """Return the settings of a request, with what the checkpoint makes of their defaults."""
        return tuple(with_default(one, float(self._usual[one.name])) for one in OPTIONS.settings)

    # Voices...

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # a library without types
    def create_prompt(self, job: PromptJob, out: Output) -> bytes:
        """Return the speaker's vector of samples, and the codes of those whose words are known.

        Raises BadInput or Stop.
        """
        with self._hook.during(out.beat):
            return self._maker().create(job.samples)

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # a library without types
    def open_prompt(self, data: bytes) -> ClonedVoice:
        """Return the voice in a voice prompt. Raises BadInput."""
        return self._maker().open(data)

    def _maker(self) -> PromptMaker:
        if self._prompts is None:
            raise BadInput(f"`{NAMES[self._config.kind]}` does not clone voices.", param="voice")
        return self._prompts

    # Speaking...

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # a library without types
    def begin(self, job: SpeechJob, out: SpeechOutput) -> Member:
        """Begin a text: the model reads it, and has not spoken yet. Raises UnknownVoice, BadInput or Stop."""
        text = plain_text(job.text, self._signs)
        voice = job.prompt.opened if job.prompt else None
        inputs = self._read(job, text, voice)
        if inputs is None:
            return Member(out, None, CodecState(), 0)
        with self._hook.during(out.beat):
            sampling = sampling_of(job.settings, self._usual)
            utterance = self._talker.begin(inputs, sampling, library_seed(job.seed))
        return Member(out, utterance, voice.heard if voice else CodecState(), self._longest(text))

    def _read(self, job: SpeechJob, text: str, voice: ClonedVoice | None) -> Inputs | None:
        """Return what the model reads of a job; None where there is nothing to say."""
        is_spoken = says_something(text)
        language = library_name(job.language, self._config.languages)
        instructions = plain_text(job.instructions or "", self._signs)
        if self._config.kind == "base":
            if voice is None:
                raise BadInput("Qwen3-TTS's Base speaks with cloned voices only.", param="voice")
            return self._inputs.cloned(text, language, voice.item) if is_spoken else None
        preset = job.voice or self._default_voice
        if voice or preset not in self._voice_names:
            raise UnknownVoice(f"`{NAMES[self._config.kind]}` has no voice '{job.voice}'.", param="voice")
        if not is_spoken:
            return None
        if self._config.kind == "voice_design":
            return self._inputs.described(text, language, plain_text(describe(job), self._signs))
        return self._inputs.preset(text, language, preset, instructions)

    def _longest(self, text: str) -> int:
        """Return how many frames a text may become."""
        tokens = len(self._tokenizer(text)["input_ids"])
        seconds = BASE_SECONDS + SECONDS_PER_TOKEN * tokens
        return min(self._most_frames, math.ceil(seconds * self._rate / self._decoder.frame_samples))

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # a library without types
    def step(self, members: Sequence[Member]) -> list[StepResult]:
        """Speak the next frame of each text, as StepSpeaker has it."""
        results: dict[int, StepResult] = {}
        speaking = [(member, member.utterance) for member in members if member.utterance]
        codes = self._talker.first_codes([utterance for _, utterance in speaking]) if speaking else []
        going = []
        for (member, utterance), code in zip(speaking, codes, strict=True):
            if code == NO_CODE:
                results[id(member)] = EngineFailed("Qwen3-TTS computed no numbers.")
            elif code is not None:
                going.append((member, utterance, code))
        if going:
            self._speak_frame(going, results)
        return [results.get(id(member), False) for member in members]

    def _speak_frame(
        self, going: Sequence[tuple[Member, Utterance, int]], results: dict[int, StepResult]
    ) -> None:
        """Give the next frame of each text, and have those that go on hear it."""
        first = [code for _, _, code in going]
        frames, embeddings = self._talker.frames([utterance for _, utterance, _ in going], first)
        failed = (frames < 0).any(-1).tolist()
        sound, heard = self._decoder.decode(frames.clamp(min=0)[:, None], [one.heard for one, _, _ in going])
        wanted = []
        for number, (member, _, _) in enumerate(going):
            member.heard = heard[number]
            if failed[number]:
                results[id(member)] = EngineFailed("Qwen3-TTS computed no numbers.")
                continue
            results[id(member)] = attempt(partial(member.deliver, sound[number]))
            if results[id(member)] is True:
                wanted.append(number)
        if wanted:
            utterances = [going[number][1] for number in wanted]
            self._talker.advance(utterances, [first[number] for number in wanted], embeddings[wanted])

    @torch.inference_mode()  # type: ignore[untyped-decorator]  # a library without types
    def drop(self, member: Member) -> None:
        """Free what a text holds."""
        if member.utterance:
            self._talker.end(member.utterance)
