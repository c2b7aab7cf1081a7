"""Tests of voice prompts between gateway and worker: the provider API, each prompt sent once, and what is
refused.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from safetensors.numpy import load
from tones import tone, word_frequencies

from engines.api import Audio, Prompt, PromptJob, Sample, SpeechJob
from engines.catalogue.engines import find_engine
from engines.errors import BadAudio, BadInput, EngineFailed, MissingPrompt
from engines.fleet.pool import Pool
from engines.fleet.worker_group import WorkerGroup
from engines.fleet.worker_process import WorkerProcess
from engines.settings import EngineSettings, WorkerSettings
from engines.wire import bodies
from engines.wire.address import WorkerAddress
from engines.wire.bodies import VoicePromptField
from engines.wire.client import WorkerClient, WorkerLost
from engines.worker.prompt_cache import PromptCache

RATE = 24_000
SETTINGS = WorkerSettings(restart_delay=0.02, start_timeout=30.0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def silent(_event: str, **_fields: object) -> None:
    """Log nothing."""


async def spoken(client: WorkerClient, job: SpeechJob) -> list[float]:
    """Return the frequencies of the words that a worker speaks."""
    async with aclosing(client.speak(job)) as events:
        return word_frequencies(b"".join([event.pcm async for event in events if isinstance(event, Audio)]))


class BareWorker:
    """A worker of `mimic`, used through the gateway's client and through the bare API."""

    def __init__(self, client: WorkerClient, session: aiohttp.ClientSession) -> None:
        self.client = client
        self._session = session

    async def generate(self, **fields: Any) -> tuple[int, Any]:
        """Request speech by the bare API; return the status and the JSON."""
        async with self._session.post("/tts/generate", json={"text": "every", **fields}) as answer:
            return answer.status, await answer.json()

    async def create(self, *parts: tuple[str, bytes]) -> tuple[int, Any]:
        """Request a voice prompt by the bare API; return the status and the JSON."""
        form = aiohttp.FormData(default_to_multipart=True)
        for name, value in parts:
            form.add_field(name, io.BytesIO(value), filename="a.wav" if name == "audio" else None)
        async with self._session.post("/tts/create_voice_prompt", data=form) as answer:
            return answer.status, await answer.json()

    async def post(self, body: bytes, content_type: str) -> tuple[int, Any]:
        """Send any bytes to the route that creates voice prompts; return the status and the JSON."""
        async with self._session.post(
            "/tts/create_voice_prompt", data=body, headers={"content-type": content_type}
        ) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def mimic_worker() -> AsyncIterator[BareWorker]:
    """Run a worker."""
    process = await WorkerProcess.start(find_engine("mimic"), SETTINGS, silent, loopback=False)
    client = WorkerClient(process.address, stall_timeout=30)
    connector = aiohttp.UnixConnector(str(process.address.socket))
    try:
        async with aiohttp.ClientSession("http://worker", connector=connector) as session:
            yield BareWorker(client, session)
    finally:
        await client.close()
        await process.stop(5)


