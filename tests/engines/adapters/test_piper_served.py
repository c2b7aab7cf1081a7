"""Piper's voices pulled from a hub and served: by their own names, by OpenAI's, and from a folder of one's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
from hub_server import FakeHub
from neural_server import serve_models, speak
from numpy.typing import NDArray
from servers import Server, running
from tiny_piper import write_voice

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install -e '.[natural]'")

GERMAN = "piper-de_DE-thorsten-medium"
OWN = "nathalie"
TEXT = "Guten Tag, wie geht es Ihnen?"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with a voice of the catalogue and one that the settings name, of the same repository."""
    voices = tmp_path_factory.mktemp("voices")
    write_voice(voices / "de" / "de_DE" / "thorsten" / "medium", "de_DE-thorsten-medium", hertz=(220.0,))
    belgian = voices / "nl" / "nl_BE" / "nathalie" / "x_low"
    write_voice(belgian, "nl_BE-nathalie-x_low", rate=16_000, hertz=(440.0,), espeak={"voice": "nl"})
    for folder in (belgian, voices / "de" / "de_DE" / "thorsten" / "medium"):
        (folder / "MODEL_CARD").write_text("# Model card\n\n* License: CC0\n")
    own = {OWN: {"repo": "rhasspy/piper-voices", "engine": "piper", "voice": "nl_BE-nathalie-x_low"}}

    def publish(hub: FakeHub) -> None:
        hub.publish("rhasspy/piper-voices", voices)

    folder = tmp_path_factory.mktemp("server")
    with serve_models(folder, [GERMAN, OWN], publish, {"own": own}) as started:
        yield started


def pitch(samples: NDArray[np.int16]) -> float:
    """Return the frequency of the tone, in Hertz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples)))) * 24_000 / len(samples)


def test_voices_are_served(server: Server) -> None:
    """Each model speaks with its own voice, which goes by its own name and by OpenAI's, at any speed."""
    plain = speak(server, GERMAN, TEXT)

    assert pitch(plain) == pytest.approx(220, abs=2)
    assert pitch(speak(server, GERMAN, TEXT, "de_DE-thorsten-medium")) == pytest.approx(220, abs=2)
    assert pitch(speak(server, OWN, TEXT, "onyx")) == pytest.approx(440, abs=4)
    seeded = [len(speak(server, GERMAN, TEXT, speed=speed, seed=3)) for speed in (1.0, 2.0)]
    assert seeded[0] / seeded[1] == pytest.approx(2, rel=0.05)


def test_what_is_listed(server: Server) -> None:
    """A model is shown with its engine, its repository and its licence."""
    listed = httpx.get(f"{server.base_url}/voicebox/models/{GERMAN}").json()

    assert (listed["engine"], listed["repo"]) == ("piper", "rhasspy/piper-voices")
    assert listed["licence"] == "CC0-1.0"


def test_a_seed_repeats_a_reading(server: Server) -> None:
    """A seed that is given makes the same audio again."""
    bodies = [
        httpx.post(
            f"{server.base_url}/audio/speech",
            json={"model": GERMAN, "voice": "alloy", "input": TEXT, "seed": 7, "response_format": "pcm"},
            timeout=60,
        )
        for _ in range(2)
    ]

    assert bodies[0].status_code == 200
    assert bodies[0].content == bodies[1].content


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    """The engine `piper` serves all voices of a folder, without any pull."""
    folder = tmp_path / "voices"
    write_voice(folder, "de_DE-eins-medium", hertz=(220.0,))
    write_voice(folder, "de_DE-zwei-medium", hertz=(330.0,))
    settings = {"engines": {"piper": {"enabled": True, "options": {"path": str(folder)}}}}
    with running(tmp_path / "server", settings) as started:
        assert pitch(speak(started, "piper", TEXT, "de_DE-zwei-medium")) == pytest.approx(330, abs=3)
        assert pitch(speak(started, "piper", TEXT, "de_DE-eins-medium")) == pytest.approx(220, abs=3)
    shutil.rmtree(folder)


def test_settings_of_a_request(server: Server) -> None:
    """The figures of a voice's JSON can be set by a request, within their range; what else is set is named."""
    usual, slow = (
        len(speak(server, GERMAN, TEXT, seed=3, settings={"length_scale": length})) for length in (1.0, 2.0)
    )
    body = {"model": GERMAN, "input": TEXT, "voice": "alloy", "response_format": "pcm"}
    far = {"settings": {"length_scale": 3}}
    foreign = {"settings": {"temperature": 1, "noise_scale": 0}}

    assert slow / usual == pytest.approx(2, rel=0.3)
    refusal = httpx.post(f"{server.url}/v1/audio/speech", json=body | far, timeout=60)
    assert refusal.status_code == 400
    assert "from 0.5 to 2" in refusal.json()["error"]["message"]
    answer = httpx.post(f"{server.url}/v1/audio/speech", json=body | foreign, timeout=60)
    assert answer.headers["x-voicebox-ignored"] == "settings.temperature"


def test_marks_of_other_engines(server: Server) -> None:
    """A mark that Piper does not know is not read."""
    marked = f"[S1] {TEXT} (laughs)"

    assert speak(server, GERMAN, marked, seed=3).tobytes() == speak(server, GERMAN, TEXT, seed=3).tobytes()
