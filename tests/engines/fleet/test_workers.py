"""Tests of workers in processes of their own: started, watched, killed and replaced, with real processes and
real sockets.
"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import tempfile
from array import array
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from engines.api import (
    Audio,
    Finished,
    Progress,
    SpeechEvent,
    SpeechJob,
    TranscriptionJob,
    TranscriptSegment,
    Word,
)
from engines.catalogue.engines import EngineRecord, find_engine
from engines.errors import BadInput, EngineFailed, EngineHung, EngineUnavailable, Overloaded
from engines.fakes.tone import pitch
from engines.fleet.pool import Pool
from engines.fleet.runtime import Engines, UnknownEngine
from engines.fleet.worker_group import WorkerGroup
from engines.fleet.worker_process import StartFailed, WorkerProcess
from engines.settings import EngineSettings, WorkerSettings
from engines.wire.client import WorkerLost

QUICK = WorkerSettings(restart_delay=0.05, stall_timeout=2.0, start_timeout=30.0, queue=8)
TONE = find_engine("tone")


class Log:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def __call__(self, event: str, **fields: Any) -> None:
        """Keep a line."""
        self.lines.append({"event": event, **fields})


@asynccontextmanager
async def running_pool(
    workers: int = 1, settings: WorkerSettings = QUICK, record: EngineRecord = TONE
) -> AsyncIterator[Pool]:
    group = WorkerGroup(record, EngineSettings(workers=workers), settings, Log())
    pool = Pool(record.name, group, workers)
    async with group.running():
        await until(lambda: all(worker.state == "ready" for worker in pool.status().workers))
        yield pool


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


async def speak(pool: Pool, text: str, voice: str = "tone-1") -> bytes:
    return await join_audio(pool.speak(SpeechJob(text, voice)))


async def join_audio(spoken: AsyncGenerator[SpeechEvent, None]) -> bytes:
    """Return the audio of all events, joined."""
    async with aclosing(spoken) as events:
        return b"".join([event.pcm async for event in events if isinstance(event, Audio)])


def pid_of(pool: Pool, number: int = 0) -> int:
    """Return the process id of a worker, which must have one: a signal to process 0 would reach the tests."""
    pid = pool.status().workers[number].pid
    assert pid
    return pid


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)


def worker_folders() -> list[Path]:
    """Return the temporary folders of this process's workers."""
    return list(Path(tempfile.gettempdir()).glob(f"voicebox-{os.getpid()}-*"))


def frequency(pcm: bytes) -> float:
    """Return the frequency of a tone in Hz, by counting zero crossings."""
    samples = array("h", pcm)[240:2160]
    return (
        sum(1 for one, other in pairwise(samples) if (one < 0) != (other < 0)) / 2 / (len(samples) / 24_000)
    )


def test_speech_has_words() -> None:
    """A job yields PCM of its voice, and words with their offsets, and when each begins and ends."""

    async def test() -> None:
        async with running_pool() as pool:
            events = [event async for event in pool.speak(SpeechJob("one two", "tone-3"))]
            words = [event for event in events if isinstance(event, Word)]
            assert [(word.start, word.end) for word in words] == [(0, 3), (4, 7)]
            assert [word.until for word in words] == [pytest.approx(word.time + 0.1) for word in words]
            assert abs(frequency(await speak(pool, "one", "tone-3")) - pitch("tone-3", "one")) < 12
            assert pool.info is not None
            assert pool.info.name == "tone"

    run(test)


def test_a_stray_print_breaks_nothing() -> None:
    """What an engine prints goes to the log, and disturbs neither the start nor the audio."""

    async def test() -> None:
        async with running_pool() as pool:
            assert await speak(pool, "[print] one") == await speak(pool, "one")

    run(test)


def test_errors_keep_their_kind() -> None:
    """An exception of the engine arrives as the same class, before and after the first audio."""

    async def test() -> None:
        async with running_pool() as pool:
            with pytest.raises(EngineFailed, match="Told to fail"):
                await speak(pool, "[fail] one")
            with pytest.raises(EngineFailed, match="in the middle"):
                await speak(pool, "[fail-after 0.1] one two three")
            assert await speak(pool, "one")

    run(test)