def wav(pcm: bytes, rate: int = RATE, channels: int = 1, width: int = 2) -> bytes:
    """Return a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(pcm)
    return file.getvalue()


def test_the_provider_api() -> None:
    """A prompt is created from WAV parts with their transcripts, returned in base64 with its SHA-256, and
    used for JSON and frames.
    """

    async def test() -> None:
        async with mimic_worker() as worker:
            parts = [
                ("audio", wav(tone(700))),
                ("reference_text", b"one"),
                ("model", b"mimic"),
                ("audio", wav(tone(900))),
            ]
            status, answer = await worker.create(*parts)
            prompt = answer["voice_prompt"]
            data = base64.b64decode(prompt["safetensors"])
            assert status == 200
            assert prompt["id"] == hashlib.sha256(data).hexdigest()
            assert load(data)["centroid"][0] == pytest.approx(800, rel=0.02)
            for voice_prompt in (prompt, {"safetensors": prompt["safetensors"]}, {"id": prompt["id"]}):
                status, speech = await worker.generate(voice_prompt=voice_prompt)
                assert (status, speech["sample_rate"], speech["duration"]) == (200, RATE, pytest.approx(0.12))

    run(test)


def test_a_prompt_is_sent_once() -> None:
    """The gateway sends a prompt whole the first time, and only its id afterwards, to each worker; not even
    once to the one that made it.
    """

    async def test() -> None:
        async with mimic_worker() as first, mimic_worker() as other:
            prompt = await first.client.create_prompt(PromptJob((Sample(tone(700)),), "mimic"), RATE)
            named = SpeechJob("every", "", prompt=Prompt(prompt.id))  # sent whole, it would have the wrong id
            assert await spoken(first.client, named) == pytest.approx([700], rel=0.01)  # which made it
            with pytest.raises(BadInput, match="SHA-256"):
                await spoken(other.client, named)
            whole = SpeechJob("every", "", prompt=prompt)
            assert await spoken(other.client, whole) == pytest.approx([700], rel=0.01)
            assert await spoken(other.client, named) == pytest.approx([700], rel=0.01)

    run(test)


def start(socket: Path) -> subprocess.Popen[bytes]:
    """Start a worker at a socket of one's own choice."""
    command = [sys.executable, "-m", "engines.worker", "--engine", "mimic", "--socket", str(socket)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert b"ready" in process.stdout.readline()
    return process


def test_a_dropped_prompt_is_sent_again(tmp_path: Path) -> None:
    """A prompt that the worker no longer has is sent whole at once, and the caller gets the audio."""
    socket = tmp_path / "worker.sock"

    async def test() -> None:
        client = WorkerClient(WorkerAddress("http://worker", str(socket)), stall_timeout=30)
        try:
            with start(socket) as process:
                job = SpeechJob(
                    "every",
                    "",
                    prompt=await client.create_prompt(PromptJob((Sample(tone(700)),), "mimic"), RATE),
                )
                assert await spoken(client, job) == pytest.approx([700], rel=0.01)
                process.kill()
            socket.unlink()
            with start(socket) as process:
                with suppress(WorkerLost):  # by the connection to the first one, which is not used since
                    await spoken(client, SpeechJob("every", "low"))
                assert await spoken(client, job) == pytest.approx([700], rel=0.01)
                process.kill()
        finally:
            await client.close()

    run(test)


def test_a_prompt_is_sent_to_a_worker_that_was_replaced() -> None:
    """After kill -9 the new worker has no prompts, and gets them with the next job."""

    async def test() -> None:
        group = WorkerGroup(find_engine("mimic"), EngineSettings(workers=1), SETTINGS, silent)
        pool = Pool("mimic", group, 1)
        async with group.running():
            assert await group.wait_ready()
            async with pool.open() as stream:
                prompt = await stream.create_prompt(PromptJob((Sample(tone(700)),), "mimic"), RATE)
            for _ in range(3):
                pcm = [
                    event.pcm
                    async for event in pool.speak(SpeechJob("every", "", prompt=prompt))
                    if isinstance(event, Audio)
                ]
                assert word_frequencies(b"".join(pcm)) == pytest.approx([700], rel=0.01)
                pid = pool.status().workers[0].pid
                assert pid
                os.kill(pid, signal.SIGKILL)

    run(test)


def test_jobs_that_are_refused() -> None:
    """A prompt that is unknown, has another id, is no base64, or is invalid is refused with the reason, and
    the worker goes on.
    """

    async def test() -> None:
        async with mimic_worker() as worker:
            prompt = await worker.client.create_prompt(PromptJob((Sample(tone(700)),), "mimic"), RATE)
            data = base64.b64encode(prompt.data).decode()
            wrong: list[tuple[Any, str, str]] = [
                ({"id": "0" * 64}, "MissingPrompt", "does not hold"),
                ({"id": "0" * 64, "safetensors": data}, "BadInput", "SHA-256"),
                ({"safetensors": data[:-3]}, "BadInput", "base64"),
                ({"safetensors": "*" * 8}, "BadInput", "base64"),
                ({"safetensors": "é" * 8}, "BadInput", "base64"),
                ({"safetensors": 5}, "BadInput", "base64"),
                ({"safetensors": base64.b64encode(b"nothing").decode()}, "BadInput", "not one of mine"),
                ({"id": ["x"]}, "BadInput", "id"),
            ]
            for voice_prompt, kind, message in wrong:
                status, answer = await worker.generate(voice_prompt=voice_prompt)
                assert answer["error"]["kind"] == kind, voice_prompt
                assert message in answer["error"]["message"]
                assert status == (500 if kind == "MissingPrompt" else 400)
            assert (await worker.generate(voice_prompt={"id": prompt.id}))[0] == 200

    run(test)


def test_recordings_that_are_refused() -> None:
    """A recording that is no WAV of the engine's own rate, mono and 16 bits, or no form at all, is refused
    with the reason.
    """

    async def test() -> None:
        async with mimic_worker() as worker:
            wrong: list[tuple[list[tuple[str, bytes]], str, str]] = [
                ([], "BadInput", "missing"),
                ([("reference_text", b"one")], "BadInput", "missing"),
                ([("audio", b"")], "BadAudio", "WAV"),
                ([("audio", b"nothing of the kind")], "BadAudio", "WAV"),
                ([("audio", wav(tone(700))[:30])], "BadAudio", "WAV"),
                ([("audio", wav(tone(700), rate=16_000))], "BadAudio", "24000 Hz"),
                ([("audio", wav(tone(700), channels=2))], "BadAudio", "mono"),
                ([("audio", wav(tone(700), width=4))], "BadAudio", "16-bit"),
                ([("audio", wav(tone(700))), ("audio", b"x")], "BadAudio", "WAV"),
                ([("audio", wav(bytes(48_000)))], "BadAudio", "silent"),
            ]
            for parts, kind, message in wrong:
                status, answer = await worker.create(*(parts or [("nothing", b"")]))
                assert (status, answer["error"]["kind"]) == (400, kind), parts
                assert message in answer["error"]["message"]
            for body, content_type in (
                (b"{}", "application/json"),
                (b"", "multipart/form-data"),
                (b"--x", "multipart/form-data; boundary=x"),
            ):
                status, answer = await worker.post(body, content_type)
                assert (status, answer["error"]["kind"]) == (400, "BadInput")

    run(test)


def test_refusals_keep_their_kind() -> None:
    """An exception of the engine for a recording reaches the gateway as the same class."""

    async def test() -> None:
        async with mimic_worker() as worker:
            with pytest.raises(BadAudio, match="silent"):
                await worker.client.create_prompt(PromptJob((Sample(bytes(48_000)),), "mimic"), RATE)
            with pytest.raises(BadAudio, match="24000 Hz"):
                await worker.client.create_prompt(PromptJob((Sample(tone(700)),), "mimic"), 16_000)

    run(test)


def test_engines_that_do_not_clone() -> None:
    """An engine that does not clone refuses to create prompts."""

    async def test() -> None:
        process = await WorkerProcess.start(find_engine("tone"), SETTINGS, silent)
        client = WorkerClient(process.address, stall_timeout=30)
        with pytest.raises(BadInput, match="does not clone"):
            await client.create_prompt(PromptJob((Sample(tone(700)),), "tone"), RATE)
        await client.close()
        await process.stop(5)

    run(test)


def test_the_cache_has_a_limit() -> None:
    """Beyond the limit the least recently used prompts are dropped; the newest always stays."""
    cache = PromptCache(lambda data: data, limit=250)
    one = cache.add(b"1" * 100)
    other = cache.add(b"2" * 100)
    assert cache.resolve(VoicePromptField(id=one.id)) == one
    newest = cache.add(b"3" * 100)
    assert cache.resolve(VoicePromptField(id=one.id)) == one
    assert cache.resolve(VoicePromptField(id=newest.id)) == newest
    with pytest.raises(MissingPrompt):
        cache.resolve(VoicePromptField(id=other.id))
    large = cache.add(b"4" * 1000)
    assert cache.resolve(VoicePromptField(id=large.id)) == large
    with pytest.raises(MissingPrompt):
        cache.resolve(VoicePromptField(id=newest.id))
    assert cache.resolve(VoicePromptField()) is None


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[]",
        "{}",
        '{"voice_prompt": {}}',
        '{"voice_prompt": {"safetensors": "*"}}',
        '{"voice_prompt": {"safetensors": "é"}}',
    ],
)
def test_invalid_answers_of_a_worker(answer: str) -> None:
    """Any other answer of a worker is a failure."""
    with pytest.raises(EngineFailed, match="no voice prompt"):
        bodies.decode_prompt(answer.encode())
