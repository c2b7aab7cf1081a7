"""Kokoro-82M: 54 voices in nine languages, small and quick, from files in a local folder.

Its options: `path`, the folder; `model`, the name it goes by; `device`: `cpu`, `cuda`, `mps`, or `auto` for
CUDA where there is some; `batch`, jobs that go through at once, 0 for what suits the device.

A voice speaks the language that the first letter of its name tells, a mixture that of its first voice. Audio
comes in chunks of at most 510 phonemes (`chunks`). Speed changes the length of phonemes. A seed makes the
vocoder's noise repeatable, whoever speaks at the same time. Words are told in English only: misaki gives them
for no other language.

Kokoro and misaki are Apache-2.0; phonemizer and eSpeak NG, which spell words for them, are GPL-3.0-or-later.
What Japanese needs (fugashi, jaconv, mojimoji, unidic-lite) is MIT, BSD-3-Clause and Apache-2.0.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from engines.adapters.kokoro.chunks import Chunk, begins
from engines.adapters.kokoro.files import VoiceFiles, network
from engines.adapters.kokoro.forward import STYLE, Noise, Spoken, Utterance, speak
from engines.adapters.kokoro.ipa import letters
from engines.adapters.kokoro.text import Reader, reader
from engines.adapters.kokoro.voices import DEFAULT, LANGUAGES, characters, listed
from engines.api import (
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
from engines.toolkit.devices import choose

RATE = 24_000
SLOWEST, FASTEST = 0.5, 2.0
PIECE = 2 * RATE
"""bytes given at once: a second"""
DEVICES = ("cuda", "xpu", "cpu", "mps")
"""the best first; nobody has tried it on Intel's, nor whether it is quicker on Apple's"""
BATCHES = {"cpu": 1, "cuda": 8, "xpu": 4, "mps": 4}
"""jobs that go through at once, by device: a processor is as busy with one"""
LOUDEST = 32767


class Kokoro:
    """See the module. One thread at a time."""

    def __init__(self, path: str = "", model: str = "kokoro", device: str = "auto", batch: int = 0) -> None:
        self._path = path
        self._model = model
        self._asked = device
        self._batch = batch
        self._readers: dict[str, Reader] = {}

    def load(self) -> EngineInfo:
        """Load the network. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("Kokoro's files are not there: tell their folder as `path`.")
        self._device = choose(self._asked, DEVICES)
        self._network = network(Path(self._path), self._device)
        self._voices = VoiceFiles(Path(self._path), 2 * STYLE)
        self._limit = int(self._network.context_length) - 2
        names = self._voices.names
        self._default = DEFAULT if DEFAULT in names else listed(names)[0].id
        self._batch = self._batch or BATCHES.get(self._device.type, 1)
        return self._info()

    def _info(self) -> EngineInfo:
        names = self._voices.names
        spoken = [letter for letter in LANGUAGES if any(name.startswith(letter) for name in names)]
        return EngineInfo(
            name="kokoro",
            version=version("kokoro"),
            licence="Apache-2.0 AND GPL-3.0-or-later",
            models=tuple(dict.fromkeys((self._model, "kokoro"))),
            voices=listed(names),
            characters=characters(names),
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
            slots=self._batch,
            batch=self._batch,
        )

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Speak one segment. Raises UnknownVoice, Unsupported or EngineFailed."""
        ended: list[Exception | None] = []
        self.speak_batch([BatchItem(job, emit, ended.append)])
        if ended and ended[0]:
            raise ended[0]

    def speak_batch(self, turns: Sequence[BatchItem]) -> None:
        """Speak several segments, chunk by chunk in step. See BatchSpeaker."""
        tasks = [task for task in map(self._task, turns) if task.goes_on()]
        while tasks:
            self._step(tasks)
            tasks = [task for task in tasks if task.goes_on()]

    def _step(self, tasks: Sequence[Task]) -> None:
        """Speak the chunk that each task is at."""
        known = self._network.vocab
        given = [task.utterance(known) for task in tasks]
        for spoken in speak(self._network, given, self._batch, lambda places: _wanted(tasks, places)):
            tasks[spoken.place].give(spoken, known)

    def _task(self, turn: BatchItem) -> Task:
        seed = secrets.randbits(63) if turn.job.seed is None else turn.job.seed % 2**63
        return Task(turn, self._read(turn.job), Noise(seed, self._device))

    def _read(self, job: SpeechJob) -> Iterator[tuple[Chunk, Tensor]]:
        """Give a job's chunks, each with the voice. Raises UnknownVoice, Unsupported or EngineFailed."""
        if job.prompt or job.design:
            raise BadInput("Kokoro speaks with its own voices only.", param="voice")
        parts = job.mix or ((job.voice or self._default, 1.0),)
        voice = self._voices.mixed(parts)
        language = parts[0][0][0]
        if language not in self._readers:
            self._readers[language] = reader(language)
        spans = [(start, end, letters(ipa, language, self._network.vocab)) for start, end, ipa in job.ipa]
        for chunk in self._readers[language].chunks(job.text, spans, self._limit):
            yield chunk, voice


