"""The worker of a model in the environment of its group, started as a server starts it, for tests that call it one
call after the other.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import threading
import wave
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from engine_environments import FOLDER as ENVIRONMENTS
from engine_environments import environment
from numpy.typing import NDArray

from engines.api import (
    Audio,
    EngineInfo,
    Prompt,
    PromptJob,
    Sample,
    SpeechEvent,
    SpeechJob,
    TranscriptionEvent,
    TranscriptionJob,
)
from engines.api.prompt_file import prompt_id
from engines.catalogue.engines import EngineRecord
from engines.catalogue.models import find_model
from engines.catalogue.records import Adapter
from engines.environments.find import choose_interpreter
from engines.environments.layout import environ_for_other_python
from engines.fleet.worker_process import WorkerProcess
from engines.settings import Options, WorkerSettings
from engines.wire.client import WorkerClient

Result = TypeVar("Result")
PATIENCE = 600.0
"""seconds for imports, loading and whole calls, on a machine that does much else; only for liveness"""
CHUNK_BYTES = 3200
"""of a recording that comes in"""
ROOT = Path(__file__).parents[2]
SYLLABLES = 4.0
"""a second"""
THREADS = {"OMP_NUM_THREADS": "1"}
"""of whatever computes: more would wait for each other longer than such small layers take"""


class ModelWorker:
    """A worker that runs."""

    def __init__(self, process: WorkerProcess, client: WorkerClient, loop: asyncio.AbstractEventLoop) -> None:
        self._process = process
        self._client = client
        self._loop = loop

    @property
    def info(self) -> EngineInfo:
        """What the engine says of itself."""
        return self._process.info

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what some work with the worker returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def prompt(self, *samples: Sample, language: str | None = None) -> Prompt:
        """Return the voice prompt of samples. Raises what the engine raises."""
        speech = self.info.speech
        assert speech
        assert speech.cloning
        job = PromptJob(samples, self.info.models[0], language)
        return self.run(self._client.create_prompt(job, speech.cloning.sample_rate))

    def speak(
        self,
        text: str,
        prompt: Prompt | None,
        until: Callable[[SpeechEvent], bool] | None = None,
        **fields: Any,
    ) -> NDArray[np.int16]:
        """Return the samples of a text, or those that came until one event was enough. Raises what the engine
        raises.
        """
        job = SpeechJob(text, fields.pop("voice", ""), prompt=prompt, **fields)
        return self.run(self._speak(job, until))

    async def _speak(self, job: SpeechJob, until: Callable[[SpeechEvent], bool] | None) -> NDArray[np.int16]:
        pcm = bytearray()
        async with aclosing(self._client.speak(job)) as events:
            async for event in events:
                pcm += event.pcm if isinstance(event, Audio) else b""
                if until and until(event):
                    break
        return np.frombuffer(bytes(pcm), "<i2")

    async def stream(
        self, job: SpeechJob, until: Callable[[SpeechEvent], bool] | None = None
    ) -> NDArray[np.int16]:
        """Return the samples of a job, or those that came until one event was enough: for several at a time."""
        return await self._speak(job, until)

    def transcribe(
        self,
        pcm: bytes,
        job: TranscriptionJob,
        until: Callable[[TranscriptionEvent], bool] | None = None,
    ) -> list[TranscriptionEvent]:
        """Return the events of a recording, or those that came until one was enough. Raises what the engine
        raises.
        """

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(pcm), CHUNK_BYTES):
                yield pcm[start : start + CHUNK_BYTES]

        async def transcribe() -> list[TranscriptionEvent]:
            events: list[TranscriptionEvent] = []
            async with aclosing(self._client.transcribe(job, chunks())) as coming:
                async for event in coming:
                    events.append(event)
                    if until and until(event):
                        break
            return events

        return self.run(transcribe())

    def speak_together(self, jobs: Sequence[SpeechJob], pause: float = 0.0) -> list[NDArray[np.int16]]:
        """Return the samples of jobs that are sent one so many seconds after the other, whether these are done or
        not. Raises what the engine raises.
        """

        async def send(number: int, job: SpeechJob) -> NDArray[np.int16]:
            await asyncio.sleep(number * pause)
            return await self._speak(job, None)

        async def together() -> list[NDArray[np.int16]]:
            return await asyncio.gather(*(send(number, job) for number, job in enumerate(jobs)))

        return self.run(together())

    async def speak_for(self, job: SpeechJob, seconds: float) -> bool:
        """Have a job spoken, leave it after some seconds, and return whether it still went on then."""
        speaking = asyncio.create_task(self._speak(job, None))
        done, _ = await asyncio.wait([speaking], timeout=seconds)
        speaking.cancel()
        await asyncio.wait([speaking])
        return not done


@contextmanager
def model_worker(
    name: str,
    folders: Sequence[Path],
    *,
    cache_folder: Path | None = None,
    warm: bool = False,
    **options: Any,
) -> Iterator[ModelWorker]:
    """Run a worker of a catalogue's model for the block, with its files in these folders, its own first."""
    model = find_model(name)
    record = EngineRecord(
        model.name,
        model.engine.import_path,
        model.kinds,
        model.licence,
        warm=warm,
        python=_interpreter(model.engine),
        group=model.engine.group,
        cache_folder=str(cache_folder or folders[0]),
    )
    others = os.pathsep.join(map(str, folders[1:]))
    chosen: Options = {"path": str(folders[0]), "model": model.name, **model.options, "threads": 1, **options}
    if others:
        chosen["others"] = others
    with running_worker(record, chosen) as worker:
        yield worker


