"""Tests of what an engine declares that requests may hold: what contradicts itself is refused when it loads."""

from __future__ import annotations

import msgspec
import pytest

from engines.api import EngineInfo, Setting, SpeechCapabilities
from engines.catalogue.models import MODELS
from engines.catalogue.request_options import request_options
from engines.fakes.tone import Tone
from engines.worker.contract_check import BrokenContract, check_engine


def info(**options: object) -> EngineInfo:
    """Return the account of an engine with some capabilities."""
    speech = msgspec.structs.replace(SpeechCapabilities(24_000, ("en",)), **options)
    return EngineInfo("odd", "1", "Apache-2.0", ("odd",), speech=speech)


@pytest.mark.parametrize(
    "setting",
    [
        Setting("low only", low=1.0),
        Setting("upside down", 2.0, 1.0, 1.5),
        Setting("outside", 0.0, 1.0, 2.0),
        Setting("fraction", 0, 2, 0.5, whole=True),
        Setting("no choice", default="x", choices=("a", "b")),
        Setting("both", 0, 1, "a", choices=("a", "b")),
        Setting("no boolean", default=1.0),
    ],
    ids=lambda setting: setting.name,
)
def test_settings_that_contradict_themselves(setting: Setting) -> None:
    """A setting whose limits, choices and default do not go together is named when the engine loads."""
    with pytest.raises(BrokenContract, match=f"`{setting.name}`"):
        check_engine(Tone(), info(settings=(setting,)))


@pytest.mark.parametrize("mark", ["[", "x*", ""])
def test_marks_that_are_none(mark: str) -> None:
    """A mark that is no regular expression, or fits nothing at all, is named when the engine loads."""
    with pytest.raises(BrokenContract, match="mark"):
        check_engine(Tone(), info(marks=(mark,)))


def test_two_settings_of_one_name() -> None:
    """A request could mean only one of them."""
    twice = (Setting("x", 0, 1), Setting("x", default=True))

    with pytest.raises(BrokenContract, match="two settings"):
        check_engine(Tone(), info(settings=twice))


def test_those_of_the_catalogue_are_sound() -> None:
    """What the records say of settings and marks, before any engine runs, holds to the same rules."""
    found = {record.engine.request_options for record in MODELS if record.engine.request_options}
    assert len(found) >= 7
    for record in MODELS:
        options = request_options(record.engine)
        check_engine(Tone(), info(**msgspec.structs.asdict(options)))
