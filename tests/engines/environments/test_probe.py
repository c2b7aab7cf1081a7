"""Tests of what an interpreter reports of the GPUs that its torch finds; a stand-in says what torch would."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from engines.environments.probe import torch_devices


def torch(kind: str, *, hip: str | None = None) -> SimpleNamespace:
    """Return a torch that finds two GPUs of a kind."""

    def device(name: str) -> SimpleNamespace:
        return SimpleNamespace(
            is_available=lambda: name == kind,
            device_count=lambda: 2,
            get_device_name=lambda number: f"GPU {number}",
            get_device_capability=lambda number: (9, number),
            get_device_properties=lambda number: SimpleNamespace(gcnArchName=f"gfx110{number}:xnack-"),
            get_arch_list=lambda: ["sm_90"],
        )

    backends = SimpleNamespace(mps=device("mps"))
    version = SimpleNamespace(hip=hip)
    return SimpleNamespace(
        get_num_threads=lambda: 1, cuda=device("cuda"), xpu=device("xpu"), backends=backends, version=version
    )


@pytest.mark.parametrize(
    ("kind", "hip", "devices", "gpus"),
    [
        ("cuda", None, ["cpu", "cuda:0", "cuda:1"], [("GPU 0", "9.0"), ("GPU 1", "9.1")]),
        ("cuda", "7.2", ["cpu", "cuda:0", "cuda:1"], [("GPU 0", "gfx1100"), ("GPU 1", "gfx1101")]),
        ("xpu", None, ["cpu", "xpu:0", "xpu:1"], [("GPU 0", ""), ("GPU 1", "")]),
        ("mps", None, ["cpu", "mps"], []),
        ("none", None, ["cpu"], []),
    ],
)
def test_each_makers_gpus_are_named(
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    hip: str | None,
    devices: list[str],
    gpus: list[tuple[str, str]],
) -> None:
    """NVIDIA's, AMD's, Intel's and Apple's GPUs are each reported, with what torch calls them."""
    monkeypatch.setitem(sys.modules, "torch", torch(kind, hip=hip))
    found = torch_devices()
    assert found["devices"] == devices
    assert [(gpu["name"], gpu.get("capability", "")) for gpu in found["gpus"]] == gpus
