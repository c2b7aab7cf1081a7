"""Tests of the group of engines that suits a machine: the one without torch where no GPU is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engines.catalogue.models import MODELS
from engines.catalogue.records import Device
from engines.environments.find import missing_packages, recommended_group
from engines.environments.groups import find_group


@pytest.mark.parametrize(
    ("available", "group"),
    [
        ({"cpu"}, "onnx"),
        ({"cpu", "cuda"}, "main"),
        ({"cpu", "rocm"}, "main"),
        ({"cpu", "mps", "mlx"}, "main"),
    ],
)
def test_recommended_group(available: set[Device], group: str) -> None:
    """Without a GPU it is the one on onnxruntime, with one that with torch."""
    assert recommended_group(available) == group


def test_it_is_small_and_has_what_its_engines_need() -> None:
    """The group without torch takes a tenth of the other, and nothing of it asks for torch; its engines' packages are
    among its own, or come with them.
    """
    small, large = find_group("onnx"), find_group("main")
    needed = {
        package for record in MODELS if record.engine.group == "onnx" for package in record.engine.packages
    }

    assert 8 * small.disk_needed() < large.size
    assert (
        not small.first and "torch" not in small.requirements.read_text("utf-8").partition("-r worker.txt")[2]
    )
    assert needed - {"numpy"} <= set(small.packages)


def test_doctor_tells_of_it(tmp_path: Path) -> None:
    """`voicebox doctor` names the group that suits this machine, and how to install it where it is not there."""
    config = tmp_path / "config.yaml"
    config.write_text(
        json.dumps({"data_dir": str(tmp_path / "data"), "engines": {"hibari": {"enabled": False}}})
    )
    command = [sys.executable, "-m", "gateway", "doctor", "--json", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    [row] = [one for one in json.loads(done.stdout) if one["area"] == "environment"]

    best = find_group(recommended_group())
    missing = missing_packages(best.packages)
    assert (row["name"], row["state"]) == (best.name, "note" if missing else "ok")
    assert row["mend"] == (f"voicebox engines install {best.name}" if missing else "")
