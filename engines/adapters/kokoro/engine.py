"""Kokoro-82M: 54 voices in nine languages, small and quick, from files in a local folder.

Its options: `path`, the folder; `model`, the name it goes by; `device`: `cpu`, `cuda`, `mps`, or `auto` for
CUDA where there is some; `batch`, jobs that go through at once, 0 for what suits the device.

A voice speaks the language that the first letter of its name tells, a mixture that of its first voice. Audio
comes in chunks of at most 510 phonemes (`chunks`). Speed changes the length of phonemes. A seed makes the
vocoder's noise repeatable, whoever speaks at the same time. Word times come in English only: misaki gives
them for no other language.

Kokoro and misaki are Apache-2.0; phonemizer and eSpeak NG, which spell words for them, are GPL-3.0-or-later.
What Japanese needs (fugashi, jaconv, mojimoji, unidic-lite) is MIT, BSD-3-Clause and Apache-2.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from engines.adapters.kokoro.chunks import word_start_frames
from engines.adapters.kokoro.files import VoiceFiles, load_network
from engines.adapters.kokoro.forward import STYLE, Noise, Utterance, UtteranceAudio, synthesise
from engines.adapters.kokoro.text import FrontEnd, make_front_end
from engines.adapters.kokoro.voices import DEFAULT, LANGUAGES, describe_voices, map_openai_voices
from engines.api import (
    BYTES_PER_SAMPLE,
    Audio,
    BatchItem,
    EmitSpeech,
    EngineInfo,
    SpeechCapabilities,
    SpeechEvent,
    SpeechJob,
    Word,
)
from engines.errors import BadInput, EngineFailed, SpeechError
from engines.toolkit import pcm
from engines.toolkit.devices import choose_device
from engines.toolkit.kokoro_ipa import kokoro_phonemes
from engines.toolkit.phoneme_chunks import Chunk
from engines.toolkit.seeds import library_seed
from engines.toolkit.stopping import stop_unless

RATE = 24_000
"""Hertz"""
SLOWEST = 0.5
FASTEST = 2.0
CHUNK_BYTES = BYTES_PER_SAMPLE * RATE
"""sent at once: a second"""
DEVICES = ("cuda", "xpu", "cpu", "mps")
"""the best first; nobody has tried it on Intel's, nor whether it is quicker on Apple's"""
BATCH_SIZES = {"cpu": 1, "cuda": 8, "xpu": 4, "mps": 4}
"""jobs that go through at once, by device: a processor is as busy with one"""


class Kokoro:
    """The engine of Kokoro. One thread at a time."""

    def __init__(self, path: str = "", model: str = "kokoro", device: str = "auto", batch: int = 0) -> None:
        self._path = path
        self._model = model
        self._device_option = device
        self._batch_size = batch
        self._front_ends: dict[str, FrontEnd] = {}

    def load(self) -> EngineInfo:
        """Load the network. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("Kokoro's files are not there: tell their folder as `path`.")
        self._device = choose_device(self._device_option, DEVICES)
        self._network = load_network(Path(self._path), self._device)
        self._voices = VoiceFiles(Path(self._path), 2 * STYLE)
        self._max_phonemes = int(self._network.context_length) - 2
        names = self._voices.names
        self._default_voice = DEFAULT if DEFAULT in names else describe_voices(names)[0].id
        self._batch_size = self._batch_size or BATCH_SIZES.get(self._device.type, 1)
        return self._info()

    def _info(self) -> EngineInfo:
        names = self._voices.names
        spoken = [letter for letter in LANGUAGES if any(name.startswith(letter) for name in names)]
        return EngineInfo(
            name="kokoro",
            version=version("kokoro"),
            licence="Apache-2.0 AND GPL-3.0-or-later",
            models=tuple(dict.fromkeys((self._model, "kokoro"))),
            voices=describe_voices(names),
            characters=map_openai_voices(names),
            speech=SpeechCapabilities(
                sample_rate=RATE,
                languages=tuple(tag for letter in spoken for tag in LANGUAGES[letter].tags),
                speed=(SLOWEST, FASTEST),
                seed=True,
                words=True,
                mixing=True,
                ipa=True,
            ),
            device=self._device.type,
            slots=self._batch_size,
            batch=self._batch_size,
        )

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Speak one segment. Raises UnknownVoice, Unsupported or EngineFailed."""
        ended: list[Exception | None] = []
        self.speak_batch([BatchItem(job, emit, ended.append)])
        if ended and ended[0]:
            raise ended[0]

    def speak_batch(self, items: Sequence[BatchItem]) -> None:
        """Speak several segments, chunk by chunk in step, as BatchSpeaker has it."""
        jobs = [job for job in map(self._start_job, items) if job.advance()]
        while jobs:
            self._speak_chunks(jobs)
            jobs = [job for job in jobs if job.advance()]

    def _speak_chunks(self, jobs: Sequence[ChunkedJob]) -> None:
        """Speak the chunk that each job is at."""

        def check(indexes: Sequence[int]) -> None:
            # each of them is asked, so that none goes on that nobody wants
            wanted = [jobs[index].is_wanted() for index in indexes]
            stop_unless(any(wanted))

        vocabulary = self._network.vocab
        utterances = [job.utterance(vocabulary) for job in jobs]
        for spoken in synthesise(self._network, utterances, self._batch_size, check):
            jobs[spoken.index].send_audio(spoken, vocabulary)

    def _start_job(self, item: BatchItem) -> ChunkedJob:
        noise = Noise(library_seed(item.job.seed), self._device)
        return ChunkedJob(item, self._read(item.job), noise)

    def _read(self, job: SpeechJob) -> Iterator[tuple[Chunk, Tensor]]:
        """Yield a job's chunks, each with the voice. Raises UnknownVoice, Unsupported or EngineFailed."""
        if job.prompt or job.design:
            raise BadInput("Kokoro speaks with its own voices only.", param="voice")
        parts = job.mix or ((job.voice or self._default_voice, 1.0),)
        voice = self._voices.mix(parts)
        language = parts[0][0][0]
        if language not in self._front_ends:
            self._front_ends[language] = make_front_end(language)
        vocabulary = self._network.vocab
        spans = [(start, end, kokoro_phonemes(ipa, language, vocabulary)) for start, end, ipa in job.ipa]
        for chunk in self._front_ends[language].chunks(job.text, spans, self._max_phonemes):
            yield chunk, voice


