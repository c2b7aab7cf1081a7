"""End-to-end tests of models on several GPUs: where each is put, who gives way, and what is refused.

The cards are files that a stand-in of NVIDIA's library reads; server, workers and sockets are real.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest
from servers import TIMEOUT, Server, running, wait_until
from verifying_server import OTHERS, copy_program

SUPPORT = Path(__file__).parents[2] / "support"
GIB = 1024**3
CARDS = {"GPU-a": 4 * GIB, "GPU-b": 4 * GIB, "GPU-c": GIB // 2}
OPTIONS: dict[str, dict[str, Any]] = {
    "one": {"hold": 5 * GIB // 2},
    "two": {"hold": 5 * GIB // 2},
    "three": {"hold": GIB, "device": "cuda:0"},
    "four": {"hold": GIB // 2},
    "five": {"hold": 2 * GIB, "device": "cuda:0"},
    "six": {"hold": GIB, "device": "cuda:2"},
    "pair": {"hold": GIB},
}
"""the models, with what each takes of a card once it runs, and the card that it asks for"""


class Served(NamedTuple):
    """A server, and the folder of its cards."""

    server: Server
    cards: Path

    def load(self, name: str) -> httpx.Response:
        """Load a model, and have what it took be learned."""
        answer = httpx.post(f"{self.server.base_url}/voicebox/models/{name}/load", timeout=TIMEOUT)
        if answer.status_code == 200:
            learned = self.server.folder / "data" / "models" / f"{name}.json"
            wait_until(learned.exists, f"what {name} takes is learned")
        return answer

    def learned(self, name: str) -> dict[str, Any]:
        """Return what is written down of a model."""
        return dict(json.loads((self.server.folder / "data" / "models" / f"{name}.json").read_text()))

    def states(self) -> dict[str, str]:
        """Return the state of each model."""
        found = httpx.get(f"{self.server.base_url}/voicebox/models", timeout=TIMEOUT).json()["data"]
        return {one["id"]: one["state"] for one in found if one["id"] in OPTIONS}

    def places(self) -> dict[str, list[str]]:
        """Return the cards of each model's processes that live."""
        found: dict[str, list[str]] = {}
        for pid in self.processes():
            held = json.loads((self.cards / f"{pid}.json").read_text())
            found.setdefault(held["model"], []).append(held["card"])
        return {name: sorted(cards) for name, cards in found.items()}

    def processes(self) -> set[str]:
        """Return the ids of the processes that were started on cards and live."""
        return {file.stem for file in self.cards.glob("[0-9]*.json") if Path(f"/proc/{file.stem}").exists()}

    def speak(self, name: str, text: str) -> httpx.Response:
        """Speak a text with a model."""
        body = {"model": name, "voice": "low", "input": text, "response_format": "wav"}
        return httpx.post(f"{self.server.base_url}/audio/speech", json=body, timeout=TIMEOUT)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Run a server with models for cards, and three cards."""
    program = copy_program(tmp_path / "program", {"card": "engine_on_card.py"}, "")
    (program / "pynvml.py").write_text((SUPPORT / "fake_nvml.py").read_text())
    add_models(program / "engines" / "catalogue" / "models.py", tmp_path / "weights")
    cards = tmp_path / "cards"
    cards.mkdir()
    (cards / "cards.json").write_text(json.dumps(CARDS))
    driver = tmp_path / "bin" / "nvidia-smi"
    driver.parent.mkdir()
    driver.write_text("#!/bin/sh\n")
    driver.chmod(0o755)
    each = {name: {"options": options} for name, options in OPTIONS.items()}
    each["pair"]["workers"] = 2  # type: ignore[assignment]
    config = {
        "engines": {**{name: {"enabled": False} for name in OTHERS}, "tone": {"enabled": True}},
        "models": {"folder": str(tmp_path / "hub"), "each": each},
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
            patch.delenv(name, raising=False)
        patch.setenv("PYTHONPATH", str(program))
        patch.setenv("PATH", f"{driver.parent}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("CUDA_FAKE_CARDS", str(cards))
        folder = tmp_path / "server"
        folder.mkdir()
        with running(folder, config, cwd=program) as server:
            wait_until(lambda: "six" in Served(server, cards).states(), "the models are known")
            began = Served(server, cards)
            wait_until(lambda: began.places() != {}, "the one that ranks highest is kept")
            for name in began.places():
                httpx.post(
                    f"{server.base_url}/voicebox/models/{name}/unload", timeout=TIMEOUT
                ).raise_for_status()
            wait_until(lambda: began.places() == {}, "none is on a card")
            yield began


def add_models(catalogue: Path, weights: Path) -> None:
    """Add the models to a copy of the catalogue; their files are in a folder."""
    weights.mkdir()
    (weights / "config.json").write_text("{}")
    records = "".join(
        f'    ModelRecord("{name}", "{name}", Adapter("card", "engines.adapters.card.engine:OnCard", (), 5), "", "MIT",'
        f' ("speech",), languages=("en",), voice_types=("preset",), requires=("cuda",), folder={str(weights)!r}),\n'
        for name in OPTIONS
    )
    records += (
        '    ModelRecord("plain", "plain", Adapter("plain", "engines.adapters.card.engine:OnProcessor", (), 1), "", "MIT", ("speech",),'
        f' languages=("en",), voice_types=("preset",), folder={str(weights)!r}),\n'
    )
    before = catalogue.read_text()
    head = "MODELS: tuple[ModelRecord, ...] = (\n"
    assert head in before
    catalogue.write_text(before.replace(head, head + records, 1))


def test_models_find_their_cards(served: Served) -> None:
    """Each model is put on the freest card or on the one that it asks for; who was not used for longest gives way
    there, and only there; who can never fit is refused with the figures, and stops nobody.
    """
    for name, card in (("one", "GPU-a"), ("two", "GPU-b"), ("three", "GPU-a"), ("four", "GPU-b")):
        assert served.load(name).status_code == 200
        assert served.places()[name] == [card]
    assert served.load("five").status_code == 200
    assert served.places() == {"two": ["GPU-b"], "three": ["GPU-a"], "four": ["GPU-b"], "five": ["GPU-a"]}
    assert {name: state for name, state in served.states().items() if state != "ready"} == {
        "one": "resting",
        "six": "resting",
        "pair": "resting",
    }
    refused = served.load("six")
    assert refused.status_code == 503
    assert "on GPU 2: it takes about 0.6 GiB, 0.2 GiB can be had" in refused.json()["error"]["message"]
    assert len(served.places()) == 4


def test_workers_of_one_model_use_several_cards(served: Served) -> None:
    """Two processes of a model are put on two cards where both are free, and it speaks."""
    assert served.load("pair").status_code == 200
    wait_until(lambda: len(served.places().get("pair", ())) == 2, "both are there")
    assert served.places()["pair"] == ["GPU-a", "GPU-b"]
    assert served.speak("pair", "Hello there.").status_code == 200


def test_a_job_that_finds_too_little_memory(served: Served) -> None:
    """Its answer is a 503 with the figures, in which nothing of the library's is, and the model goes on."""
    assert served.load("two").status_code == 200
    before = served.processes()
    answer = served.speak("two", "An overflow.")
    assert answer.status_code == 503
    message = answer.json()["error"]["message"]
    assert "it needs 2.50 GiB more, and 1.00 GiB is free" in message
    assert "CUDA" not in message
    assert served.speak("two", "Hello there.").status_code == 200
    assert served.processes() == before


