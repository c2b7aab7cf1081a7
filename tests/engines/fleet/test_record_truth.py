"""Tests that records and engines say the same where both say something: what is presumed of a model before it has run
is what it says once it does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import contract_engines
import pytest
from msgspec.structs import replace
from one_worker import path_of_engines
from outputs import QUIET

from engines.api import CloningCapabilities, EngineInfo, Place, Setting, SpeechCapabilities, Voice
from engines.catalogue.engines import EngineRecord
from engines.catalogue.families import fit_model
from engines.catalogue.family import CheckpointFacts
from engines.catalogue.models import find_model
from engines.catalogue.own import OwnModel
from engines.fleet.model_engines import CONTRADICTION, ModelEngines
from engines.fleet.presumed_info import presumed_info
from engines.fleet.record_truth import contradictions
from engines.fleet.worker_process import StartFailed, WorkerProcess
from engines.memory.governor import Governor
from engines.settings import ModelSettings, WorkerSettings

CLONING = CloningCapabilities(24_000)


def voxcpm() -> tuple[Path, EngineInfo]:
    tiny = pytest.importorskip("tiny_voxcpm")
    return tiny.folder(), tiny.loaded()[1]


def pocket() -> tuple[Path, EngineInfo]:
    tiny = pytest.importorskip("tiny_pocket")
    return tiny.folder(), tiny.loaded()[1]


def kokoro() -> tuple[Path, EngineInfo]:
    tiny = pytest.importorskip("tiny_kokoro")
    return tiny.folder(), tiny.loaded()[1]


def kokoro_int8() -> tuple[Path, EngineInfo]:
    real = pytest.importorskip("kokoro_in_process")
    return real.folder(), real.loaded()[1]


def piper() -> tuple[Path, EngineInfo]:
    real = pytest.importorskip("piper_in_process")
    return real.folder(), real.loaded()[1]


def of_transformers(family: str) -> Callable[[], tuple[Path, EngineInfo]]:
    def load() -> tuple[Path, EngineInfo]:
        tiny = pytest.importorskip("tiny_transformers")
        from engines.adapters.transformers_models.speech_engine import TransformersSpeech

        folder = tiny.SPEECH_MODELS[family](Path(mkdtemp()) / family)
        return folder, TransformersSpeech(str(folder)).load(Place(threads=1), QUIET)

    return load


MODELS: dict[str, Callable[[], tuple[Path, EngineInfo]]] = {
    "voxcpm2": voxcpm,
    "pocket-tts-english": pocket,
    "kokoro": kokoro,
    "kokoro-int8": kokoro_int8,
    "piper-en_US-joe-medium": piper,
    "mms-tts-eng": of_transformers("vits"),
    "bark-small": of_transformers("bark"),
    "csm-1b": of_transformers("csm"),
    "dia-1.6b": of_transformers("dia"),
}


TINY = ("bark-small", "csm-1b", "dia-1.6b")
"""models whose small checkpoints have other rates than the published ones"""


@pytest.mark.parametrize("name", MODELS)
def test_what_is_presumed_is_what_it_says(name: str) -> None:
    """Voices, OpenAI's names, rate, languages, cloning, settings, marks and limits of a model that has not run are
    those that it tells when it runs: lists, profiles and the choice of an engine are made by them before.
    """
    folder, said = MODELS[name]()
    record = find_model(name)
    presumed = presumed_info(record, [folder], {"path": str(folder), **record.options})
    found = contradictions(presumed, said)
    if name in TINY:
        found.pop("sample_rate")
    assert not found


def test_what_contradicts_is_told_by_its_name() -> None:
    """Each field in which a record and an engine differ is named, with both; what a record leaves open is none."""
    speech = SpeechCapabilities(24_000, ("en-US",), settings=(Setting("warmth", 0.0, 1.0),))
    record = EngineInfo("mimic", "1", "MIT", ("mimic",), (Voice("low", "Low"),), speech=speech)
    assert not contradictions(record, replace(record, version="2", device="cuda"))
    assert not contradictions(replace(record, speech=replace(speech, languages=())), record)
    other = replace(speech, sample_rate=48_000, languages=("de",), settings=(), cloning=CLONING)
    assert contradictions(record, replace(record, voices=(), speech=other)) == {
        "voices": ({"low"}, set()),
        "sample_rate": (24_000, 48_000),
        "languages": ({"en"}, {"de"}),
        "settings": ({"warmth"}, set()),
        "cloning": (True, False),
    }


def test_an_engine_that_is_not_for_what_its_record_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start whose engine cannot do what its record is chosen for has failed, for good, and says why."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(contract_engines.__file__))
    record = EngineRecord("stepping", "contract_engines:Stepping", ("speech", "transcription"), "MIT")

    async def test() -> None:
        with pytest.raises(StartFailed, match="its record says that it is for transcription") as caught:
            await WorkerProcess.start(
                record, WorkerSettings(), lambda *_, **__: None, options={"file": os.devnull}
            )
        assert caught.value.permanent

    asyncio.run(asyncio.wait_for(test(), 60))


@pytest.mark.parametrize(
    ("config", "rate", "settings"),
    [
        ({"model_type": "dia"}, 44_100, {"temperature", "guidance_scale"}),
        ({"model_type": "bark"}, 24_000, {"temperature", "waveform_temperature"}),
        ({"model_type": "vits", "sampling_rate": 22_050}, 22_050, set()),
    ],
)
def test_a_model_of_ones_own_has_the_settings_of_its_kind(
    config: dict[str, Any], rate: int, settings: set[str], tmp_path: Path
) -> None:
    """What may be set of a model that somebody brings is known before it has run, by its config.json, and so is its
    rate.
    """
    facts = CheckpointFacts(("config.json", "model.safetensors", "tokenizer.json", "vocab.json"), config)
    record = fit_model("mine", OwnModel("me/mine"), facts)
    speech = presumed_info(record, [tmp_path], {}).speech
    assert speech
    assert (speech.sample_rate, {one.name for one in speech.settings}) == (rate, settings)


def test_what_contradicts_is_in_the_log(tmp_path: Path) -> None:
    """A model that says otherwise than its record, when it first runs, has that told in the log, field by field."""
    told: list[dict[str, Any]] = []
    record = find_model("voxcpm2")

    def log(event: str, **fields: Any) -> None:
        told.append({"event": event, **fields})

    async def test() -> None:
        engines = ModelEngines(tmp_path / "learned", Governor(0), 0.0, log=log)
        made = engines.make(record, [tmp_path], 0, ModelSettings())
        presumed = made.on_demand.presumed
        assert presumed and presumed.speech
        said = replace(presumed, speech=replace(presumed.speech, sample_rate=16_000))
        made.on_demand.on_ready(presumed, os.getpid(), 1.0)
        assert not told
        made.on_demand.on_ready(said, os.getpid(), 1.0)

    asyncio.run(asyncio.wait_for(test(), 60))
    difference = {"field": "sample_rate", "record": "48000", "said": "16000"}
    assert told == [{"event": CONTRADICTION, "engine": "voxcpm2", **difference}]