def _interpreter(engine: Adapter) -> str:
    """Return the interpreter that has an engine's packages, as a server chooses it; skip the test where none has."""
    choice = choose_interpreter(engine.group, engine.packages, ENVIRONMENTS)
    return str(environment(engine.group).python) if choice.python is None else choice.python


@contextmanager
def running_worker(record: EngineRecord, options: Options) -> Iterator[ModelWorker]:
    """Run a worker of an engine for the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        with _started(record, options, loop) as worker:
            yield worker
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _started(
    record: EngineRecord, options: Options, loop: asyncio.AbstractEventLoop
) -> Iterator[ModelWorker]:
    async def start() -> tuple[WorkerProcess, WorkerClient]:
        process = await WorkerProcess.start(
            record, WorkerSettings(start_timeout=PATIENCE), lambda *_, **__: None, options=options
        )
        return process, WorkerClient(process.address, stall_timeout=PATIENCE)

    async def stop() -> None:
        await client.close()
        await process.stop(10)

    process, client = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield ModelWorker(process, client, loop)
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()


def run_in_environment(group: str, script: Path, *arguments: str, **environ: str) -> str:
    """Run a script in the environment of a group, which is offline and sees our `engines` and no other package of
    ours; return what it prints.
    """
    variables = {
        **environ_for_other_python(os.environ),
        **THREADS,
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
        **environ,
    }
    done = subprocess.run(
        [str(environment(group).python), str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=variables,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def load_errors(model: str, folders: Sequence[Path]) -> list[str]:
    """Return why a catalogue's model cannot be loaded from each of these folders, in words; empty where it can. One
    process loads them all: its library is imported once.
    """
    record = find_model(model)
    orders = [{"path": str(folder), "model": model, **record.options} for folder in folders]
    script = ROOT / "tests" / "checkpoints" / "load_errors.py"
    told = run_in_environment(record.engine.group, script, record.engine.import_path, json.dumps(orders))
    errors: list[str] = json.loads(told.rstrip().rpartition("\n")[2])
    return errors


def linked(to: Path, folder: Path, *left_out: str) -> Path:
    """Return a new folder that has a checkpoint's files, those of folders in it too, but for some."""
    for file in folder.rglob("*"):
        name = file.relative_to(folder)
        if file.is_file() and str(name) not in left_out:
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).symlink_to(file)
    return to


def hum(hertz: float, rate: int, seconds: float, transcript: str = "") -> Sample:
    """Return a sample of a hum with overtones."""
    times = np.arange(round(seconds * rate)) / rate
    sound = sum(np.sin(2 * np.pi * hertz * overtone * times) / overtone for overtone in range(1, 8))
    return Sample(np.asarray(6000 * sound).astype("<i2").tobytes(), transcript)


def murmur(hertz: float, rate: int, seconds: float) -> bytes:
    """Return s16le PCM of a hum in syllables, which passes for speech where recordings are looked at."""
    sound = np.frombuffer(hum(hertz, rate, seconds).pcm, "<i2")
    times = np.arange(len(sound)) / rate
    loudness = 0.525 + 0.475 * np.cos(2 * np.pi * SYLLABLES * times)
    return np.rint(sound * loudness).astype("<i2").tobytes()


def prompt_of(data: bytes) -> Prompt:
    """Return bytes as a voice prompt, by the id that they have."""
    return Prompt(prompt_id(data), data)


def wav_file(pcm: bytes, rate: int) -> bytes:
    """Return s16le mono PCM as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(pcm)
    return buffer.getvalue()


def publish_in_cache(cache: Path, repo: str, folder: Path) -> None:
    """Put a folder into a cache as the hub's client lays it out, under the name of a repository."""
    commit = "0" * 40
    root = cache / f"models--{repo.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(commit)
    (root / "snapshots").mkdir()
    (root / "snapshots" / commit).symlink_to(folder)
