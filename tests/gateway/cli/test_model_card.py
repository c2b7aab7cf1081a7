"""Tests of what `voicebox models show` tells of a model that has run: where it computed, and what a seed is worth there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engines.api import EngineInfo, SpeechCapabilities, TranscriptionCapabilities
from engines.fleet.model_facts import LEARNED_FOLDER, Learned, LearnedModels

MODEL = "dia-1.6b"


def show(data: Path, *more: str, model: str = MODEL) -> str:
    command = [sys.executable, "-m", "gateway", "models", "show", model, *more]
    environ = {**os.environ, "VOICEBOX_DATA_DIR": str(data)}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environ).stdout


def learn(data: Path, device: str, *, seed: bool) -> None:
    """Write down what a model said when it last ran."""
    info = EngineInfo(
        MODEL, "1", "MIT", (MODEL,), speech=SpeechCapabilities(24_000, ("en",), seed=seed), device=device
    )
    LearnedModels(data / LEARNED_FOLDER).measure_and_write(MODEL, os.getpid(), Learned("a key", info, 0))


@pytest.mark.parametrize(
    ("device", "seed", "worth", "words"),
    [
        ("cpu", True, "exact", "the same audio each time"),
        ("cuda", True, "similar", "nearly the same"),
        ("mps", True, "similar", "nearly the same"),
        ("cuda", False, "none", "no effect"),
    ],
)
def test_what_a_seed_is_worth(tmp_path: Path, device: str, seed: bool, worth: str, words: str) -> None:
    """A processor gives the same audio for the same seed, other devices nearly the same."""
    learn(tmp_path, device, seed=seed)
    facts = json.loads(show(tmp_path, "--json"))
    assert (facts["device"], facts["seed"]) == (device, worth)
    assert f"seed: {worth}: " in show(tmp_path)
    assert words in show(tmp_path)


def test_a_model_that_has_never_run(tmp_path: Path) -> None:
    """Before it has run nothing is claimed; of one that transcribes no seed is told."""
    facts = json.loads(show(tmp_path, "--json"))
    assert (facts["device"], facts["seed"]) == (None, None)
    assert "known once the model has run" in show(tmp_path)
    assert "seed" not in show(tmp_path, model="whisper-tiny")


def test_a_model_in_a_folder(tmp_path: Path) -> None:
    """What lies in a folder comes from there, and not from any source; a pull says where it lies."""
    config = tmp_path / "settings.yaml"
    config.write_text(f"models: {{own: {{mine: {{folder: {tmp_path}}}}}}}")
    assert "sources: folder\n" in show(tmp_path, "--config", str(config), model="mine")
    command = [sys.executable, "-m", "gateway", "models", "pull", "mine", "--config", str(config)]
    environ = {**os.environ, "VOICEBOX_DATA_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert f", {tmp_path}\n" in done.stderr
    assert "lies in a folder of its own, which models.own or its record names" in done.stderr


def test_who_does_not_speak_has_no_seed() -> None:
    """A seed is worth nothing to an engine that transcribes."""
    info = EngineInfo("a", "1", "MIT", ("a",), transcription=TranscriptionCapabilities(("en",)))
    assert info.seed_worth == "none"
