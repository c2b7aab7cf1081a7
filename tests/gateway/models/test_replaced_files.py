"""Model files that are replaced or deleted while servers speak with them: nobody gets the old voice any more, what
has begun is finished, and what another process speaks with is not deleted.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from hub_server import FakeHub, running_hub
from neural_server import TEXT
from numpy.typing import NDArray
from servers import TIMEOUT, Server, running, wait_until
from small_model import model_files
from tiny_piper import write_voice

from engines.catalogue.models import all_models, find_model
from engines.catalogue.own import OwnModel
from engines.hub.errors import ModelInUse
from engines.hub.store import ModelFiles

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install -e '.[natural]'")

NAME = "mine"
REPO = "somebody/voice"
SETTINGS = {NAME: {"repo": REPO, "engine": "piper"}}
RECORDS = all_models({NAME: OwnModel(REPO, engine="piper")})
RECORD = find_model(NAME, RECORDS)
OLD, NEW = 220.0, 440.0
"""Hertz of the tone that each revision speaks"""
SENTENCES = " ".join(f"This is sentence number {number}, and it is not short." for number in range(60))
RATE = 24_000


class Voices:
    """A cache of model files, a hub, and the tone of what is published there."""

    def __init__(self, folder: Path, hub: FakeHub) -> None:
        self.folder = folder
        self._hub = hub
        self.files: ModelFiles = model_files(folder / "hub", hub.url)

    def publish(self, hertz: float) -> None:
        """Publish a voice of a tone, in place of the one before."""
        voice = self.folder / f"voice-{hertz:.0f}"
        write_voice(voice, "en_US-mine-medium", hertz=(hertz,), espeak={"voice": "en-us"})
        self._hub.publish(REPO, voice)

    def pull(self) -> None:
        """Pull what is published, as another program would."""
        self.files.pull(RECORD, lambda _: None, threading.Event())

    def settings(self, **models: Any) -> dict[str, Any]:
        """Return the settings of a server with these files."""
        return {"models": {"folder": str(self.folder / "hub"), "own": SETTINGS, **models}}


@pytest.fixture
def voices(tmp_path: Path) -> Iterator[Voices]:
    """Return a cache in which the old voice has been pulled."""
    with running_hub() as hub:
        made = Voices(tmp_path, hub)
        made.publish(OLD)
        made.pull()
        yield made


def pitch(samples: NDArray[np.int16]) -> float:
    """Return the frequency of the tone, in Hertz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples)))) * RATE / len(samples)


def ask(server: Server, **more: Any) -> dict[str, Any]:
    """Return the arguments of a request for speech."""
    body = {"model": NAME, "voice": "alloy", "input": TEXT, "response_format": "pcm", **more}
    return {"url": f"{server.base_url}/audio/speech", "json": body, "timeout": TIMEOUT}


def spoken(server: Server) -> NDArray[np.int16]:
    """Return what is spoken, once the server can: until then it may only answer that it cannot."""
    deadline = time.monotonic() + TIMEOUT
    while (response := httpx.post(**ask(server))).status_code != 200:
        assert response.status_code in (503, 404), response.text
        assert time.monotonic() < deadline, response.text
        time.sleep(0.05)
    return np.frombuffer(response.content, "<i2")


def test_nobody_hears_the_old_voice(voices: Voices) -> None:
    """Once files are deleted and others pulled, every request that comes is answered by those: a stream that had
    begun before is spoken to its end as it began.
    """
    with running(voices.folder / "server", voices.settings()) as server:
        assert pitch(spoken(server)) == pytest.approx(OLD, abs=3)
        with httpx.stream("POST", **ask(server, input=SENTENCES)) as stream:
            received = stream.iter_bytes()
            first = next(received)
            voices.files.delete(RECORD, RECORDS, force=True)
            voices.publish(NEW)
            voices.pull()
            assert pitch(spoken(server)) == pytest.approx(NEW, abs=6)
            begun = np.frombuffer(b"".join([first, *received]), "<i2")
        halves = len(begun) // 2
        assert halves > 60 * RATE
        assert pitch(begun[:halves]) == pytest.approx(OLD, abs=3)
        assert pitch(begun[halves:]) == pytest.approx(OLD, abs=3)


def test_there_is_a_voice_at_every_moment(voices: Voices) -> None:
    """While files are replaced by others, every request is answered, by the old ones or by the new."""
    with running(voices.folder / "server", voices.settings()) as server:
        assert pitch(spoken(server)) == pytest.approx(OLD, abs=3)
        voices.publish(NEW)
        voices.pull()
        deadline = time.monotonic() + TIMEOUT
        heard = OLD
        while heard != pytest.approx(NEW, abs=6):
            response = httpx.post(**ask(server))
            assert response.status_code == 200, response.text
            heard = pitch(np.frombuffer(response.content, "<i2"))
            assert time.monotonic() < deadline


def test_files_written_over_are_others(voices: Voices) -> None:
    """Files that become others at the same place count as others: nothing is spoken from what was read before."""
    with running(voices.folder / "server", voices.settings()) as server:
        assert pitch(spoken(server)) == pytest.approx(OLD, abs=3)
        folder = voices.files.locate(RECORD)
        assert folder
        graph = folder / "en_US-mine-medium.onnx"
        graph.unlink()
        write_voice(voices.folder / "other", "en_US-mine-medium", hertz=(NEW,))
        # of the same length, or the model would not be complete
        other = (voices.folder / "other" / graph.name).read_bytes()
        graph.write_bytes(other)
        assert pitch(spoken(server)) == pytest.approx(NEW, abs=6)


def test_what_another_process_speaks_with_stays(voices: Voices) -> None:
    """Neither a second server nor the command line deletes what a server speaks with; once that has ended, however,
    anybody may.
    """
    with (
        running(voices.folder / "first", voices.settings()) as first,
        running(voices.folder / "second", voices.settings()) as second,
    ):
        route = f"{second.base_url}/voicebox/models/{NAME}"
        assert pitch(spoken(first)) == pytest.approx(OLD, abs=3)
        refused = httpx.delete(route, timeout=TIMEOUT)
        with pytest.raises(ModelInUse, match=f"process {first.process.pid}"):
            voices.files.delete(RECORD, RECORDS)

        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "model_in_use")
        assert voices.files.locate(RECORD)
        assert pitch(spoken(first)) == pytest.approx(OLD, abs=3)

        first.process.kill()
        first.process.wait()
        deleted = httpx.delete(route, timeout=TIMEOUT)
        assert deleted.status_code == 200, deleted.text
        assert json.loads(deleted.content)["freed"] > 0
        assert voices.files.locate(RECORD) is None
        assert list((voices.folder / "hub" / ".locks" / "voicebox-claims").glob("*.json")) == []


def test_a_model_at_rest_is_claimed_by_nobody(voices: Voices) -> None:
    """What a server has pulled and not loaded, another program may delete; the server knows soon that it is gone."""
    with running(voices.folder / "server", voices.settings()) as server:
        route = f"{server.base_url}/voicebox/models/{NAME}"
        spoken(server)
        assert httpx.post(f"{route}/unload", timeout=TIMEOUT).status_code == 200
        assert voices.files.delete(RECORD, RECORDS) > 0
        wait_until(lambda: httpx.get(route, timeout=TIMEOUT).json()["state"] == "absent", "it is known")
