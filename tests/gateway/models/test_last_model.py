"""Tests of what a server loads without being asked: the model that was used or pulled last."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from held_workers import HeldWorkers
from servers import TIMEOUT, Server, running, status, wait_until
from tiny_piper import write_voice

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install -e '.[natural]'")

NAMES = ("anna", "ben")
LOOKS = 5
"""at what is not to happen, a fifth of a second apart"""


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Any]:
    """Settings of two models in folders, of which `ben` came last."""
    for name in NAMES:
        write_voice(tmp_path / name, f"en_US-{name}-medium", espeak={"voice": "en-us"})
        time.sleep(0.01)  # so that their folders are not of the same moment
    return {"own": {name: {"folder": str(tmp_path / name)} for name in NAMES}}


class Starts:
    """Starts of servers that share a data folder."""

    def __init__(self, folder: Path, models: dict[str, Any]) -> None:
        self._folder = folder
        self.data = folder / "data"
        self.settings = models
        self._count = 0

    @contextmanager
    def server(self, args: tuple[str, ...] = (), **models: Any) -> Iterator[Server]:
        """Run a server, ready, for the block."""
        self._count += 1
        config = {"data_dir": str(self.data), "models": {**self.settings, **models}}
        with running(self._folder / f"server{self._count}", config, args) as server:
            wait_until(
                lambda: "absent" not in {state(server, name) for name in NAMES}, "the models are known"
            )
            yield server


@pytest.fixture
def starts(tmp_path: Path, models: dict[str, Any]) -> Starts:
    """A data folder, and servers of it."""
    return Starts(tmp_path, models)


def state(server: Server, name: str) -> str:
    """Return the state of a model, `absent` while it is not known."""
    engines = httpx.get(f"{server.url}/health", timeout=TIMEOUT).json()["engines"]
    return str(engines[name]["workers"][0]["state"]) if name in engines else "absent"


def speak(server: Server, name: str) -> None:
    """Have a model speak."""
    body = {"model": name, "voice": "alloy", "input": "Good morning.", "response_format": "pcm"}
    answer = httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=TIMEOUT)
    assert (answer.status_code, answer.headers["x-voicebox-engine"]) == (200, name), answer.text


def stays_unloaded(server: Server, *names: str) -> None:
    """Check that none of these models is loaded for a while."""
    for _ in range(LOOKS):
        assert {state(server, name) for name in names} == {"resting"}
        time.sleep(0.2)


@pytest.mark.parametrize("args", [(), ("--workers", "2")], ids=["one process", "two processes"])
def test_the_model_that_was_used_last_is_loaded(starts: Starts, args: tuple[str, ...]) -> None:
    """After a restart the model that was used last is loaded before anybody asks for it, and no other, whichever came
    last; the next time that which was used last then.
    """
    for name, other in (NAMES, NAMES[::-1]):
        with starts.server(args) as server:
            speak(server, other)
            speak(server, name)
        with starts.server(args) as server:
            wait_until(lambda server=server, name=name: state(server, name) == "ready", "it is loaded")
            stays_unloaded(server, other)


def test_without_any_use_the_last_that_came(starts: Starts) -> None:
    """A damaged record of the last use is as none: the model that came last is loaded, though both have run before."""
    with starts.server() as server:
        speak(server, "ben")
        speak(server, "anna")
    (record,) = starts.data.glob("last_model.json")
    assert json.loads(record.read_bytes()) == {"model": "anna"}
    for damaged in (b"{", b"[]", json.dumps({"model": "gone"}).encode()):
        record.write_bytes(damaged)
        with starts.server() as server:
            wait_until(lambda server=server: state(server, "ben") == "ready", "it is loaded")
            assert state(server, "anna") == "resting"


def test_nothing_is_loaded(starts: Starts) -> None:
    """Nothing is loaded unasked where the settings say so, or where memory is not free: then nobody is refused."""
    with starts.server() as server:
        speak(server, "anna")
    for settings in ({"load_last": False}, {"memory": 1}):
        with starts.server(**settings) as server:
            stays_unloaded(server, *NAMES)
            assert status(f"{server.url}/readyz") == 200


def test_readiness_does_not_wait_for_it(
    starts: Starts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is loaded once the engines have started, which wait for it in no way: neither is it begun before."""
    with starts.server() as server:
        speak(server, "anna")
    model = HeldWorkers(tmp_path / "held", monkeypatch, "anna")
    with starts.server() as server:  # which is ready
        wait_until(lambda: state(server, "anna") == "starting", "it is being loaded")
        assert status(f"{server.url}/readyz") == 200
        model.release()
        wait_until(lambda: state(server, "anna") == "ready", "it is loaded")
    HeldWorkers(tmp_path / "held-others", monkeypatch, "espeak")
    folder = tmp_path / "starting"
    folder.mkdir()
    server = Server(folder, {"data_dir": str(starts.data), "models": starts.settings})
    try:
        wait_until(lambda: state(server, "anna") != "absent", "the models are known")
        stays_unloaded(server, *NAMES)
        assert status(f"{server.url}/readyz") == 503
    finally:
        server.stop()
