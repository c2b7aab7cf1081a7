"""What every engine of the catalogue does, in a worker as a server starts it, on something small: the rows of the table
in docs/engines.md.

`REQUESTS=500` in the environment has each do so many jobs besides, after which it must hold no more memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import pytest
import tiny_whisper_sounds
from decoded import decoded
from engine_runs import Cell
from model_worker import ModelWorker, hum
from numpy.typing import NDArray
from recordings import JFK
from small_engines import SMALL_ENGINES, small_worker

from bench.engine_table.runs import NOT_ITS_OWN
from engines.api import (
    Audio,
    Batches,
    Finished,
    Prompt,
    SpeechCapabilities,
    SpeechEvent,
    SpeechJob,
    Steps,
    TranscriptionJob,
    TranscriptSegment,
)

pytestmark = pytest.mark.engines

TEXT = "Hello there, my friend."
LONG = "Hello there, my friend. How are you today? It is a fine day, and so it goes on. "
LINES = (TEXT, "Good night.", "Hello you, and you.")
WORDS = "Hello, this is the reference."
SAMPLE_SECONDS = 6.0
ALIKE = 2 / 32768
"""of full scale, by which samples differ where they were computed together with others'"""
IN_BATCHES = "batches"
SOON = 0.75
"""of the time that a long text takes, within which the first audio of a stream comes"""
SHORT_JOBS = 30.0
"""seconds of audio, below which an engine's longest job is a short one"""
TRIES = 3
"""of what a machine that does much else may disturb"""
REQUESTS = int(os.environ.get("REQUESTS", "0"))
WARM = 100
"""jobs after which all permanent memory is allocated"""
GROWTH = 16 << 20
"""bytes that the allocator may come to hold without anything leaking"""


class Running:
    """An engine that runs, and how it is asked to do something."""

    def __init__(self, row: str, worker: ModelWorker) -> None:
        self.row = row
        self.worker = worker
        self.info = worker.info
        self._prompts: dict[float, Prompt] = {}

    @property
    def speech(self) -> SpeechCapabilities:
        """What it can do when it speaks."""
        assert self.info.speech
        return self.info.speech

    def prompt(self, hertz: float) -> Prompt:
        """Return a cloned voice."""
        if hertz not in self._prompts:
            assert self.speech.cloning
            languages = self.speech.cloning.languages
            language = "en" if not languages or "en" in languages else languages[0]
            sample = hum(hertz, self.speech.cloning.sample_rate, SAMPLE_SECONDS, WORDS)
            self._prompts[hertz] = self.worker.prompt(sample, language=language)
        return self._prompts[hertz]

    def job(self, text: str = TEXT, **fields: Any) -> SpeechJob:
        """Return a job in a voice of its own, or else a cloned one."""
        if self.speech.language == "needed":
            fields = {"language": "en", **fields}
        voice = "" if {"prompt", "design"} & set(fields) or not self.info.voices else self.info.voices[0].id
        if not voice and "design" not in fields:
            fields = {"prompt": self.prompt(150.0), **fields}
        return SpeechJob(text, voice, **{"seed": 5, **fields})

    @property
    def long_text(self) -> str:
        """A text that takes long, within what a job of its may take."""
        return LONG if 0 < self.speech.longest_seconds < SHORT_JOBS else LONG * 3

    def speak(self, text: str = TEXT, **fields: Any) -> NDArray[np.int16]:
        """Speak a text, and return the samples."""
        return self.worker.run(self.worker.stream(self.job(text, **fields)))

    def transcribe(self) -> list[str]:
        """Transcribe a recording, and return the texts."""
        events = self.worker.transcribe(self.recording(), TranscriptionJob(words=False))
        assert isinstance(events[-1], Finished)
        assert events[-1].duration == pytest.approx(len(self.recording()) / 32_000, abs=0.1)
        return [event.text for event in events if isinstance(event, TranscriptSegment)]

    def recording(self) -> bytes:
        """Return what it can transcribe."""
        if self.row == "pocketsphinx":  # it has learnt words, where the others know sounds
            return np.rint(decoded(JFK.read_bytes(), rate=16_000) * 32767).astype("<i2").tobytes()
        return tiny_whisper_sounds.sound("hello", 3.0)

    def work(self) -> bytes:
        """Have it do a short job, always the same, and return what came of it."""
        return self.speak().tobytes() if self.info.speech else "".join(self.transcribe()).encode()