class Task:
    """A job on its way through its chunks."""

    def __init__(self, turn: BatchItem, chunks: Iterator[tuple[Chunk, Tensor]], noise: Noise) -> None:
        self._turn = turn
        self._chunks = chunks
        self._noise = noise
        self._chunk = Chunk("")
        self._voice = torch.empty(0)
        self._samples = 0
        self._wanted = True

    def goes_on(self) -> bool:
        """Take the next chunk; a job that has none, is not wanted, or cannot be read, is finished."""
        following, problem = None, None
        try:
            following = next(self._chunks, None) if self._wanted else None
        except SpeechError as exc:
            problem = exc
        except (
            Exception
        ) as exc:  # the front ends of so many languages fail in many ways; the other jobs go on
            problem = EngineFailed(f"Kokoro could not read the text: {type(exc).__name__}: {exc}")
        if following is None:
            self._turn.finish(problem)
            return False
        self._chunk, self._voice = following
        return True

    def utterance(self, known: dict[str, int]) -> Utterance:
        """Give the chunk as the network wants it; a voice has one row for each number of phonemes."""
        ids = [known[symbol] for symbol in self._chunk.phonemes if symbol in known]
        row = self._voice[min(len(self._chunk.phonemes), len(self._voice)) - 1]
        speed = min(FASTEST, max(SLOWEST, self._turn.job.speed))
        return Utterance(ids, row, speed, self._noise, alone=self._turn.job.seed is not None)

    def wanted(self) -> bool:
        """Ask whether anybody wants the rest."""
        return self._emit(Audio(b""))

    def give(self, spoken: Spoken, known: dict[str, int]) -> None:
        """Hand the chunk's audio on, in pieces, each word before the piece in which it begins."""
        pcm = (spoken.audio.clamp(-1, 1) * LOUDEST).round().short().numpy().astype("<i2").tobytes()
        frame = len(pcm) / 2 / sum(spoken.frames)
        begun = [
            (self._samples + frame * begin) / RATE for begin in begins(self._chunk, known, spoken.frames)
        ]
        words = [
            Word(spot.start, spot.end, time) for spot, time in zip(self._chunk.words, begun, strict=True)
        ]
        for start in range(0, len(pcm), PIECE):
            until = (self._samples + (start + PIECE) / 2) / RATE
            due = [word for word in words if word.time < until or start + PIECE >= len(pcm)]
            words = words[len(due) :]
            events: list[SpeechEvent] = [*due, Audio(pcm[start : start + PIECE])]
            if not all(map(self._emit, events)):
                return
        self._samples += len(pcm) // 2

    def _emit(self, event: SpeechEvent) -> bool:
        self._wanted = self._wanted and self._turn.emit(event)
        return self._wanted


def _wanted(tasks: Sequence[Task], places: Sequence[int]) -> bool:
    asked = [
        tasks[place].wanted() for place in places
    ]  # each of them, so that none goes on without being wanted
    return any(asked)
