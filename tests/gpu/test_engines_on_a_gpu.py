"""Tests of the real adapters on a real GPU, with small checkpoints of random weights, each in a worker process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from one_worker import started

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")

import tiny_transformers as tiny
from tiny_whisper import make_whisper, sound

from engines.api import Audio, EngineInfo, Finished, SpeechJob, TranscriptionJob, TranscriptSegment
from engines.catalogue.engines import EngineRecord, Kind
from engines.settings import Options
from engines.wire.client import WorkerClient

TEXT = "Hello there."
SEED = 5
FULL_SCALE = 32768
SIMILAR = 0.02
"""of full scale: how far the samples of one seed may be from each other, in the mean"""
SECONDS = 600.0


class Adapter(NamedTuple):
    """An adapter, and what makes a small checkpoint of it."""

    import_path: str
    make: Callable[[], Path]
    library: str = "transformers"
    kind: Kind = "speech"


def _transformers(models: dict[str, Callable[[Path], Path]], family: str) -> Callable[[], Path]:
    return cache(lambda: models[family](Path(mkdtemp()) / family))


@cache
def _whisper() -> Path:
    folder = Path(mkdtemp())
    make_whisper(folder)
    return folder


def _kokoro() -> Path:
    from tiny_kokoro import folder

    return folder()


def _pocket() -> Path:
    from tiny_pocket import folder

    return folder()


def _voxcpm() -> Path:
    from tiny_voxcpm import folder

    return folder()


TRANSFORMERS = "engines.adapters.transformers_models"
SPEAKING = {
    **{
        family: Adapter(
            f"{TRANSFORMERS}.speech_engine:TransformersSpeech", _transformers(tiny.SPEECH_MODELS, family)
        )
        for family in tiny.SPEECH_MODELS
    },
    "kokoro": Adapter("engines.adapters.kokoro.engine:Kokoro", _kokoro, "kokoro"),
    "pocket": Adapter("engines.adapters.pocket.engine:Pocket", _pocket, "pocket_tts"),
    "voxcpm": Adapter("engines.adapters.voxcpm.engine:VoxCPM", _voxcpm, "voxcpm"),
}
TRANSCRIBING = {
    **{
        kind: Adapter(
            f"{TRANSFORMERS}.transcription_engine:TransformersTranscription",
            _transformers(tiny.TRANSCRIPTION_MODELS, kind),
            kind="transcription",
        )
        for kind in tiny.TRANSCRIPTION_MODELS
    },
    "whisper": Adapter("engines.adapters.whisper.engine:Whisper", _whisper, kind="transcription"),
}


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), SECONDS))


def record(name: str, adapter: Adapter) -> EngineRecord:
    """Return the record of an adapter's engine, which does a first job before it is ready."""
    if find_spec(adapter.library) is None:
        pytest.skip(f"{adapter.library} is not installed")
    return EngineRecord(name, adapter.import_path, (adapter.kind,), "MIT", warm=True)


def options(adapter: Adapter, device: str, **more: str) -> Options:
    return {"path": str(adapter.make()), "device": device, **more}


async def speak(client: WorkerClient, info: EngineInfo) -> NDArray[np.float64]:
    """Return the samples of a text in the first voice, between -1 and 1."""
    job = SpeechJob(TEXT, info.voices[0].id, seed=SEED)
    async with aclosing(client.speak(job)) as events:
        pcm = b"".join([event.pcm async for event in events if isinstance(event, Audio)])
    return np.frombuffer(pcm, "<i2") / FULL_SCALE


async def recording() -> AsyncIterator[bytes]:
    """Yield a recording in two pieces."""
    yield sound("hello", 2)
    yield sound("count", 1)


async def transcribe(client: WorkerClient) -> str:
    """Return the transcript of the recording."""
    texts = []
    ended = False
    async with aclosing(client.transcribe(TranscriptionJob(), recording())) as events:
        async for event in events:
            ended = isinstance(event, Finished)
            if isinstance(event, TranscriptSegment):
                texts.append(event.text)
    assert ended
    return "".join(texts)


@pytest.mark.parametrize("name", SPEAKING)
def test_speech(name: str, gpu: str) -> None:
    """An adapter that is left to choose computes on the GPU, says what a seed is worth there and keeps to it, and tells
    what torch took of the GPU's memory.
    """
    adapter = SPEAKING[name]

    async def test() -> None:
        async with started(record(name, adapter), options(adapter, "auto")) as (process, client):
            if process.info.device == "cpu":
                pytest.skip(f"{name} does not run on {gpu}")
            assert process.info.device == gpu
            assert process.info.seed_worth == "similar"
            first, second = [await speak(client, process.info) for _ in range(2)]
            assert len(first) == len(second) > 100
            assert np.abs(first).max() > 0
            assert np.abs(first - second).mean() <= SIMILAR
            use = await client.memory(30)
            assert use is not None
            assert use.peak > 0
            if gpu != "mps":
                assert 0 < use.gpu_peak_used <= use.gpu_peak
                assert use.gpu <= use.gpu_peak

    run(test)


def test_numbers_are_those_of_a_processor(cuda: str) -> None:
    """In float32 a GPU computes what a processor does but for a little: no TF32, and the same noise."""
    adapter = SPEAKING["vits"]

    async def samples(device: str) -> NDArray[np.float64]:
        made = options(adapter, device, dtype="float32")
        async with started(record("vits", adapter), made) as (process, client):
            assert process.info.device == device
            return await speak(client, process.info)

    async def test() -> None:
        there, here = await samples(cuda), await samples("cpu")
        assert len(there) == len(here)
        assert np.abs(there - here).mean() <= SIMILAR

    run(test)


@pytest.mark.parametrize("name", TRANSCRIBING)
def test_transcription(name: str, gpu: str) -> None:
    """An adapter that is left to choose transcribes on the GPU."""
    adapter = TRANSCRIBING[name]

    async def test() -> None:
        async with started(record(name, adapter), options(adapter, "auto")) as (process, client):
            if process.info.device == "cpu":
                pytest.skip(f"{name} does not run on {gpu}")
            assert process.info.device == gpu
            await transcribe(client)

    run(test)


def test_transcripts_are_those_of_a_processor(gpu: str) -> None:
    """A trained network hears the same on a GPU, in its half precision, and on a processor."""
    adapter = TRANSCRIBING["whisper"]

    async def transcript(device: str) -> str:
        async with started(record("whisper", adapter), options(adapter, device)) as (_, client):
            return await transcribe(client)

    async def test() -> None:
        assert await transcript(gpu) == await transcript("cpu") != ""

    run(test)
