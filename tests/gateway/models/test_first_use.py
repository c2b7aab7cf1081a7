"""Tests of a model's first use: what comes between its pull and the first sound of it, with a server and without."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest
from held_workers import HeldWorkers
from servers import EAR, TIMEOUT, Server, running, wait_until
from tiny_piper import write_voice

from engines.toolkit.protobuf import write_field

if TYPE_CHECKING:  # pytest loads it
    from hub_server import FakeHub

pytest.importorskip("hibari", reason="hibari-tts is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install -e '.[natural]'")

VOICEBOX = [sys.executable, "-m", "gateway"]
JOE = "en_US-joe-medium"
OWN = {name: {"repo": f"acme/{name}", "engine": "piper"} for name in ("first", "second")}
GRAPH = f"{JOE}.onnx"
DOC_STRING = 6
"""the number of that field of a model in ONNX"""
PADDING = 3_000_000
"""bytes of that, so that a download can stop in the middle"""
SEVERAL = ("--workers", "2")
WAIT = 5.0
"""seconds that a request may wait for its turn"""
IMPATIENT = ("x_voicebox_deadline", "x_stainless_read_timeout")
"""headers in which clients say how long they wait"""
RECORDING = Path(__file__).parents[2] / "data" / "jfk.flac"


@pytest.fixture
def config(tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings of two models that are published on the hub, and that no other server is found."""
    graph = write_voice(tmp_path / "voice", JOE, espeak={"voice": "en-us"})
    graph.write_bytes(graph.read_bytes() + write_field(DOC_STRING, b" " * PADDING))
    files = {path.name: path.read_bytes() for path in graph.parent.iterdir()}
    for name, own in OWN.items():
        hub.publish(own["repo"], {**files, "README.md": name.encode()})
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("VOICEBOX_URL", "http://127.0.0.1:1")
    return {"models": {"folder": str(tmp_path / "hub"), "own": OWN}}


@pytest.fixture(params=[()], ids=["one process"])
def server(request: pytest.FixtureRequest, tmp_path: Path, config: dict[str, Any]) -> Iterator[Server]:
    """A server without any model; of one process, where the test does not ask for more."""
    with running(tmp_path / "server", config, request.param) as started:
        yield started


both = pytest.mark.parametrize("server", [(), SEVERAL], ids=["one process", "several"], indirect=True)
"""for a test of what one process has to tell the others"""