@pytest.mark.parametrize("loopback", [False, True])
def test_start_and_stop_leave_no_files(loopback: bool) -> None:
    """A worker on a Unix socket, or on a loopback port with a secret, starts, answers, and leaves no process
    and no file.
    """

    async def test() -> None:
        process = await WorkerProcess.start(TONE, QUICK, Log(), loopback=loopback)
        assert len(worker_folders()) == 1
        if loopback:
            async with (
                aiohttp.ClientSession() as stranger,
                stranger.get(f"{process.address.url}/tts/health") as answer,
            ):
                assert answer.status == 401
        await process.stop(5)
        assert not process.running
        assert not worker_folders()

    run(test)


@pytest.mark.parametrize(
    ("adapter", "permanent", "reason"),
    [
        ("engines.nowhere:Nothing", True, "No module named"),
        ("engines.fakes.tone:Missing", True, "Missing"),
        ("os:_exit", True, "TypeError"),
    ],
)
def test_permanent_start_failures(adapter: str, permanent: bool, reason: str) -> None:
    """A missing library or class is reported with its reason, and as permanent; nothing is left behind."""

    async def test() -> None:
        with pytest.raises(StartFailed, match=reason) as caught:
            await WorkerProcess.start(EngineRecord("broken", adapter, ("speech",), "MIT"), QUICK, Log())
        assert caught.value.permanent == permanent
        assert not worker_folders()

    run(test)


def test_a_failed_engine_is_not_started_again() -> None:
    """An engine that can never start is unavailable at once, with the reason, and is not started again."""

    async def test() -> None:
        record = EngineRecord("broken", "engines.nowhere:Nothing", ("speech",), "MIT")
        group = WorkerGroup(record, EngineSettings(), QUICK, Log())
        pool = Pool("broken", group, 1)
        async with group.running():
            assert not await asyncio.wait_for(group.wait_ready(), 30)
            with pytest.raises(EngineUnavailable, match="No module named"):
                await speak(pool, "one")
            assert pool.status().workers[0].restarts == 0

    run(test)


def test_a_start_that_takes_too_long() -> None:
    """A worker that is not ready in time is killed."""

    async def test() -> None:
        with pytest.raises(StartFailed, match=r"no sign of life for 0\.001 s while it was starting"):
            await WorkerProcess.start(TONE, WorkerSettings(start_timeout=0.001), Log())

    run(test)


def test_a_worker_killed_during_a_job() -> None:
    """kill -9 fails the running job only; the next one works."""

    async def test() -> None:
        async with running_pool() as pool:
            with pytest.raises(WorkerLost):
                async with aclosing(
                    pool.speak(SpeechJob("[slow 0.05] " + "word " * 100, "tone-1"))
                ) as events:
                    async for event in events:
                        if isinstance(event, Audio):
                            os.kill(pid_of(pool), signal.SIGKILL)
            assert await speak(pool, "one")
            assert pool.status().workers[0].restarts == 1

    run(test)


def test_a_job_is_retried_before_its_first_audio() -> None:
    """A job whose worker dies before the first audio is tried again, also where the other worker has died
    too.
    """

    async def test() -> None:
        async with running_pool(workers=2) as pool:
            job = asyncio.create_task(speak(pool, "[wait 1] one"))
            await until(lambda: pool.status().running == 1)
            os.kill(pid_of(pool), signal.SIGKILL)
            os.kill(pid_of(pool, 1), signal.SIGKILL)
            assert await job == await speak(pool, "one")
            assert pool.status().retried >= 1

    run(test)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_workers_ignore_what_stops_the_group(number: signal.Signals) -> None:
    """A terminal's SIGINT, or a SIGTERM to the group, does not end a worker's running job: the gateway lets it
    finish.
    """

    async def test() -> None:
        async with running_pool() as pool:
            job = asyncio.create_task(speak(pool, "[slow 0.2] one two three"))
            await until(lambda: pool.status().running == 1)
            os.kill(pid_of(pool), number)
            assert await job == await speak(pool, "one two three")
            assert pool.status().workers[0].restarts == 0

    run(test)


@pytest.mark.parametrize("ticks", [0, 1, 2, 3])
def test_shutdown_while_a_dead_worker_is_replaced(ticks: int) -> None:
    """A shutdown at the moment of a worker's death ends, starts no other worker, and leaves no folder."""

    async def test() -> None:
        async with asyncio.timeout(20), running_pool() as pool:
            os.kill(pid_of(pool), signal.SIGKILL)
            await until(lambda: pool.status().workers[0].state == "starting")
            for _ in range(ticks):
                await asyncio.sleep(0)
        assert not worker_folders()

    run(test)


