"""Models of one's own, from a hub and from folders of this machine, of which nothing says what runs them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("faster_whisper")
pytest.importorskip("kokoro")

import tiny_kokoro
import tiny_whisper
from hub_server import FakeHub, running_hub
from neural_server import pcm_to_wav, speak
from servers import TIMEOUT, Server, running, wait_until
from tiny_piper import write_voice

RATE = 24_000
FOLDERS = ("anna", "home", "kokoro-of-mine")
PULLED = ("tuned", "converted")


class Served(NamedTuple):
    """A server, and the hub that it pulls from."""

    server: Server
    hub: FakeHub


def write_tuned_whisper(folder: Path) -> None:
    """Write a Whisper as fine-tuning leaves it: the tokenizer in its older files, and nothing on how it is prompted."""
    tiny_whisper.make_whisper(folder)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(vocabulary["vocab"]))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in vocabulary["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges))
    for name in ("tokenizer.json", "generation_config.json"):
        (folder / name).unlink()


def publish(hub: FakeHub, folder: Path) -> None:
    """Publish two Whispers, and a model that nothing here runs."""
    write_tuned_whisper(folder / "tuned")
    tiny_whisper.make_whisper(folder / "plain")
    tiny_whisper.convert_to_ctranslate2(folder / "plain", folder / "converted")
    hub.publish("somebody/tuned", folder / "tuned")
    hub.publish("somebody/converted", folder / "converted")
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    llama = {"config.json": json.dumps(config).encode(), "model.safetensors": bytes(300_000)}
    hub.publish("somebody/llama", llama)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a server whose settings name models by their places alone."""
    folder = tmp_path_factory.mktemp("own")
    write_voice(folder / "anna", "en_US-anna-medium", hertz=(220.0,), espeak={"voice": "en-us"})
    write_voice(folder / "me" / "voices", "en_US-me-medium", hertz=(440.0,), espeak={"voice": "en-us"})
    shutil.copytree(tiny_kokoro.folder(real=True), folder / "kokoro")
    (folder / "kokoro" / "kokoro-v1_0.pth").rename(folder / "kokoro" / "tuned.pth")
    (folder / "wrong").mkdir()
    (folder / "wrong" / "README.md").write_text("Nothing yet.")
    own = {
        **{name: {"repo": f"somebody/{name}"} for name in (*PULLED, "llama")},
        "asked-otherwise": {"repo": "somebody/tuned", "engine": "piper"},
        "anna": {"folder": str(folder / "anna")},
        "home": {"folder": "~/voices"},
        "kokoro-of-mine": {"folder": str(folder / "kokoro")},
        "wrong": {"folder": str(folder / "wrong")},
    }
    with pytest.MonkeyPatch.context() as patch, running_hub() as hub:
        for name, value in (("NO_PROXY", "127.0.0.1,localhost"), ("HF_ENDPOINT", hub.url)):
            patch.setenv(name, value)
        patch.setenv("HOME", str(folder / "me"))
        publish(hub, folder)
        settings = {"models": {"folder": str(folder / "cache"), "own": own}, "admission": {"wait": 120}}
        with running(folder / "server", settings) as server:
            yield Served(server, hub)


def state(served: Served, name: str) -> dict[str, Any]:
    """Return how a model stands."""
    answer = httpx.get(f"{served.server.base_url}/voicebox/models/{name}", timeout=TIMEOUT)
    assert answer.status_code == 200
    return dict(answer.json())


def pull(served: Served, name: str) -> dict[str, Any]:
    """Pull a model, and return how that ended."""
    url = f"{served.server.base_url}/voicebox/models/{name}"
    assert httpx.post(f"{url}/pull", timeout=TIMEOUT).status_code == 200
    lines = httpx.get(f"{url}/progress", timeout=TIMEOUT).text.splitlines()
    events = [line.removeprefix("data: ") for line in lines if line.startswith("data: {")]
    return dict(json.loads(events[-1]))


@pytest.mark.parametrize("name", PULLED)
def test_whispers_of_ones_own(served: Served, name: str) -> None:
    """A fine-tuned Whisper and one converted for CTranslate2 are pulled by their repositories' names, and transcribe."""
    assert pull(served, name)["state"] == "done"
    sound = tiny_whisper.silence(0.5) + tiny_whisper.sound("morgen", 2) + tiny_whisper.silence(0.5)
    wav = ("a.wav", pcm_to_wav(sound, tiny_whisper.RATE))
    text = served.server.sdk().audio.transcriptions.create(model=name, file=wav).text

    assert text == tiny_whisper.TRANSCRIPTS["morgen"]
    assert state(served, name)["engine"] == {"tuned": "whisper", "converted": "faster-whisper"}[name]


def test_folders_of_this_machine(served: Served) -> None:
    """A model in a folder needs no pull, be its path written out or from the home folder."""
    wait_until(
        lambda: all(state(served, name)["state"] != "absent" for name in FOLDERS), "the folders are found"
    )
    for name, hertz in (("anna", 220), ("home", 440)):
        samples = speak(served.server, name)
        pitch = float(np.argmax(np.abs(np.fft.rfft(samples)))) * RATE / len(samples)
        assert pitch == pytest.approx(hertz, rel=0.02)
    assert len(speak(served.server, "kokoro-of-mine", voice="af_heart")) > RATE / 10
    assert state(served, "kokoro-of-mine")["engine"] == "kokoro"
    assert state(served, "anna")["source"] == "folder"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("llama", "it is of the architecture LlamaForCausalLM, which no engine here runs"),
        ("asked-otherwise", "set `engine: whisper`, or leave `engine` out"),
    ],
)
def test_what_nothing_runs_is_not_pulled(served: Served, name: str, reason: str) -> None:
    """What no engine fits is refused with the reason, before its weights are downloaded."""
    served.hub.clear_requests()
    ended = pull(served, name)

    assert (ended["state"], ended["code"]) == ("failed", "model_does_not_fit")
    assert reason in ended["error"]
    assert served.hub.downloads("*.safetensors") == []


def test_a_folder_that_nothing_fits(served: Served) -> None:
    """A folder in which nothing is that could be run is listed with the reason, which names no path."""
    wait_until(lambda: state(served, "wrong").get("reason"), "the folder has been read")
    reason = state(served, "wrong")["reason"]
    assert "it has no config.json that says what it is" in reason
    assert "/" not in reason.partition("What can be")[0]


@pytest.mark.parametrize("action", ["delete", "pull", "verify"])
def test_folders_are_left_alone(served: Served, action: str) -> None:
    """A folder of one's own is neither deleted, nor pulled, nor compared with anything."""
    url = f"{served.server.base_url}/voicebox/models/anna"
    if action == "pull":
        ended = pull(served, "anna")
        assert (ended["state"], ended["code"]) == ("failed", "model_in_folder")
        return
    answer = (
        httpx.delete(url, timeout=TIMEOUT)
        if action == "delete"
        else httpx.post(f"{url}/{action}", timeout=TIMEOUT)
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "model_in_folder")