def voicebox(server: Server, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the settings of a server."""
    command = [*VOICEBOX, *arguments, "--config", str(server.folder / "config.yaml")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=2 * TIMEOUT, env={**os.environ, **environ}
    )
    assert "Traceback" not in done.stderr
    return done


def pull(server: Server, name: str) -> None:
    """Pull a model by way of the server."""
    done = voicebox(server, "models", "pull", name, "--url", server.url)
    assert done.returncode == 0, done.stderr


def speak(server: Server, model: str, voice: str = "alloy") -> httpx.Response:
    """Speak a line with a model."""
    body = {"model": model, "voice": voice, "input": "Good morning.", "response_format": "pcm"}
    return httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=2 * TIMEOUT)


def state(server: Server, name: str) -> str:
    """Return the state of a model."""
    return str(httpx.get(f"{server.base_url}/voicebox/models/{name}", timeout=TIMEOUT).json()["state"])


@both
def test_pull_and_say(server: Server, tmp_path: Path) -> None:
    """`voicebox models pull X && voicebox say hi --model X` speaks with X: the pull is the server's, and returns when
    the model can be used.
    """
    pull(server, "first")
    assert state(server, "first") == "ready"
    target = tmp_path / "hi.mp3"
    done = voicebox(server, "say", "hi", "--model", "first", "--url", server.url, "-o", str(target))

    assert done.returncode == 0, done.stderr
    assert target.stat().st_size > 1000
    (line,) = [one for one in server.requests() if one["route"] == "speech"]
    assert line["engine"] == "first"


def test_the_server_is_found_by_its_settings(
    tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --url the server is found at the port of the settings; one that asks for a key gets it, and without the
    key the files are pulled here, and the server has the model when it is asked for.
    """
    monkeypatch.delenv("VOICEBOX_URL")
    with running(tmp_path / "server", config) as found:
        settings = found.folder / "config.yaml"
        settings.write_text(settings.read_text() + f"server: {{port: {found.port}}}\n")
        key = voicebox(found, "keys", "create", "me").stdout.split()[-1]
        done = voicebox(found, "models", "pull", "first", VOICEBOX_API_KEY=key)
        assert done.returncode == 0, done.stderr
        assert f"pulled by the server at http://127.0.0.1:{found.port}" in done.stderr

        done = voicebox(found, "models", "pull", "second")
        assert done.returncode == 0, done.stderr
        assert "asks for a key" in done.stderr
        body = {"model": "second", "voice": "alloy", "input": "hi"}
        headers = {"authorization": f"Bearer {key}"}
        answer = httpx.post(f"{found.base_url}/audio/speech", json=body, headers=headers, timeout=2 * TIMEOUT)
    assert answer.status_code == 200, answer.text


def test_without_a_server(tmp_path: Path, config: dict[str, Any]) -> None:
    """Without a server the same two commands do the same, however long the model takes to load."""
    with running(tmp_path / "server", {**config, "admission": {"wait": 0.1}}) as before:
        pass  # for its settings
    done = voicebox(before, "models", "pull", "first")
    assert done.returncode == 0, done.stderr
    target = tmp_path / "hi.mp3"
    done = voicebox(before, "say", "hi", "--model", "first", "-o", str(target))

    assert done.returncode == 0, done.stderr
    assert target.stat().st_size > 1000


@both
def test_a_request_waits_for_what_was_pulled_by_another(server: Server) -> None:
    """A model that another program has put into the folder is there for the next request, which waits until it is
    loaded; a voice by its name too.
    """
    assert speak(server, "first").status_code == 503
    done = voicebox(server, "models", "pull", "first")
    assert done.returncode == 0, done.stderr
    answers = [speak(server, "first"), speak(server, "first", JOE)]

    assert [one.status_code for one in answers] == [200, 200], [one.text for one in answers if one.is_error]
    assert {one.headers["x-voicebox-engine"] for one in answers} == {"first"}


def test_models_are_known_without_being_started(
    tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models that were pulled are listed with their voices and languages though no process of theirs ever started;
    the last one stays in memory longer than others, which rest, and gives way to none.
    """
    with running(tmp_path / "before", config) as before:
        pass  # for its settings
    for name in OWN:
        assert voicebox(before, "models", "pull", name).returncode == 0
    held = HeldWorkers(tmp_path / "held", monkeypatch, *OWN)
    models = {**config["models"], "rest_after": 0.5}
    with running(tmp_path / "server", {"models": models}) as server:
        wait_until(lambda: state(server, "second") == "starting", "the last is being loaded")
        voices = httpx.get(f"{server.base_url}/audio/voices?language=en", timeout=TIMEOUT).json()["voices"]
        listed = {one["id"] for one in httpx.get(f"{server.base_url}/models", timeout=TIMEOUT).json()["data"]}
        assert set(OWN) <= {one["engine"] for one in voices} & listed
        assert state(server, "first") == "resting"
        held.release()
        assert speak(server, "first").status_code == 200
        wait_until(lambda: state(server, "first") == "resting", "it rests")
        assert state(server, "second") == "ready"


def loads_longer_than_requests_wait(server: Server, name: str) -> None:
    """Wait until a model has been loading for longer than requests wait for their turn."""

    def seconds() -> float:
        engine = httpx.get(f"{server.url}/health", timeout=TIMEOUT).json()["engines"].get(name)
        return float(engine["workers"][0].get("starting", 0.0)) if engine else 0.0

    wait_until(lambda: seconds() > WAIT + 1, "it has been loading for long")


@pytest.mark.parametrize("args", [(), SEVERAL], ids=["one process", "several"])
def test_a_request_waits_as_long_as_its_model_loads(
    tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    """A request for a model that loads waits, longer than for its turn, be it the model's first start or a later one,
    to speak or to transcribe; but no longer than its client says, which is told when to come again.
    """
    held = HeldWorkers(tmp_path / "held", monkeypatch, "first", EAR)
    held.release()
    models = {**config["models"], "load_last": False, "each": {EAR: {"enabled": True}}}
    with running(tmp_path / "server", {"models": models, "admission": {"wait": WAIT}}, args) as server:
        assert voicebox(server, "models", "pull", "first").returncode == 0
        url = f"{server.base_url}/voicebox/models"
        for kind, name in (("speech", "first"), ("speech", "first"), ("transcriptions", EAR)):
            wait_until(lambda name=name: state(server, name) == "resting", "it is known, and rests")
            held.hold()
            with ThreadPoolExecutor() as pool:
                patient = pool.submit(ask, server, kind, name)
                loads_longer_than_requests_wait(server, name)
                blank = ask(server, "speech", "first", text=" ")
                late = [ask(server, kind, name, **{header: "0.2"}) for header in IMPATIENT]
                assert not patient.done()
                held.release()
                assert patient.result().status_code == 200, patient.result().text
            assert blank.status_code == 200
            for answer in late:
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) >= 5
                assert f"`{name}` is still being loaded" in answer.json()["error"]["message"]
            unload = f"{url}/{name}/unload"
            wait_until(
                lambda unload=unload: httpx.post(unload, timeout=TIMEOUT).status_code == 200, "it is unloaded"
            )


def ask(server: Server, kind: str, model: str, text: str = "Good morning.", **headers: str) -> httpx.Response:
    """Have a model speak or transcribe."""
    url, names = (
        f"{server.base_url}/audio/{kind}",
        {name.replace("_", "-"): one for name, one in headers.items()},
    )
    if kind == "speech":
        body = {"model": model, "voice": "alloy", "input": text, "response_format": "pcm"}
        return httpx.post(url, json=body, headers=names, timeout=2 * TIMEOUT)
    files = {"file": ("a.flac", RECORDING.read_bytes())}
    return httpx.post(url, files=files, data={"model": model}, headers=names, timeout=2 * TIMEOUT)


def test_only_the_last_is_started(tmp_path: Path, config: dict[str, Any]) -> None:
    """A server that finds models which have never run starts only the one that was pulled last; the others are listed
    with their voices and languages, and are started by the request that names them.
    """
    with running(tmp_path / "before", config) as before:
        pass
    for name in OWN:
        done = voicebox(before, "models", "pull", name)
        assert done.returncode == 0, done.stderr
    shutil.rmtree(tmp_path / "before" / "data", ignore_errors=True)
    with running(tmp_path / "server", config) as server:
        wait_until(lambda: state(server, "second") == "ready", "the last is loaded")
        assert state(server, "first") == "resting"
        voices = httpx.get(f"{server.base_url}/audio/voices?language=en", timeout=TIMEOUT).json()["voices"]
        assert {"first", "second"} <= {one["engine"] for one in voices}
        assert speak(server, "first").headers["x-voicebox-engine"] == "first"


def test_one_that_does_not_start(server: Server, hub: FakeHub, tmp_path: Path) -> None:
    """A model that cannot be loaded says so to who names it, `models pull` ends with status 1, and OpenAI's names are
    spoken by another.
    """
    settings = (tmp_path / "voice" / f"{GRAPH}.json").read_bytes()
    hub.publish(OWN["first"]["repo"], {GRAPH: b"no graph", f"{GRAPH}.json": settings})
    done = voicebox(server, "models", "pull", "first", "--url", server.url)
    assert done.returncode == 1
    assert "cannot be used yet: " in done.stderr
    named, other = speak(server, "first"), speak(server, "tts-1")

    assert named.status_code == 503
    assert other.status_code == 200, other.text
    assert other.headers["x-voicebox-engine"] != "first"


@both
def test_an_interrupted_pull_is_stopped(server: Server, hub: FakeHub) -> None:
    """Ctrl-C during a pull by the server stops it there, and says how it goes on; another pull goes on from there."""
    fault = hub.add_fault(GRAPH, stall_after=100_000)
    command = [*VOICEBOX, "models", "pull", "first", "--url", server.url]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: hub.bytes_sent(GRAPH) >= 100_000, "it is being pulled")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT)

    assert process.returncode == 130
    assert "voicebox models pull first" in errors
    wait_until(lambda: state(server, "first") != "pulling", "the server has stopped")
    fault.resume.set()
    hub.clear_faults()
    pull(server, "first")


def test_a_pull_that_was_joined_goes_on(server: Server, hub: FakeHub) -> None:
    """Ctrl-C leaves a pull alone that somebody else began, and says so."""
    hub.add_fault(GRAPH, stall_after=100_000)
    httpx.post(f"{server.base_url}/voicebox/models/first/pull", timeout=TIMEOUT)
    wait_until(lambda: hub.bytes_sent(GRAPH) >= 100_000, "it is being pulled")
    command = [*VOICEBOX, "models", "pull", "first", "--url", server.url]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    assert "pulled by the server" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT)

    assert process.returncode == 130
    assert "goes on in the server" in errors
    assert state(server, "first") == "pulling"
    hub.clear_faults()


def test_what_fails_is_told(server: Server, hub: FakeHub) -> None:
    """A pull that fails by the server ends with its reason and status 1; an unknown name with the near ones."""
    hub.add_fault("*", status=403)
    done = voicebox(server, "models", "pull", "first", "--url", server.url)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("voicebox: ")
    done = voicebox(server, "models", "pull", "fisrt", "--url", server.url)
    assert done.returncode == 2
    assert "first" in done.stderr


def test_a_pull_without_a_server_is_interrupted(tmp_path: Path, config: dict[str, Any], hub: FakeHub) -> None:
    """Ctrl-C during a pull says that what has come is kept, the list shows how much that is, and the next goes on."""
    with running(tmp_path / "server", config) as before:
        settings = str(before.folder / "config.yaml")
    hub.add_fault(GRAPH, stall_after=2_000_000, times=1)
    pulling = subprocess.Popen(
        [*VOICEBOX, "models", "pull", "first", "--config", settings], stderr=subprocess.PIPE, text=True
    )
    parts = tmp_path / "hub"
    wait_until(
        lambda: sum(file.stat().st_size for file in parts.rglob("*") if file.is_file()) > 1_500_000,
        "some has come",
    )
    pulling.send_signal(signal.SIGINT)
    hub.clear_faults()
    _, said = pulling.communicate(timeout=TIMEOUT)
    assert pulling.returncode == 130
    assert "what has come is kept: `voicebox models pull first` goes on from there" in said
    assert "Traceback" not in said

    listed = voicebox(before, "models", "available").stdout
    (line,) = [line for line in listed.splitlines() if line.startswith("first\t")]
    assert "MB so far" in line
    assert voicebox(before, "models", "pull", "first").returncode == 0


@both
def test_the_server_deletes_what_it_has_loaded(server: Server) -> None:
    """`models delete` deletes a model that the running server has in memory: the server lets go of it first."""
    pull(server, "first")
    assert state(server, "first") == "ready"
    done = voicebox(server, "models", "delete", "first", "--url", server.url, "--yes")
    assert done.returncode == 0, done.stderr
    assert "MB freed" in done.stderr
    assert state(server, "first") == "absent"