def test_a_job_that_finds_too_little_memory_gets_room(served: Served) -> None:
    """The governor is told: models that nobody uses are stopped on the card of the job, as many as it takes, so that
    it can be tried again.
    """
    for name, card in (("one", "GPU-a"), ("two", "GPU-b"), ("three", "GPU-a"), ("four", "GPU-b")):
        assert served.load(name).status_code == 200
        assert served.places()[name] == [card]
    answer = served.speak("two", "A small overflow.")
    assert answer.status_code == 503
    assert "it needs 1.00 GiB more" in answer.json()["error"]["message"]
    assert int(answer.headers["retry-after"]) > 0
    wait_until(lambda: "four" not in served.places(), "room is made")
    assert served.places() == {"one": ["GPU-a"], "two": ["GPU-b"], "three": ["GPU-a"]}


def test_what_a_model_takes_is_its_peak(served: Served) -> None:
    """A model that took more than it holds when it is ready has room for that the next time, as torch said it."""
    for name in ("one", "two", "four"):
        assert served.load(name).status_code == 200
    before = served.learned("four")["gpu"]
    assert before == GIB // 2
    assert served.speak("four", "Please grow.").status_code == 200
    wait_until(lambda: served.learned("four")["gpu"] == GIB // 2 + GIB, "its peak is learned")
    assert len(served.places()) == 3
    assert (
        httpx.post(f"{served.server.base_url}/voicebox/models/four/unload", timeout=TIMEOUT).status_code
        == 200
    )
    assert served.load("four").status_code == 200
    assert set(served.places()) == {"two", "four"}


def test_a_driver_that_hangs(served: Served) -> None:
    """While the driver does not answer, models for its cards are refused with the reason, what runs goes on, and a
    model that needs no card is loaded.
    """
    assert served.load("one").status_code == 200
    hangs = served.cards / "hangs"
    hangs.touch()
    try:
        refused = served.load("two")
        assert refused.status_code == 503
        assert "driver of the GPUs" in refused.json()["error"]["message"]
        assert served.load("plain").status_code == 200
        assert served.speak("plain", "Hello there.").status_code == 200
        assert served.speak("one", "Hello there.").status_code == 200
    finally:
        hangs.unlink()
    wait_until(lambda: served.load("two").status_code == 200, "it is loaded once the driver answers")


def test_what_a_seed_is_worth(served: Served) -> None:
    """A model that has run says what a seed is worth where it computes: less on a card; one that has not says
    nothing.
    """
    for name in ("one", "plain"):
        assert served.load(name).status_code == 200
    found = httpx.get(f"{served.server.base_url}/voicebox/models", timeout=TIMEOUT).json()["data"]
    seeds = {one["id"]: one.get("seed") for one in found}
    assert (seeds["one"], seeds["plain"], seeds["dia-1.6b"]) == ("similar", "exact", None)
