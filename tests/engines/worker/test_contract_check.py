"""Tests of what an engine says of itself that cannot be, found out when it is loaded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from engines.api import EngineInfo, Place, SpeechCapabilities, SpeechJob, SpeechOutput, Voice
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


class Yielding:
    """An engine that gives its audio to nobody."""

    def speak(self, job: SpeechJob, out: SpeechOutput) -> Iterator[bytes]:
        """Yield audio."""
        yield b"12"


class Awaited:
    """An engine that is to be awaited."""

    async def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Give audio."""
        out.audio(b"12")


@pytest.mark.parametrize(("engine", "why"), [(Yielding(), "yields"), (Awaited(), "coroutine")])
def test_methods_that_do_nothing_when_called(engine: object, why: str) -> None:
    """A method whose call does no work yet is told by its name when the engine is loaded: its jobs would have no
    sound, and no error.
    """
    with pytest.raises(BrokenContract, match=f"`speak` of `mimic` .*{why}"):
        check_engine(engine, INFO)


def test_a_load_that_returns_nothing() -> None:
    """A `load` that forgot to return its info is told so."""
    nothing: Any = None
    with pytest.raises(BrokenContract, match="`load` returned NoneType, and no EngineInfo"):
        check_engine(Speaking(), nothing)


def test_names_of_voices_that_are_not_there() -> None:
    """A name of OpenAI's may stand for a voice, or for a variant of one, and not for what is not there: whoever
    asked for that name would be told to have made a mistake.
    """
    voiced = replace(INFO, voices=(Voice("low", "Low"),), variants=("f3",))
    check_engine(Speaking(), replace(voiced, characters={"alloy": "low", "echo": "low+f3"}))
    with pytest.raises(BrokenContract, match="no voice 'gone', which 'nova' stands for"):
        check_engine(Speaking(), replace(voiced, characters={"alloy": "low", "nova": "gone"}))


@pytest.mark.parametrize(
    ("voices", "why"),
    [
        ((Voice("low", "Low"), Voice("high", "High"), Voice("low", "Lower")), "two voices of the id 'low'"),
        ((Voice("", "Nobody"),), "a voice without an id"),
    ],
)
def test_voices_that_cannot_be_told_apart(voices: tuple[Voice, ...], why: str) -> None:
    """Each voice has an id of its own: the second of two could not be asked for."""
    with pytest.raises(BrokenContract, match=f"`mimic` has {why}"):
        check_engine(Speaking(), replace(INFO, voices=voices))


def test_an_engine_without_a_model() -> None:
    """An engine names a model, if only itself: jobs and lists have the first of them."""
    with pytest.raises(BrokenContract, match="`mimic` names no model"):
        check_engine(Speaking(), replace(INFO, models=()))


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
