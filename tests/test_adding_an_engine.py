"""Tests the promise of docs/adding-an-engine.md: a further engine is one new folder and one record."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
from hub_server import FakeHub
from neural_server import serve_models, speak
from safetensors.numpy import save

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "adding-an-engine.md").read_text("utf-8")
ADAPTER, RECORD = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a copy of the program, which is the one that runs, with the page's adapter and record in it."""
    place = tmp_path / "copy"
    for package in ("gateway", "engines", "voices", "compat", "streaming", "conformance"):
        shutil.copytree(ROOT / package, place / package, ignore=shutil.ignore_patterns("__pycache__"))
    adapter = place / "engines" / "adapters" / "hummer"
    adapter.mkdir()
    (adapter / "__init__.py").write_text('"""Hummer."""\n')
    (adapter / "engine.py").write_text(ADAPTER)
    known = place / "engines" / "catalogue" / "models.py"
    before = known.read_text()
    known.write_text(before.replace("    KOKORO,\n", f"    {RECORD.strip()},\n    KOKORO,\n", 1))
    assert known.read_text() != before
    monkeypatch.chdir(place)
    return place


def test_one_folder_and_one_record(copy: Path, tmp_path: Path) -> None:
    """With the two pieces of the page the model is listed, pulled, served with its voices, and speaks."""

    def publish(hub: FakeHub) -> None:
        hub.publish(
            "acme/hummer", {"model.safetensors": save({"low": np.array([200.0]), "high": np.array([800.0])})}
        )

    (tmp_path / "server").mkdir()
    with serve_models(tmp_path / "server", ["hummer"], publish) as server:
        listed = httpx.get(f"{server.base_url}/voicebox/models/hummer").json()
        low, high = (speak(server, "hummer", voice=voice) for voice in ("low", "high"))

    assert (listed["engine"], listed["licence"], listed["repo"]) == ("hummer", "CC0-1.0", "acme/hummer")
    crossings = [int(np.count_nonzero(np.diff(np.signbit(sound)))) for sound in (low, high)]
    assert crossings[1] > 3 * crossings[0] > 0