class ChunkedJob:
    """A job of a batch, of which one chunk at a time is spoken."""

    def __init__(self, item: BatchItem, chunks: Iterator[tuple[Chunk, Tensor]], noise: Noise) -> None:
        self._item = item
        self._chunks = chunks
        self._noise = noise
        self._chunk = Chunk("")
        self._voice = torch.empty(0)
        self._samples_sent = 0
        self._wanted = True

    def advance(self) -> bool:
        """Go on to the next chunk, and return whether there is one.

        A job that has none, is not wanted, or cannot be read, is finished.
        """
        following = None
        error: SpeechError | None = None
        try:
            following = next(self._chunks, None) if self._wanted else None
        except SpeechError as exc:
            error = exc
        except Exception as exc:  # front ends of many languages fail in many ways; the other jobs go on
            error = EngineFailed(f"Kokoro could not read the text: {type(exc).__name__}: {exc}")
        if following is None:
            self._item.finish(error)
            return False
        self._chunk, self._voice = following
        return True

    def utterance(self, vocabulary: dict[str, int]) -> Utterance:
        """Return the chunk as the network reads it; a voice has one row for each number of phonemes."""
        ids = [vocabulary[symbol] for symbol in self._chunk.phonemes if symbol in vocabulary]
        row = self._voice[min(len(self._chunk.phonemes), len(self._voice)) - 1]
        speed = min(FASTEST, max(SLOWEST, self._item.job.speed))
        return Utterance(ids, row, speed, self._noise, reproducible=self._item.job.seed is not None)

    def is_wanted(self) -> bool:
        """Return whether anybody wants the rest."""
        return self._emit(Audio(b""))

    def send_audio(self, spoken: UtteranceAudio, vocabulary: dict[str, int]) -> None:
        """Emit the chunk's audio, a second at a time, each word before the audio in which it begins."""
        audio = pcm.from_tensor(spoken.audio)
        samples = len(audio) // BYTES_PER_SAMPLE
        samples_per_frame = samples / sum(spoken.frames)
        words = [
            Word(word.start, word.end, (self._samples_sent + samples_per_frame * frame) / RATE)
            for word, frame in zip(
                self._chunk.words, word_start_frames(self._chunk, vocabulary, spoken.frames), strict=True
            )
        ]
        for start in range(0, len(audio), CHUNK_BYTES):
            end = (self._samples_sent + (start + CHUNK_BYTES) / BYTES_PER_SAMPLE) / RATE
            is_last = start + CHUNK_BYTES >= len(audio)
            due = [word for word in words if word.time < end or is_last]
            words = words[len(due) :]
            events: list[SpeechEvent] = [*due, Audio(audio[start : start + CHUNK_BYTES])]
            if not all(map(self._emit, events)):
                return
        self._samples_sent += samples

    def _emit(self, event: SpeechEvent) -> bool:
        """Emit an event, unless one was not wanted before; return whether the rest is wanted."""
        self._wanted = self._wanted and self._item.emit(event)
        return self._wanted
