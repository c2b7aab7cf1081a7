"""What is known of a model from when it last ran, also where an earlier version wrote it down."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from engines.api import EngineInfo, TranscriptionCapabilities
from engines.fleet.model_facts import Learned, LearnedModels, same_key

KEY = "whisper  model=whisper-tiny path=/models/whisper-tiny"
INFO = EngineInfo(
    "whisper-tiny",
    "1",
    "Apache-2.0",
    ("whisper-tiny",),
    transcription=TranscriptionCapabilities(("en",), words=True),
)


def test_what_is_written_is_found(tmp_path: Path) -> None:
    """A model's own words come back, with what its process holds; under another key they do not."""
    models = LearnedModels(tmp_path / "learned")
    models.measure_and_write("whisper-tiny", os.getpid(), Learned(KEY, INFO, 0, 2.5))
    found = models.find("whisper-tiny", KEY)

    assert found is not None
    assert (found.info, found.seconds) == (INFO, 2.5)
    assert found.memory > 1_000_000
    assert models.load_seconds("whisper-tiny") == 2.5
    assert models.find("whisper-tiny", KEY.replace("tiny", "base")) is None
    assert [path.name for path in (tmp_path / "learned").iterdir()] == ["whisper-tiny.json"]


def test_what_an_earlier_version_wrote_is_found(tmp_path: Path) -> None:
    """Its key begins with a path of import, and what transcribes was called `listening`."""
    info = msgspec.to_builtins(INFO)
    info["listening"] = info.pop("transcription")
    written = {
        "key": KEY.replace("whisper ", "engines.whisper.engine:Whisper ", 1),
        "info": info,
        "memory": 5,
    }
    (tmp_path / "whisper-tiny.json").write_text(json.dumps(written))
    found = LearnedModels(tmp_path).find("whisper-tiny", KEY)

    assert found == Learned(written["key"], INFO, 5)


@pytest.mark.parametrize(
    ("written", "same"),
    [
        (KEY, True),
        ("faster-whisper" + KEY.removeprefix("whisper"), False),
        ("engines.whisper.engine:Whisper" + KEY.removeprefix("whisper"), True),
        ("engines.whisper.engine:Whisper" + KEY.removeprefix("whisper") + " device=cuda", False),
        ("", False),
    ],
)
def test_keys(written: str, same: bool) -> None:
    """A key of the adapter's name is taken at its word, one of its import path by the rest."""
    assert same_key(written, KEY) == same


@pytest.mark.parametrize(
    "content", ["", "[]", "null", '{"info": 3}', '{"key": "k", "info": {}, "memory": 1}']
)
def test_a_file_that_makes_no_sense_is_none(tmp_path: Path, content: str) -> None:
    """What cannot be read is not known: the model is asked again."""
    (tmp_path / "m.json").write_text(content)
    models = LearnedModels(tmp_path)

    assert (models.find("m", KEY), models.find("other", KEY), models.load_seconds("m")) == (None, None, 0.0)