def test_a_failed_start_is_retried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no temporary folder can be created for a while, the worker comes back once one can."""

    async def test() -> None:
        async with running_pool() as pool:
            monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
            os.kill(pid_of(pool), signal.SIGKILL)
            await until(lambda: "no folder for it could be made" in pool.status().workers[0].reason)
            monkeypatch.setattr(tempfile, "tempdir", None)
            assert await speak(pool, "one")

    run(test)


def test_queued_jobs_fail_when_their_worker_cannot_restart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Jobs that are queued behind a worker that died and cannot be started again fail with the reason after
    the start timeout.
    """

    async def test() -> None:
        settings = msgspec.structs.replace(QUICK, start_timeout=1.0)
        async with running_pool(settings=settings) as pool:
            jobs = [asyncio.create_task(speak(pool, "[wait 30] one")) for _ in range(3)]
            await until(lambda: pool.status().queued == 2)
            monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
            os.kill(pid_of(pool), signal.SIGKILL)
            results = await asyncio.gather(*jobs, return_exceptions=True)
            assert [type(result) for result in results] == [EngineUnavailable] * 3
            monkeypatch.setattr(tempfile, "tempdir", None)

    run(test)


def test_an_error_of_the_recording_costs_no_worker() -> None:
    """An exception from the audio that is sent to a worker is raised unchanged, and costs no worker."""

    async def test() -> None:
        async def audio() -> AsyncIterator[bytes]:
            yield bytes(3200)
            raise RuntimeError("the recording broke")

        async with running_pool() as pool:
            with pytest.raises(RuntimeError, match="the recording broke"):
                _ = [event async for event in pool.transcribe(TranscriptionJob(), audio())]
            assert pool.status().workers[0].restarts == 0
            assert await speak(pool, "one")

    run(test)


def test_half_an_hour_of_audio_in_one_event() -> None:
    """An engine may emit half an hour of audio, more than a frame holds, in one event."""

    async def test() -> None:
        async with running_pool() as pool:
            assert len(await speak(pool, "[silence 1450]")) == 1450 * 48_000
            assert pool.status().workers[0].restarts == 0

    run(test)


def test_an_engine_that_crashes_its_worker() -> None:
    """A job that crashes its worker twice fails with WorkerLost, and the next job is served."""

    async def test() -> None:
        async with running_pool() as pool:
            with pytest.raises(WorkerLost):
                await speak(pool, "[crash]")
            assert await speak(pool, "one")

    run(test)


def test_closing_a_job_frees_its_slot() -> None:
    """Closing a job stops it in the worker, which begins the next at once."""

    async def test() -> None:
        async with running_pool() as pool:
            async with aclosing(pool.speak(SpeechJob("[slow 0.02] " + "word " * 1000, "tone-1"))) as events:
                await anext(events)
            assert pool.status().running == 0
            async with asyncio.timeout(30):
                assert await speak(pool, "one")
            assert pool.status().cancelled == 1
            assert pool.status().workers[0].restarts == 0

    run(test)


def test_a_hanging_engine_is_replaced() -> None:
    """An engine that emits nothing for too long is killed with its worker, and started again."""

    async def test() -> None:
        async with running_pool() as pool:
            with pytest.raises(EngineHung, match="no sign of life for 2 s"):
                await speak(pool, "[hang]")
            assert await speak(pool, "one")

    run(test)


def test_a_frozen_worker_is_replaced() -> None:
    """A worker that is stopped by SIGSTOP fails its health check, is killed, and its job is tried again."""

    async def test() -> None:
        settings = msgspec.structs.replace(QUICK, health_interval=0.2, health_timeout=3.0, stall_timeout=50.0)
        async with running_pool(settings=settings) as pool:
            pid = pid_of(pool)
            os.kill(pid, signal.SIGSTOP)
            assert await speak(pool, "one")
            assert pool.status().workers[0].pid != pid

    run(test)


def test_simultaneous_jobs_are_not_mixed_up() -> None:
    """Each of fifty simultaneous jobs gets the audio of its own voice and words, to the sample."""

    async def test() -> None:
        async with running_pool(workers=2, settings=msgspec.structs.replace(QUICK, queue=100)) as pool:
            jobs = [(f"word{number} and more", f"tone-{number % 32}") for number in range(50)]
            alone = [await speak(pool, *job) for job in jobs]
            assert await asyncio.gather(*(speak(pool, *job) for job in jobs)) == alone
            assert len(set(alone)) == 50

    run(test)


