"""Tests of loading and unloading models with several gateway processes: it happens once, and all processes
know of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2 as httpx
import psutil
import pytest

pytest.importorskip("transformers")
pytest.importorskip("ctranslate2")

import published_checkpoints
import tiny_whisper
from neural_server import pcm_to_wav, serve_models
from servers import TIMEOUT, Server, running

from engines.catalogue.models import find_model

if TYPE_CHECKING:  # pytest loads it
    from hub_server import FakeHub

MODEL = "whisper-tiny"
CALLS = 8
"""calls enough for each process to get some: every one is a connection of its own"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Three processes with one tiny model."""
    place = tmp_path_factory.mktemp("cluster")
    publish = lambda hub: published_checkpoints.publish_whisper(hub, place)  # noqa: E731
    with serve_models(place, [MODEL], publish, server={"processes": 3}) as started:
        yield started


def call(server: Server, what: str) -> httpx.Response:
    """Call a route of the model's."""
    return httpx.post(f"{server.base_url}/voicebox/models/{MODEL}/{what}", timeout=TIMEOUT)


def states(server: Server) -> set[str]:
    """Return the model's state, asked for many times."""
    url = f"{server.base_url}/voicebox/models/{MODEL}"
    return {httpx.get(url, timeout=TIMEOUT).json()["state"] for _ in range(CALLS)}


def transcribe(server: Server) -> httpx.Response:
    """Transcribe a recording."""
    file = {"file": ("a.wav", pcm_to_wav(tiny_whisper.sound("count", 1.0), tiny_whisper.RATE))}
    fields = {"model": MODEL, "response_format": "text"}
    return httpx.post(f"{server.base_url}/audio/transcriptions", data=fields, files=file, timeout=TIMEOUT)


def test_loaded_and_unloaded(server: Server) -> None:
    """A model is loaded and unloaded once by any of the processes; each reports it from then on, and each can
    use it.
    """
    for _ in range(2):
        assert call(server, "load").status_code == 200
        assert states(server) == {"ready"}
        assert {transcribe(server).text.strip() for _ in range(CALLS)} == {tiny_whisper.TRANSCRIPTS["count"]}
        assert call(server, "unload").json()["state"] == "resting"
        assert states(server) == {"resting"}


def test_refusals_are_those_of_a_single_process(server: Server) -> None:
    """A call that is impossible is refused as by a single process: status, code and reason."""
    unknown = [
        httpx.get(f"{server.base_url}/voicebox/models/{MODEL}/progress", timeout=TIMEOUT)
        for _ in range(CALLS)
    ]
    assert {answer.status_code for answer in unknown} == {404}
    assert {answer.json()["error"]["code"] for answer in unknown} == {"not_found"}
    absent = httpx.post(f"{server.base_url}/voicebox/models/kokoro/load", timeout=TIMEOUT)
    assert absent.status_code == 503
    assert "voicebox models pull kokoro" in absent.json()["error"]["message"]


def test_none_waits_for_a_process_that_has_ended(
    tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the process that runs the engines is killed, clients that follow a pull get an error, and the
    other processes end.
    """
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.publish(
        find_model(MODEL).repo,
        {"config.json": b"{}", "generation_config.json": b"{}", "model.safetensors": b"x" * 100_000},
    )
    with running(tmp_path, {"models": {"folder": str(tmp_path / "hub")}}, ("--workers", "2")) as server:
        hub.add_fault("model.safetensors", pause=60)
        assert call(server, "pull").status_code == 200
        url = f"{server.base_url}/voicebox/models/{MODEL}/progress"
        gateway_processes = [
            psutil.Process(pid)
            for pid in server.worker_pids()
            if "gateway.cluster.supervisor" in psutil.Process(pid).cmdline()
        ]
        with httpx.stream("GET", url, timeout=TIMEOUT) as followed:
            lines = followed.iter_lines()
            next(lines)
            server.process.kill()
            with pytest.raises(httpx.HTTPError):
                list(lines)
        _, left = psutil.wait_procs(gateway_processes, 20)
        assert not left, "the drain takes 30 seconds, if anybody is waited for"
