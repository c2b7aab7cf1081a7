"""Tests of Qwen3-TTS's files: missing, broken or another model's, in other numbers, with other defaults. Offline."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from model_worker import linked, load_errors, model_worker
from qwen3_checkpoints import checkpoints, recording
from safetensors.numpy import load_file, save_file

pytestmark = pytest.mark.engines
TEXT = "Hello there."


@pytest.fixture(scope="module")
def folder() -> Path:
    """Return a folder with a checkpoint that clones and one with voices."""
    return checkpoints()


def without_a_weight(file: Path) -> None:
    """Take the last weight away."""
    weights = load_file(file)
    weights.pop(sorted(weights)[-1])
    save_file(weights, file, {"format": "pt"})


def of_another_shape(file: Path) -> None:
    """Give a weight another shape."""
    weights = load_file(file)
    name = next(name for name, value in sorted(weights.items()) if value.ndim == 2)
    weights[name] = weights[name][:, 1:].copy()
    save_file(weights, file, {"format": "pt"})


MISSING = ("generation_config.json", "model.safetensors", "speech_tokenizer/model.safetensors")
SPOILT: tuple[tuple[str, Callable[[Path], object], str], ...] = (
    ("model.safetensors", without_a_weight, "not whole: 1 weights are missing"),
    ("speech_tokenizer/model.safetensors", without_a_weight, "not whole: 1 weights are missing"),
    ("model.safetensors", of_another_shape, "cannot load"),
    ("model.safetensors", lambda file: file.write_bytes(file.read_bytes()[:999]), "model.safetensors"),
    ("vocab.json", lambda file: file.write_text("{"), "vocab.json"),
)
"""files, what is done to them, and what is told of it"""


def test_files_that_are_missing_or_spoilt(folder: Path, tmp_path: Path) -> None:
    """A missing file of the model or its codec is named; a file that is not whole, or another model's, is an error that
    names it: nothing is drawn at random.
    """
    checkpoint = folder / "base"
    folders = [
        linked(tmp_path / f"missing-{number}", checkpoint, name) for number, name in enumerate(MISSING)
    ]
    for number, (name, spoil, _) in enumerate(SPOILT):
        spoilt = linked(tmp_path / f"spoilt-{number}", checkpoint, name)
        (spoilt / name).write_bytes((checkpoint / name).read_bytes())
        spoil(spoilt / name)
        folders.append(spoilt)
    errors = load_errors("qwen3-tts-1.7b", [checkpoint, *folders])
    assert errors[0] == ""
    for number, name in enumerate(MISSING):
        assert "files are not there" in errors[1 + number]
        assert f"missing-{number}/{name}" in errors[1 + number]
    for (*_, told), error in zip(SPOILT, errors[1 + len(MISSING) :], strict=True):
        assert told in error


def test_a_checkpoints_own_defaults(folder: Path, tmp_path: Path) -> None:
    """What generation_config.json says is what settings are by default, and how long a text may become."""
    other = linked(tmp_path / "other", folder / "custom", "generation_config.json")
    own = {"temperature": 0.5, "top_k": 7, "subtalker_dosample": False, "max_new_tokens": 3}
    (other / "generation_config.json").write_text(json.dumps(own))
    with model_worker("qwen3-tts-custom-1.7b", [other]) as worker:
        speech = worker.info.speech
        assert speech
        usual = {one.name: one.default for one in speech.settings}
        assert (usual["temperature"], usual["top_k"], usual["subtalker_temperature"]) == (0.5, 7.0, 0.0)
        assert (usual["top_p"], usual["repetition_penalty"]) == (1.0, 1.05)
        assert len(worker.speak("Hello.", None, lambda _: True, voice="ryan", seed=1))


def test_half_precision(folder: Path) -> None:
    """In bfloat16 the model computes other numbers and the codec the same: a voice speaks, by the same prompt."""
    with model_worker("qwen3-tts-1.7b", [folder / "base"]) as whole:
        prompt = whole.prompt(recording(130, "Some words."))
        exact = whole.speak(TEXT, prompt, seed=1)
    with model_worker("qwen3-tts-1.7b", [folder / "base"], dtype="bfloat16") as half:
        first = half.speak(TEXT, prompt, seed=1)
        assert np.array_equal(first, half.speak(TEXT, prompt, seed=1))
        assert np.abs(first.astype(int)).max() > 500
        assert not np.array_equal(first, exact)
