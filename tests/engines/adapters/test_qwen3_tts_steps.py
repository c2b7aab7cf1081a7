"""Tests of how Qwen3-TTS speaks several texts frame by frame: each as it is alone, whoever comes, leaves or never
ends. Offline.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from model_worker import ModelWorker
from numpy.typing import NDArray
from qwen3_checkpoints import (
    FRAME,
    TEXT,
    WORDS,
    Workers,
    assert_alike,
    job_of,
    recording,
    running_workers,
)

from engines.api import Audio, SpeechEvent, SpeechJob
from engines.errors import RunawayAudio

pytestmark = pytest.mark.engines
LOW, HIGH = recording(130, WORDS), recording(260, WORDS)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Run workers of the checkpoints."""
    with running_workers() as running:
        yield running


@pytest.fixture
def base(workers: Workers) -> ModelWorker:
    """Return the worker of a Base model."""
    return workers.get("base")


@pytest.fixture
def custom(workers: Workers) -> ModelWorker:
    """Return the worker of a CustomVoice model."""
    return workers.get("custom")


def test_it_streams_frames(custom: ModelWorker) -> None:
    """Audio comes frame by frame of 80 ms, while the rest is still to be made."""
    sizes: list[int] = []

    def note(event: SpeechEvent) -> bool:
        if isinstance(event, Audio):
            sizes.append(len(event.pcm) // 2)
        return False

    whole = custom.speak(TEXT, None, note, voice="ryan", seed=5)
    assert len(sizes) > 3
    assert all(size % FRAME == 0 for size in sizes)
    assert sum(sizes) == len(whole)


def test_jobs_that_go_on_together(base: ModelWorker, custom: ModelWorker) -> None:
    """More jobs than there are places, with voices, texts, settings and seeds of their own, that begin and end
    at different times: each has the audio that it has alone.
    """
    groups: list[tuple[ModelWorker, list[dict[str, Any]]]] = [
        (base, [{"prompt": LOW}, {"prompt": recording(200)}, {"prompt": HIGH, "language": "it"}]),
        (custom, [{"voice": "ryan"}, {"voice": "eric", "settings": {"top_k": 3}}, {"voice": "sohee"}]),
    ]
    for worker, voices in groups:
        jobs = [
            job_of(worker, voices[number % 3], f"{'And so on. ' * (number % 4)}Number {number}.", number)
            for number in range(7)
        ]
        alone = [worker.speak_together([job])[0] for job in jobs]
        together = worker.speak_together(jobs, pause=0.03)
        assert len({audio.tobytes() for audio in alone}) == len(jobs)
        for one, other in zip(together, alone, strict=True):
            assert_alike(one, other)


def test_who_leaves_is_not_missed(workers: Workers) -> None:
    """A job that is left in the middle ends within a step, and those that went on with it are as they are
    alone; the place is free again.
    """
    worker = workers.get("endless")
    short = SpeechJob(TEXT, "ryan", seed=3, settings={"temperature": 0.5})
    long = SpeechJob("On and on. " * 40, "vivian", seed=4)

    async def first_frames(job: SpeechJob, count: int) -> NDArray[np.int16]:
        came = 0

        def enough(event: SpeechEvent) -> bool:
            nonlocal came
            came += isinstance(event, Audio)
            return came >= count

        return await worker.stream(job, enough)

    async def among_others() -> NDArray[np.int16]:
        leaving = [asyncio.ensure_future(first_frames(long, 5 + number)) for number in range(3)]
        found = await first_frames(short, 25)
        await asyncio.gather(*leaving)
        return found

    alone = worker.run(first_frames(short, 25))
    count = 20 * FRAME
    for _ in range(3):
        assert_alike(worker.run(among_others())[:count], alone[:count])
    started = time.monotonic()
    for _ in range(8):  # more than there are places: each is given back
        worker.run(first_frames(long, 1))
    assert time.monotonic() - started < 120, "a place was not given back"


def test_a_text_without_an_end(workers: Workers) -> None:
    """A text whose end the model misses is stopped at a bound that grows with the text, and is an error; so it
    is among others, who go on.
    """
    worker = workers.get("endless")
    with pytest.raises(RunawayAudio, match="did not find the end"):
        worker.speak("Hi.", None, voice="ryan", seed=1)
    frames: list[int] = []
    for text in ("Hi.", "Hi there."):
        came: list[int] = []

        def note(event: SpeechEvent, came: list[int] = came) -> bool:
            came.append(len(event.pcm) // 2 // FRAME if isinstance(event, Audio) else 0)
            return False

        with pytest.raises(RunawayAudio):
            worker.speak(text, None, note, voice="ryan", seed=1)
        frames.append(sum(came))
    assert frames == [100, 138]  # 12.5 for each of 5 seconds and of 3 tokens, and of 6


def test_seeds_and_what_changes_the_audio(base: ModelWorker) -> None:
    """The same seed gives the same audio; another seed, text, voice, language or setting gives another, and
    without a seed no two are alike.
    """
    low, vector, high = base.prompt(LOW), base.prompt(recording(130)), base.prompt(HIGH)
    first = base.speak(TEXT, low, seed=1)
    assert np.array_equal(first, base.speak(TEXT, low, seed=1))
    others = [
        base.speak(TEXT, low, seed=2),
        base.speak(TEXT, low),
        base.speak(TEXT, low),
        base.speak("This is another.", low, seed=1),
        base.speak(TEXT, high, seed=1),
        base.speak(TEXT, vector, seed=1),
        base.speak(TEXT, low, seed=1, language="ja"),
        base.speak(TEXT, low, seed=1, settings={"top_k": 5.0}),
    ]
    assert len({audio.tobytes() for audio in (first, *others)}) == 1 + len(others)
