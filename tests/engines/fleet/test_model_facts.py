"""Tests of what is remembered of a model from its last run, in today's files and in those of an earlier
version.
"""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import msgspec
import pytest

from engines.api import EngineInfo, TranscriptionCapabilities
from engines.fleet.model_facts import CONTEXT, Learned, LearnedModels, same_key
from engines.memory.governor import GIB
from engines.wire.memory_use import MemoryUse

KEY = "whisper  model=whisper-tiny path=/models/whisper-tiny"
INFO = EngineInfo(
    "whisper-tiny",
    "1",
    "Apache-2.0",
    ("whisper-tiny",),
    transcription=TranscriptionCapabilities(("en",), words=True),
)


def test_what_is_written_is_found(tmp_path: Path) -> None:
    """A model's info, memory and load time are found under its key, and under no other."""
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
    """A file whose key begins with an import path is understood."""
    info = msgspec.to_builtins(INFO)
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
    """A key that begins with an adapter's name is compared as a whole, one that begins with an import path by
    the rest.
    """
    assert same_key(written, KEY) == same


@pytest.mark.parametrize(
    "content", ["", "[]", "null", '{"info": 3}', '{"key": "k", "info": {}, "memory": 1}']
)
def test_an_unreadable_file_is_ignored(tmp_path: Path, content: str) -> None:
    """A file that cannot be read counts as none."""
    (tmp_path / "m.json").write_text(content)
    models = LearnedModels(tmp_path)

    assert (models.find("m", KEY), models.find("other", KEY), models.load_seconds("m")) == (None, None, 0.0)


def test_what_a_model_takes_is_the_most_that_it_took(tmp_path: Path) -> None:
    """What it says of itself while it runs counts where it is more; a GPU's context is added to what torch took."""
    models = LearnedModels(tmp_path)
    on_card = msgspec.structs.replace(INFO, device="cuda")
    models.measure_and_write("m", os.getpid(), Learned(KEY, on_card, 0))
    first = models.find("m", KEY)
    assert first is not None

    models.measure_again("m", KEY, os.getpid(), MemoryUse(peak=1, gpu=GIB, gpu_peak=3 * GIB))
    found = models.find("m", KEY)
    assert found is not None
    assert (found.memory, found.gpu) == (first.memory, 3 * GIB + CONTEXT)

    models.measure_again("m", KEY, os.getpid(), MemoryUse(peak=64 * GIB, gpu_peak=2 * GIB))
    found = models.find("m", KEY)
    assert found is not None
    assert (found.memory, found.gpu) == (64 * GIB, 3 * GIB + CONTEXT)
    models.measure_again("m", KEY + " other", os.getpid(), MemoryUse(peak=99 * GIB))
    assert models.find("m", KEY) == found


def test_one_job_beyond_all_measure_is_forgotten(tmp_path: Path) -> None:
    """What earlier runs took and this one does not counts half, with each start less."""
    models = LearnedModels(tmp_path)
    models.measure_and_write("m", os.getpid(), Learned(KEY, INFO, 0))
    models.measure_again("m", KEY, os.getpid(), MemoryUse(peak=64 * GIB))
    for _ in range(12):
        before = models.find("m", KEY)
        assert before is not None
        models.measure_and_write("m", os.getpid(), Learned(KEY, INFO, 0))
        found = models.find("m", KEY)
        assert found is not None
        assert before.memory // 2 <= found.memory <= before.memory
    last = models.find("m", KEY)
    assert last is not None
    own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # of this process, which is measured
    assert last.memory < GIB + own_peak
