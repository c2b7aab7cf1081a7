"""Test that a model which has served many requests holds no more memory than one that has served some.

`REQUESTS=2000` in the environment sends more of them than a test has time for, and `MODELS="kokoro
pocket-tts-english"` tests other models: any of SOURCES.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2 as httpx
import psutil
import pytest

pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

import published_checkpoints
import shrunk_chatterbox
import tiny_whisper
from engine_environments import environment, lend_environments
from model_worker import murmur
from neural_server import pcm_to_wav, serve_models
from servers import TIMEOUT, Server

from engines.catalogue.models import find_model

if TYPE_CHECKING:  # pytest loads it
    from hub_server import FakeHub

CLIENTS = 4
WARM = 100
"""requests after which all permanent memory is allocated: caches, arenas of each thread"""
REQUESTS = int(os.environ.get("REQUESTS", "300"))
STEP = 50
GROWTH = 16 * 1024 * 1024
"""bytes that the allocator may come to hold without anything leaking; what the encoder makes of one recording
is 0.4 MB
"""
SOURCES: dict[str, Callable[[FakeHub, Path], None]] = {
    "whisper-tiny": published_checkpoints.publish_whisper,
    "faster-whisper-tiny": published_checkpoints.publish_whisper,
    "kokoro": lambda hub, _: published_checkpoints.publish_kokoro(hub),
    "pocket-tts-english": lambda hub, _: published_checkpoints.publish_pocket(hub),
    "voxcpm2": lambda hub, _: published_checkpoints.publish_voxcpm(hub),
    "chatterbox": lambda hub, _: published_checkpoints.publish_chatterbox(hub),
    "chatterbox-turbo": lambda hub, _: published_checkpoints.publish_chatterbox(hub),
    "qwen3-tts-0.6b": lambda hub, _: published_checkpoints.publish_qwen3_tts(hub, "qwen3-tts-0.6b"),
    "qwen3-tts-custom-0.6b": lambda hub, _: published_checkpoints.publish_qwen3_tts(
        hub, "qwen3-tts-custom-0.6b"
    ),
    "qwen3-tts-design-1.7b": lambda hub, _: published_checkpoints.publish_qwen3_tts(
        hub, "qwen3-tts-design-1.7b"
    ),
    "tada-1b": lambda hub, _: published_checkpoints.publish_tada(hub),
    "luxtts": lambda hub, _: published_checkpoints.publish_luxtts(hub),
    "mms-tts-eng": published_checkpoints.publish_transformers,
    "wav2vec2-base-960h": published_checkpoints.publish_transformers,
    "moonshine-tiny": published_checkpoints.publish_transformers,
}
RATE = 24_000
"""Hertz, of the recording that a voice is cloned from"""
LINES = ("Hello there, my friend.", "Hello there, my friend. Hello there, my friend.", "Hello you.")
SOUNDS = [pcm_to_wav(tiny_whisper.sound(name, 1.0), tiny_whisper.RATE) for name in tiny_whisper.VOWELS]


@pytest.fixture(params=os.environ.get("MODELS", "whisper-tiny").split())
def model(request: pytest.FixtureRequest) -> str:
    """Return the model that is tested."""
    return str(request.param)


@pytest.fixture
def server(tmp_path: Path, model: str) -> Iterator[Server]:
    """Run a server with that model, tiny, on one thread."""
    group = find_model(model).engine.group
    if group != "main":
        environment(group)
        for data in (tmp_path / "data", tmp_path / "server" / "data"):
            lend_environments(data)
    chosen = {"preload": True, "options": {"threads": 1}}
    path = os.pathsep.join(filter(None, (str(shrunk_chatterbox.WORKER_PATH), os.environ.get("PYTHONPATH"))))
    with pytest.MonkeyPatch.context() as patch:
        if model.startswith("chatterbox"):
            patch.setenv("PYTHONPATH", path)
        with serve_models(
            tmp_path, [model], lambda hub: SOURCES[model](hub, tmp_path), {"each": {model: chosen}}
        ) as started:
            yield started


@pytest.fixture
def voice(server: Server, model: str) -> str:
    """Return a voice of the model: a cloned one where it has no other."""
    kinds = find_model(model).voice_types
    if kinds == ("designed",):
        return "described"
    if kinds != ("cloned",):
        return "alloy"
    created = httpx.post(
        f"{server.base_url}/audio/voices",
        data={"name": "Ann", "transcript": "Hello, this is the reference.", "language": "en"},
        files={"audio_sample": ("a.wav", pcm_to_wav(murmur(150.0, RATE, 5.0), RATE), "audio/wav")},
        timeout=TIMEOUT,
    )
    assert created.status_code == 200, created.text
    return "Ann"


def ask(client: httpx.Client, server: Server, model: str, voice: str, number: int) -> int:
    """Have a line spoken, or a recording transcribed; return the HTTP status."""
    if "speech" in find_model(model).kinds:
        body = {
            "model": model,
            "input": LINES[number % len(LINES)],
            "voice": voice,
            "response_format": "pcm",
        }
        return client.post(f"{server.base_url}/audio/speech", json=body).status_code
    file = {"file": ("a.wav", SOUNDS[number % len(SOUNDS)], "audio/wav")}
    fields = {"model": model, "language": "en", "response_format": "text"}
    return client.post(f"{server.base_url}/audio/transcriptions", data=fields, files=file).status_code


def test_memory_does_not_grow(server: Server, model: str, voice: str) -> None:
    """After hundreds of requests worker and gateway hold as much memory as after the first ones, within the
    allocator's variation.
    """
    worker = next(
        psutil.Process(pid) for pid in server.worker_pids() if model in psutil.Process(pid).cmdline()
    )
    gateway = psutil.Process(server.process.pid)
    curve: list[tuple[int, int, int]] = []
    with httpx.Client(timeout=TIMEOUT) as client, ThreadPoolExecutor(CLIENTS) as clients:
        for done in range(0, REQUESTS, STEP):
            assert set(
                clients.map(
                    lambda number: ask(client, server, model, voice, number), range(done, done + STEP)
                )
            ) == {200}
            curve.append((done + STEP, worker.memory_info().rss, gateway.memory_info().rss))

    print([(done, ours >> 20, theirs >> 20) for done, ours, theirs in curve])
    for process in (1, 2):
        early = max(row[process] for row in curve if row[0] <= WARM)
        assert curve[-1][process] - early < GROWTH, curve
