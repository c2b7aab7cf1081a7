"""A model that has served many requests holds no more memory than one that has served some.

`REQUESTS=2000` in the environment asks for more of them than a test has time for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import psutil
import pytest

pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

import published
import tiny_whisper
from neural import as_wav, serving
from servers import PATIENCE, Server

MODEL = "whisper-tiny"
CLIENTS = 4
WARM = 100
"""requests after which all that is kept for good has been made: caches, arenas of each thread"""
REQUESTS = int(os.environ.get("REQUESTS", "300"))
STEP = 50
GROWTH = 16 * 1024 * 1024
"""bytes that the allocator may come to hold without anything leaking; what the encoder makes of one recording is 0.4 MB"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one tiny model, on one thread."""
    place = tmp_path_factory.mktemp("memory")
    chosen = {"each": {MODEL: {"preload": True, "options": {"threads": 1}}}}
    with serving(place, [MODEL], lambda hub: published.whisper(hub, place), chosen) as started:
        yield started


def test_memory_does_not_grow(server: Server) -> None:
    """Hundreds of recordings later, worker and gateway hold as much memory as after the first ones, within the allocator's play."""
    worker = next(psutil.Process(pid) for pid in server.workers() if MODEL in psutil.Process(pid).cmdline())
    gateway = psutil.Process(server.process.pid)
    sounds = [as_wav(tiny_whisper.sound(name, 1.0), tiny_whisper.RATE) for name in tiny_whisper.SOUNDS]
    curve: list[tuple[int, int, int]] = []
    with httpx.Client(timeout=PATIENCE) as client, ThreadPoolExecutor(CLIENTS) as clients:

        def ask(number: int) -> int:
            file = {"file": ("a.wav", sounds[number % len(sounds)], "audio/wav")}
            fields = {"model": MODEL, "language": "en", "response_format": "text"}
            return client.post(f"{server.base_url}/audio/transcriptions", data=fields, files=file).status_code

        for done in range(0, REQUESTS, STEP):
            assert set(clients.map(ask, range(done, done + STEP))) == {200}
            curve.append((done + STEP, worker.memory_info().rss, gateway.memory_info().rss))

    print([(done, ours >> 20, theirs >> 20) for done, ours, theirs in curve])
    for process in (1, 2):
        early = max(row[process] for row in curve if row[0] <= WARM)
        assert curve[-1][process] - early < GROWTH, curve
