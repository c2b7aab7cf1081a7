"""Tests of the one GPU that a worker is shown."""

from __future__ import annotations

import pytest

from engines.fleet import worker_cards
from engines.fleet.worker_cards import show_one_card
from engines.settings import Options

NAMES = ["GPU-a", "GPU-b"]


@pytest.mark.parametrize(
    ("device", "card", "shown", "said"),
    [
        ("auto", 1, {"CUDA_VISIBLE_DEVICES": "GPU-b"}, "auto"),
        ("cuda", 0, {"CUDA_VISIBLE_DEVICES": "GPU-a"}, "cuda"),
        ("cuda:1", None, {"CUDA_VISIBLE_DEVICES": "GPU-b"}, "cuda"),
        ("cuda:1", 0, {"CUDA_VISIBLE_DEVICES": "GPU-b"}, "cuda"),
        ("cuda:9", None, {}, "cuda:9"),
        ("cuda:x", 0, {}, "cuda:x"),
        ("auto", None, {}, "auto"),
        ("cpu", 1, {}, "cpu"),
        ("mps", None, {}, "mps"),
        ("xpu:1", None, {"ZE_AFFINITY_MASK": "1"}, "xpu"),
    ],
)
def test_a_worker_sees_one_card(
    monkeypatch: pytest.MonkeyPatch, device: str, card: int | None, shown: dict[str, str], said: str
) -> None:
    """The card that its settings name, or else the one that it was given; its engine is told no number."""
    monkeypatch.setattr(worker_cards, "gpu_names", lambda _: NAMES)
    options: Options = {"device": device, "path": "/m"}
    found = show_one_card(options, card, {})
    assert found.variables == shown
    assert found.options == {"device": said, "path": "/m"}
    assert options["device"] == device


@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({}, {"CUDA_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "1"}),
        ({"HIP_VISIBLE_DEVICES": "4,6"}, {"CUDA_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "6"}),
        ({"CUDA_VISIBLE_DEVICES": "2, 3"}, {"CUDA_VISIBLE_DEVICES": "3", "HIP_VISIBLE_DEVICES": "3"}),
        ({"CUDA_VISIBLE_DEVICES": "2"}, {}),
        ({"CUDA_VISIBLE_DEVICES": ""}, {}),
    ],
)
def test_cards_whose_driver_tells_no_names(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], shown: dict[str, str]
) -> None:
    """Cards of a driver that says nothing are counted as the gateway's environment has them."""
    for names in ("gpu_names", "hip_names"):
        monkeypatch.setattr(worker_cards, names, lambda _: [])
    assert show_one_card({"device": "cuda:1"}, None, environ).variables == shown


def test_intels_cards_keep_to_what_is_let_through() -> None:
    """So are Intel's."""
    found = show_one_card({"device": "xpu:1"}, None, {"ZE_AFFINITY_MASK": "0.1,2"})
    assert found.variables == {"ZE_AFFINITY_MASK": "2"}
