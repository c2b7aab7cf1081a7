"""Tests of what an engine says of itself that cannot be, found out when it is loaded."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from engines.api import EngineInfo, Place, SpeechCapabilities, SpeechJob, SpeechOutput
from engines.errors import EngineFailed
from engines.worker.contract_check import BrokenContract, check_engine
from engines.worker.place_of_engine import check_place

SPEECH = SpeechCapabilities(24_000, ("en",))
INFO = EngineInfo("mimic", "1", "MIT", ("mimic",), speech=SPEECH)


class Speaking:
    """An engine that speaks."""

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    "info",
    [
        replace(INFO, cancel_grace=0.0),
        replace(INFO, cancel_grace=math.nan),
        replace(INFO, speech=replace(SPEECH, sample_rate=0)),
        replace(INFO, speech=replace(SPEECH, speed=(0.0, 2.0))),
        replace(INFO, speech=replace(SPEECH, speed=(2.0, 0.5))),
        replace(INFO, speech=replace(SPEECH, longest_seconds=math.nan)),
        replace(INFO, speech=replace(SPEECH, longest_text=-1)),
    ],
)
def test_figures_that_cannot_be(info: EngineInfo) -> None:
    """A figure that no job could be done with is a fault of the adapter, and is told when it is loaded."""
    check_engine(Speaking(), INFO)
    with pytest.raises(BrokenContract, match="mimic"):
        check_engine(Speaking(), info)


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("auto", "cpu"),
        ("cuda:1", "cuda"),
        ("mlx", "mlx"),
        ("mps", "mlx"),
        ("gpu", "mlx"),
        ("mps", "mps:0"),
        ("rocm", "cuda"),
    ],
)
def test_a_device_by_another_name(asked: str, there: str) -> None:
    """An engine computes on the device that was asked for, whichever of its names that has."""
    check_place(Place(device=asked), replace(INFO, device=there))


@pytest.mark.parametrize(
    ("asked", "there"), [("cuda", "cpu"), ("mps", "cpu"), ("mlx", "cpu"), ("cpu", "mlx")]
)
def test_another_device_is_refused(asked: str, there: str) -> None:
    """An engine that computes elsewhere than it was told to is refused, with both."""
    with pytest.raises(EngineFailed, match=f"no device '{asked}' .* computes on {there}"):
        check_place(Place(device=asked), replace(INFO, device=there))
