"""Tests of a model that dies again and again behind one of OpenAI's names, on the full installation's better ear."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import httpx2 as httpx
from servers import EAR, TIMEOUT, Server, running, wait_until

JFK = Path(__file__).parents[2] / "data" / "jfk.flac"

KILLED = "the worker was killed (SIGKILL), as the system does where memory is short"


def hear(server: Server, model: str = "whisper-1") -> httpx.Response:
    """Return the answer to a recording."""
    answer = httpx.post(
        f"{server.base_url}/audio/transcriptions",
        data={"model": model},
        files={"file": ("jfk.flac", JFK.read_bytes(), "audio/flac")},
        timeout=TIMEOUT,
    )
    assert answer.status_code == 200, answer.text
    return answer


def state(server: Server) -> dict[str, Any]:
    """Return what /health says of the ear, and its only worker."""
    engine = httpx.get(f"{server.url}/health", timeout=TIMEOUT).json()["engines"][EAR]
    return {**engine, **engine["workers"][0]}


def test_an_ear_that_dies_is_tried_again(tmp_path: Path) -> None:
    """After its deaths `whisper-1` is another engine's, which health, the list of models, the log and the answer
    tell; some seconds later it is the ear's again, though nobody named it.
    """
    with running(tmp_path, {"engines": {"hibari": {"enabled": False}}}, natural=True) as server:
        assert "x-voicebox-mapped" not in hear(server).headers
        while state(server)["state"] != "failed":
            hear(server)
            if pid := state(server)["pid"]:
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda pid=pid: state(server)["pid"] != pid, "its death is noticed")
        dead = state(server)
        assert (dead["usable"], dead["reason"]) == (False, KILLED)
        assert 0 < dead["retry_in"] <= 10
        listed = httpx.get(f"{server.base_url}/voicebox/models/{EAR}", timeout=TIMEOUT).json()
        assert (listed["state"], listed["reason"]) == ("failed", dead["reason"])
        told = [line for line in server.lines() if line["event"] == "worker given up for now"]
        assert [(line["level"], line["engine"], line["retry_in"]) for line in told] == [
            ("warning", EAR, 10.0)
        ]
        assert hear(server).headers["x-voicebox-mapped"] == "model=whisper-1->pocketsphinx"

        wait_until(lambda: state(server)["usable"], "it may be tried again")
        assert "x-voicebox-mapped" not in hear(server).headers
        assert state(server)["state"] == "ready"
