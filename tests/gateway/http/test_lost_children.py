"""Tests of what clients see when a child process is killed or frozen: an answer that has not begun is made again
by another one, and is the same.
"""

from __future__ import annotations

import os
import signal
import time
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from recordings import coded, piece
from servers import Server, running, wait_until

CONFIG = {
    "engines": {"tone": {"enabled": True, "workers": 2}, "espeak": {"enabled": False}},
    "speech": {"coders": 2},
}


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with two encoder processes, two workers of the test engine, and PocketSphinx."""
    with running(tmp_path_factory.mktemp("fragile"), CONFIG) as server:
        wait_until(lambda: len(named(server, "streaming.encode.process")) == 2, "both encoders run")
        yield server


def named(server: Server, part: str) -> list[int]:
    """Return the server's child processes whose command line contains `part`."""
    return [pid for pid in server.worker_pids() if part.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]


def speak(server: Server, text: str, format: str = "mp3", voice: str = "tone-1") -> httpx.Response:
    body = {"model": "tone", "voice": voice, "input": text, "response_format": format}
    return httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=60)


def transcribe(server: Server, recording: bytes) -> httpx.Response:
    return httpx.post(
        f"{server.base_url}/audio/transcriptions",
        files={"file": ("a.wav", recording)},
        data={"model": "pocketsphinx"},
        timeout=120,
    )


def engine(server: Server, name: str) -> dict[str, Any]:
    state: dict[str, Any] = httpx.get(f"{server.url}/health").json()["engines"][name]
    return state


def test_an_encoder_lost_before_the_first_byte_is_made_up_for(fragile: Server) -> None:
    """Speech whose encoder process is killed before its first byte is answered whole, by another one."""
    alone = speak(fragile, "[wait 1.5] one two three").content
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(speak, fragile, "[wait 1.5] one two three") for _ in range(4)]
        wait_until(lambda: engine(fragile, "tone")["streams"] == 4, "all are in")
        for pid in named(fragile, "streaming.encode.process"):
            os.kill(pid, signal.SIGKILL)
        answers = [job.result() for job in jobs]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert all(answer.content == alone for answer in answers)
    wait_until(lambda: len(named(fragile, "streaming.encode.process")) == 2, "both are replaced")


def test_a_frozen_encoder_costs_no_answer(fragile: Server) -> None:
    """With one of two encoder processes stopped, ten of ten answers come, whole, and it is replaced."""
    frozen, _ = named(fragile, "streaming.encode.process")
    alone = speak(fragile, "one two three").content
    os.kill(frozen, signal.SIGSTOP)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: speak(fragile, "one two three"), range(10)))
    assert [answer.status_code for answer in answers] == [200] * 10
    assert all(answer.content == alone for answer in answers)
    wait_until(lambda: frozen not in named(fragile, "streaming.encode.process"), "it is killed")


def test_a_frozen_worker_costs_no_answer(fragile: Server) -> None:
    """With one of two workers stopped, ten of ten answers come, whole, and it is replaced."""
    frozen, _ = named(fragile, "engines.fakes.tone")
    alone = speak(fragile, "one two three", "pcm").content
    os.kill(frozen, signal.SIGSTOP)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: speak(fragile, "one two three", "pcm"), range(10)))
    assert [answer.status_code for answer in answers] == [200] * 10
    assert all(answer.content == alone for answer in answers)
    wait_until(lambda: frozen not in named(fragile, "engines.fakes.tone"), "it is killed")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_transcription_whose_worker_is_lost_is_done_again(fragile: Server, number: signal.Signals) -> None:
    """A recording whose worker is killed or frozen while it listens is transcribed by the next one: the same."""
    recording = coded(piece(0, 4))
    alone = transcribe(fragile, recording).json()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(transcribe, fragile, recording)
        wait_until(lambda: engine(fragile, "pocketsphinx")["running"] == 1, "it is being heard")
        os.kill(named(fragile, "pocketsphinx")[0], number)
        answer = job.result()
    assert answer.status_code == 200, answer.text
    assert answer.json() == alone


def write_noise(path: Path, seconds: float, level: float) -> None:
    """Write noise that comes and goes, which costs PocketSphinx more than speech."""
    random = np.random.default_rng(1)
    samples = random.normal(0, level, round(16_000 * seconds))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.clip(-32768, 32767).astype("<i2").tobytes())


def test_a_busy_worker_is_not_a_dead_one(tmp_path: Path) -> None:
    """PocketSphinx, kept by noise from answering for far longer than its time, is not killed for that; stopped,
    it is.
    """
    config = {
        "engines": {"espeak": {"enabled": False}},
        "workers": {"health_interval": 0.05, "health_timeout": 0.2},
    }
    noise = tmp_path / "noise.wav"
    write_noise(noise, 10.0, level=6000)
    with running(tmp_path / "server", config) as server:
        assert transcribe(server, noise.read_bytes()).status_code == 200
        assert engine(server, "pocketsphinx")["workers"][0]["restarts"] == 0
        worker = named(server, "pocketsphinx")[0]
        os.kill(worker, signal.SIGSTOP)
        wait_until(lambda: worker not in named(server, "pocketsphinx"), "it is killed")


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")])
def test_a_server_says_that_it_will_go_before_it_refuses(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """After SIGTERM /readyz says 503 at once, while all requests are served for `server.drain_delay`; then it
    ends.
    """
    config = {
        "engines": {"tone": {"enabled": True}, "espeak": {"enabled": False}},
        "server": {"drain_delay": 3},
    }
    with running(tmp_path / "server", config, arguments) as server:
        server.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        served = 0
        wait_until(lambda: ready(server) == 503, "it says so")
        while time.monotonic() < began + 2:
            assert speak(server, "one").status_code == 200
            assert ready(server) == 503
            served += 1
        assert served > 3
        assert server.process.wait(30) == 0
        assert time.monotonic() - began > 3


def ready(server: Server) -> int:
    return httpx.get(f"{server.url}/readyz").status_code