def test_the_queue_is_bounded() -> None:
    """A job beyond the queue's limit is refused at once, with a time to come back; those that wait are
    served.
    """

    async def test() -> None:
        async with running_pool() as pool:
            async with pool.open() as stream:
                assert await join_audio(stream.speak(SpeechJob("one", "tone-1")))
                waiting = [asyncio.create_task(speak(pool, "[wait 0.3] one")) for _ in range(1 + QUICK.queue)]
                await until(lambda: pool.status().queued == QUICK.queue)
                with pytest.raises(Overloaded) as caught:
                    await speak(pool, "one")
                assert caught.value.retry_after > 0
                assert await join_audio(
                    stream.speak(SpeechJob("two", "tone-1"))
                )  # a stream that was admitted is not refused
            assert all(await asyncio.gather(*waiting))
            assert (pool.status().queued, pool.status().running) == (0, 0)

    run(test)


def test_a_job_cancelled_in_the_queue_gets_no_slot() -> None:
    """A job that is cancelled while it is queued gets no slot later."""

    async def test() -> None:
        async with running_pool() as pool:
            first = asyncio.create_task(speak(pool, "[wait 0.3] one"))
            await until(lambda: pool.status().running == 1)
            second = asyncio.create_task(speak(pool, "two"))
            await until(lambda: pool.status().queued == 1)
            second.cancel()
            await until(lambda: pool.status().queued == 0)
            assert await first
            assert await speak(pool, "three")

    run(test)


def test_transcription() -> None:
    """A recording is sent in chunks and events come back; the length is the recording's."""

    async def test() -> None:
        async def audio() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield array("h", [3000] * 1600).tobytes()

        async with running_pool() as pool:
            events = [event async for event in pool.transcribe(TranscriptionJob(), audio())]
            assert events[0] == Progress(0.0)
            assert isinstance(events[1], TranscriptSegment)
            assert events[1].text == "sound of 20 tenths"
            assert events[-1] == Finished(2.0, "en")

    run(test)


def test_the_json_form() -> None:
    """The provider API's plain form answers base64 of float32, and its other calls answer."""

    async def test() -> None:
        process = await WorkerProcess.start(TONE, QUICK, Log())
        connector = aiohttp.UnixConnector(process.address.socket or "")
        async with aiohttp.ClientSession("http://worker", connector=connector) as session:
            body = {"text": "one", "voice_prompt": {"preset": "tone-2"}}
            async with session.post("/tts/generate", json=body) as answer:
                generated = await answer.json()
                samples = array("f", base64.b64decode(generated["audio"]))
                assert generated["sample_rate"] == 24_000
                assert abs(generated["duration"] - 0.12) < 0.001
                assert len(samples) == 2880
            async with session.get("/tts/health") as answer:
                health = await answer.json()
                assert (health["status"], health["provider"], health["version"][0]) == ("ok", "tone", "1")
            async with session.get("/tts/status") as answer:
                assert (await answer.json())["available_sizes"] == ["tone"]
            for path, sent, status in [
                ("/tts/create_voice_prompt", {}, 400), ("/models/load", {"model": "x"}, 400), ("/models/load", {}, 200),
                ("/nowhere", {}, 404), ("/tts/generate", {"text": 3}, 400),
            ]:  # fmt: skip
                async with session.post(path, json=sent) as answer:
                    assert answer.status == status, path
        await process.stop(5)

    run(test)


def test_unknown_engine_in_the_settings() -> None:
    """An unknown engine name in the settings is an error that lists the right ones."""
    with pytest.raises(UnknownEngine, match=r"espek.*espeak"):
        Engines({"espek": EngineSettings()}, QUICK, log=Log())


def test_bad_input_does_not_crash_the_worker() -> None:
    """A recording that is no WAV is the caller's error, and the worker goes on."""

    async def test() -> None:
        process = await WorkerProcess.start(TONE, QUICK, Log())
        connector = aiohttp.UnixConnector(process.address.socket or "")
        async with aiohttp.ClientSession("http://worker", connector=connector) as session:
            form = aiohttp.FormData()
            form.add_field("audio", b"no wav at all" * 1000, filename="a.wav")
            async with session.post("/stt/transcribe", data=form) as answer:
                assert (await answer.json())["error"]["kind"] == BadInput.__name__
        assert process.running
        await process.stop(5)

    run(test)
