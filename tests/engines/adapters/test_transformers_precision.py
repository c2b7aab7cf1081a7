"""Tests of the numbers that transformers' models compute with, and of where they are built."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from outputs import QUIET, run_speech

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")
pytest.importorskip("diffusers")

import tiny_transformers as tiny
import torch
from safetensors import safe_open
from tiny_vibevoice import make_vibevoice

from engines.adapters.transformers_models import checkpoint
from engines.adapters.transformers_models.precision import model_dtype
from engines.adapters.transformers_models.speech_engine import TransformersSpeech
from engines.api import Audio, Place, SpeechEvent, SpeechJob
from engines.toolkit.building import PLACING_PACKAGE, built_on
from engines.toolkit.checkpoint_kinds import Kind

MAKERS: dict[str, Callable[[Path], Path]] = {**tiny.SPEECH_MODELS, "vibevoice": make_vibevoice}
EXACT_PARTS = {
    "vits": ("_model.decoder", "_model.duration_predictor"),
    "speecht5": ("_vocoder",),
    "bark": ("_model.codec_model",),
    "csm": ("_model.codec_model",),
    "dia": ("_processor.audio_tokenizer",),
    "vibevoice": ("_model.model.audio_tower.decoder",),
}
"""what makes the samples, by family, and what halves are too rough for"""

pytestmark = pytest.mark.usefixtures("offline")


@cache
def folder(family: str) -> Path:
    """Create a family's model, once."""
    return MAKERS[family](Path(mkdtemp()) / family)


@cache
def in_halves(family: str) -> Any:
    """Return a family's model as it is loaded in bfloat16."""
    engine = TransformersSpeech(str(folder(family)), model=family, own_voice=False)
    engine.load(Place(dtype="bfloat16", threads=1), QUIET)
    return engine


def exact_parts(family: str) -> list[torch.nn.Module]:
    """Return the parts of a model that are to compute in float32."""
    return [attrgetter(path)(in_halves(family)._model) for path in EXACT_PARTS[family]]


@pytest.mark.parametrize("family", sorted(MAKERS))
def test_samples_are_made_in_float32(family: str) -> None:
    """A model in half precision has its codec or vocoder in float32, and all else in its own numbers; it
    speaks.
    """
    engine = in_halves(family)
    heard: list[SpeechEvent] = []

    def hear(event: SpeechEvent) -> bool:
        heard.append(event)
        return True

    run_speech(engine, SpeechJob("Hi there.", "", seed=5), hear)
    samples = np.frombuffer(b"".join(event.pcm for event in heard if isinstance(event, Audio)), "<i2")
    exact = torch.nn.ModuleList(exact_parts(family))
    kept = {id(one) for one in exact.parameters()}
    assert {one.dtype for one in exact.parameters()} == {torch.float32}
    assert {one.dtype for one in exact.buffers() if one.is_floating_point()} <= {torch.float32}
    rest = {one.dtype for one in engine._model._model.parameters() if id(one) not in kept}
    assert rest == {torch.bfloat16}
    assert len(samples) > 100
    assert np.abs(samples).max() > 0


@pytest.mark.parametrize("family", ["vits", "bark", "csm", "vibevoice"])
def test_what_is_exact_is_not_rounded_first(family: str) -> None:
    """The codec within a model has its file's numbers, to the last of their bits."""
    model: torch.nn.Module = in_halves(family)._model._model
    exact = exact_parts(family)[0]
    prefix = next(name for name, module in model.named_modules() if module is exact)
    with safe_open(folder(family) / "model.safetensors", "pt") as file:
        keys = [key for key in file.keys() if prefix in key]  # noqa: SIM118 - it has only this
        stored = {key.partition(prefix)[2].lstrip("."): file.get_tensor(key) for key in keys}
    loaded = {name: value for name, value in exact.state_dict().items() if name in stored}
    assert loaded
    assert all(torch.equal(value, stored[name]) for name, value in loaded.items())
    assert any(not torch.equal(value, value.bfloat16().float()) for value in loaded.values())


@pytest.mark.parametrize(
    ("kind", "asked", "published", "dtype"),
    [
        ("speech", "auto", torch.float32, torch.float32),
        ("speech", "auto", None, torch.float32),
        ("speech", "auto", torch.bfloat16, torch.bfloat16),
        ("speech", "auto", torch.float16, torch.float16),
        ("speech", "bfloat16", torch.float32, torch.bfloat16),
        ("transcription", "auto", torch.float32, torch.bfloat16),
    ],
)
def test_a_model_that_speaks_keeps_the_bits_of_its_checkpoint(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, asked: str, published: Any, dtype: Any
) -> None:
    """On a card a model that was published in halves speaks in these, and no other does unless it is asked
    to; one that hears is always computed in halves.
    """
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _=None: (9, 0))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    assert model_dtype(kind, asked, "cuda", published) == dtype
    if asked == "auto":
        assert model_dtype(kind, asked, "cpu", published) == torch.float32


class BuiltElsewhere:
    """A class of the library's that keeps how a model of it was to be built, and is one itself."""

    given: dict[str, Any]

    @classmethod
    def from_pretrained(cls, _: Path, **given: Any) -> tuple[BuiltElsewhere, dict[str, list[str]]]:
        """Keep what was asked for."""
        cls.given = given
        return cls(), {"missing_keys": []}

    def to(self, _: str) -> BuiltElsewhere:
        """Be there already."""
        return self

    def eval(self) -> BuiltElsewhere:
        """Be ready."""
        return self


def test_a_model_for_a_card_is_built_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A model for a GPU is built on it, in its dtype, and never on the processor first; one for the processor
    is built as ever. Without the package by which the library does that it is built as before.
    """
    (tmp_path / "model.safetensors").write_bytes(b"")
    card = checkpoint.Checkpoint(tmp_path, {}, None, "mine", "cuda", torch.bfloat16)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        patch.setattr("engines.toolkit.building.find_spec", lambda name: name == PLACING_PACKAGE)
        checkpoint.load_model(BuiltElsewhere, tmp_path, card)
        assert BuiltElsewhere.given["device_map"] == {"": "cuda"}
        assert BuiltElsewhere.given["dtype"] == torch.bfloat16
        assert built_on("cpu") == {}
        patch.setattr("engines.toolkit.building.find_spec", lambda name: None)
        assert built_on("cuda") == {}
