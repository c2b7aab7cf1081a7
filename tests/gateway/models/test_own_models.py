"""Tests of the repositories that the settings name, and of the words for their kind, earlier versions'
included.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines.catalogue.models import all_models, find_model
from gateway.config.load import load


@pytest.mark.parametrize(
    ("word", "kind"),
    [("speech", "speech"), ("transcription", "transcription"), ("listening", "transcription")],
)
def test_kinds_of_own_models(tmp_path: Path, word: str, kind: str) -> None:
    """A repository speaks or transcribes as its `kind` says; `listening` is the former word for
    transcription.
    """
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"models": {"own": {"mine": {"repo": "somebody/model", "kind": word}}}}))
    record = find_model("mine", all_models(load(config, {}, {}).models.own))

    assert record.kinds == (kind,)
    assert bool(record.voice_types) is (kind == "speech")
    assert record.engine == find_model("mms-tts-eng" if kind == "speech" else "wav2vec2-base-960h").engine
