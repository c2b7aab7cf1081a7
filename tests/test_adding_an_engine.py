"""Tests the promise of docs/adding-an-engine.md: a further engine is one new folder and one record."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
from hub_server import FakeHub
from neural_server import serve_models, served_models, speak
from safetensors.numpy import save
from servers import running, wait_until

PITCHES = save({"low": np.array([200.0]), "high": np.array([800.0])})
ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "adding-an-engine.md").read_text("utf-8")
ADAPTER, RECORD, VOICE_FILES, TESTS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a copy of the program, which is the one that runs, with the page's files and record in it."""
    place = tmp_path / "copy"
    for package in ("gateway", "engines", "voices", "compat", "streaming", "conformance"):
        # with what Python has compiled of it, but not what it is just writing
        shutil.copytree(ROOT / package, place / package, ignore=shutil.ignore_patterns("*.pyc.*"))
    adapter = place / "engines" / "adapters" / "hummer"
    adapter.mkdir()
    (adapter / "__init__.py").write_text('"""Hummer."""\n')
    (adapter / "engine.py").write_text(ADAPTER)
    (adapter / "voice_files.py").write_text(VOICE_FILES)
    known = place / "engines" / "catalogue" / "models.py"
    before = known.read_text()
    known.write_text(before.replace("    KOKORO,\n", f"    {RECORD.strip()},\n    KOKORO,\n", 1))
    assert known.read_text() != before
    monkeypatch.chdir(place)
    return place


def test_one_folder_and_one_record(copy: Path, tmp_path: Path) -> None:
    """With the pieces of the page the model is listed, pulled, served with its voices, and speaks, at a place
    that its settings tell and it does not ask for.
    """

    def publish(hub: FakeHub) -> None:
        hub.publish("acme/hummer", {"model.safetensors": PITCHES})

    (tmp_path / "server").mkdir()
    chosen = {"each": {"hummer": {"options": {"device": "cpu", "threads": 2}}}}
    with serve_models(tmp_path / "server", ["hummer"], publish, chosen) as server:
        listed = httpx.get(f"{server.base_url}/voicebox/models/hummer").json()
        low, high = (speak(server, "hummer", voice=voice) for voice in ("low", "high"))

    assert (listed["engine"], listed["licence"], listed["repo"]) == ("hummer", "CC0-1.0", "acme/hummer")
    crossings = [int(np.count_nonzero(np.diff(np.signbit(sound)))) for sound in (low, high)]
    assert crossings[1] > 3 * crossings[0] > 0


def test_a_folder_in_place_of_a_hub(copy: Path, tmp_path: Path) -> None:
    """A record may name a folder: nothing is pulled then. Neighbours whose adapters cannot even tell their voices or
    what a request may set are left out, with the reason, and the hummer is served all the same.
    """
    (tmp_path / "model.safetensors").write_bytes(PITCHES)
    known = copy / "engines" / "catalogue" / "models.py"
    in_folder = RECORD.strip().replace('repo="acme/hummer"', f'repo="", folder={str(tmp_path)!r}')
    mumbler = in_folder.replace('name="hummer"', 'name="mumbler"').replace(":read_voices", ":gone")
    humble = in_folder.replace('name="hummer"', 'name="humble"').replace(
        "rank=1,", 'rank=1, request_options="engines.adapters.hummer.voice_files:gone",'
    )
    before = known.read_text()
    known.write_text(before.replace(RECORD.strip(), f"{mumbler},\n    {humble},\n    {in_folder}", 1))
    assert known.read_text().count("folder=") == before.count("folder=") + 3

    with running(tmp_path / "server") as server:
        wait_until(lambda: "hummer" in served_models(server), "the hummer is served")
        assert speak(server, "hummer", voice="low").any()
        left_out = {
            name: httpx.post(f"{server.base_url}/voicebox/models/{name}/load", timeout=60)
            for name in ("mumbler", "humble")
        }

    for name, answer in left_out.items():
        assert answer.status_code == 503
        assert f"`{name}` cannot be served: " in answer.text
        assert "has no attribute 'gone'" in answer.text


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize(("file", "voices"), [(PITCHES, {"low", "high"}), (b"broken", set[str]())])
def test_voices_are_told_before_it_has_run(tmp_path: Path, file: bytes, voices: set[str]) -> None:
    """Its voices are read from its file, and there are none where that is broken."""
    (tmp_path / "model.safetensors").write_bytes(file)
    script = (
        "from pathlib import Path\n"
        "from engines.catalogue.models import find_model\n"
        "from engines.fleet.presumed_info import presumed_info\n"
        f"info = presumed_info(find_model('hummer'), [Path({str(tmp_path)!r})], {{}})\n"
        "print(*(voice.id for voice in info.voices))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == voices


def test_its_own_tests(copy: Path) -> None:
    """The tests of the page pass."""
    (copy / "test_hummer.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "test_hummer.py",
    ]
    paths = os.pathsep.join([str(copy), str(ROOT / "tests" / "support")])
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=copy,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