@pytest.fixture(scope="module", params=SMALL_ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run an engine."""
    row = str(request.param)
    with small_worker(row, tmp_path_factory.mktemp("small")) as worker:
        yield Running(row, worker)


def shows(column: str) -> pytest.MarkDecorator:
    """Return the mark of a test that shows something of the engine that it has."""
    return pytest.mark.shows(column, by="engine")


def is_claimed(claim: object, engine: Running, column: str, cell: Cell) -> bool:
    """Return whether an engine says that it can do something; note it where it does not."""
    if not claim:
        cell(engine.row, column, NOT_ITS_OWN)
    return bool(claim)


@shows("loads")
def test_loads(engine: Running, cell: Cell) -> None:
    """It loads, and says which version it is and where it computes."""
    assert engine.info.models
    assert engine.info.speech or engine.info.transcription
    cell(engine.row, "version", engine.info.version)
    cell(engine.row, "device", engine.info.device)


@shows("works")
def test_works(engine: Running, cell: Cell) -> None:
    """It speaks, audibly and for a plausible time, the same for the same seed; or it transcribes a recording."""
    if not engine.info.speech:
        assert "".join(engine.transcribe())
        cell(engine.row, "works", "transcribes")
        return
    spoken = engine.speak()
    assert 0.1 < len(spoken) / engine.speech.sample_rate < 60
    assert np.abs(spoken.astype(int)).max() > 100
    if engine.info.seed_worth == "exact":
        assert np.array_equal(spoken, engine.speak())


@shows("clones")
def test_clones(engine: Running, cell: Cell) -> None:
    """Two recordings are two voices, which speak differently, and each always the same."""
    if not is_claimed(engine.info.speech and engine.speech.cloning, engine, "clones", cell):
        return
    low, high = engine.prompt(150.0), engine.prompt(300.0)
    assert low.id != high.id
    first, other = (engine.speak(prompt=prompt).tobytes() for prompt in (low, high))
    assert first != other
    assert first == engine.speak(prompt=low).tobytes()


@shows("designs")
def test_designs(engine: Running, cell: Cell) -> None:
    """Two descriptions are two voices."""
    if not is_claimed(engine.info.speech and engine.speech.design, engine, "designs", cell):
        return
    deep, high = (engine.speak(design=one) for one in ("An old man with a deep voice.", "A child."))
    assert len(deep)
    assert len(high)
    assert deep.tobytes() != high.tobytes()


@shows("streams")
def test_streams(engine: Running, cell: Cell) -> None:
    """The first audio of a long text comes while the rest is still computed."""
    if not is_claimed(engine.info.speech and engine.speech.streaming, engine, "streams", cell):
        return
    assert any(_first_share(engine) < SOON for _ in range(TRIES))


def _first_share(engine: Running) -> float:
    """Return after which share of the whole time the first audio of a long text came."""
    times: list[float] = []

    def note(event: SpeechEvent) -> bool:
        if isinstance(event, Audio):
            times.append(time.monotonic())
        return False

    began = time.monotonic()
    engine.worker.run(engine.worker.stream(engine.job(engine.long_text), note))
    assert len(times) > 1
    return (times[0] - began) / (time.monotonic() - began)


@shows("steps")
def test_goes_on_in_steps(engine: Running, cell: Cell) -> None:
    """Jobs that go on together have the audio that each has alone, whichever began first."""
    together = isinstance(engine.info.concurrency, Steps | Batches)
    if not is_claimed(engine.info.speech and together, engine, "steps", cell):
        return
    jobs = [engine.job(text, seed=seed) for seed, text in enumerate(LINES)]
    alone = [engine.worker.run(engine.worker.stream(job)) for job in jobs]
    for one, other in zip(engine.worker.speak_together(jobs, pause=0.02), alone, strict=True):
        assert one.shape == other.shape
        assert np.abs(one.astype(int) - other).max() <= np.ceil(ALIKE * 32768)
    if isinstance(engine.info.concurrency, Batches):
        cell(engine.row, "steps", IN_BATCHES)


@shows("cancels")
def test_cancels(engine: Running) -> None:
    """A job that is left in the middle stops, and the next is what it was before."""
    before = engine.work()
    if engine.info.speech:
        engine.worker.run(engine.worker.speak_for(engine.job(engine.long_text, seed=8), 0.3))
        engine.worker.run(
            engine.worker.stream(engine.job(engine.long_text, seed=8), lambda event: isinstance(event, Audio))
        )
    else:
        engine.worker.transcribe(engine.recording() * 3, TranscriptionJob(), lambda _: True)
    after = engine.work()
    if not engine.info.speech or engine.info.seed_worth == "exact":
        assert before == after


@shows("memory")
@pytest.mark.skipif(not REQUESTS, reason="set REQUESTS=500")
def test_memory_does_not_grow(engine: Running, cell: Cell) -> None:
    """After hundreds of jobs it holds as much memory as after the first hundred."""
    process, count = psutil.Process(engine.worker.pid), min(4, engine.info.concurrency.jobs)
    held: dict[int, int] = {}
    for done in range(0, REQUESTS, count):
        if engine.info.speech:
            numbers = range(done, done + count)
            jobs = [engine.job(LINES[number % len(LINES)], seed=number) for number in numbers]
            engine.worker.speak_together(jobs)
        else:
            engine.transcribe()
        held[done + count] = process.memory_info().rss
    warm = max(rss for done, rss in held.items() if done <= max(WARM, count))
    growth = list(held.values())[-1] - warm
    print(engine.row, [rss >> 20 for rss in list(held.values())[:: max(1, len(held) // 10)]])
    cell(engine.row, "memory", f"flat over {REQUESTS}")
    assert growth < GROWTH, held


def test_every_row_of_the_catalogue_is_here() -> None:
    """Each engine of the catalogue has something small to run."""
    from bench.engine_table.runs import engine_of, known_engines

    assert {engine_of(row) for row in SMALL_ENGINES} == set(known_engines())
