"""Tests of Chatterbox's files: which are needed, and what is said of those that are broken or another model's."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from outputs import QUIET, SpeechTo

pytest.importorskip("torch")
if lacking := [name for name in ("chatterbox", "perth", "s3tokenizer") if not importlib.util.find_spec(name)]:
    pytest.skip(f"{lacking[0]} is not installed", allow_module_level=True)

import torch
from safetensors.torch import load_file, save_file
from tiny_chatterbox import ONE_THREAD, T3_FILES, engine_class, folder, linked, loaded, sample

from engines.adapters.chatterbox.voice_files import (
    LANGUAGES,
    MULTILINGUAL,
    TURBO,
    read_turbo_voices,
    read_voices,
)
from engines.api import EngineInfo, Place, PromptJob, SpeechJob
from engines.catalogue.chatterbox import (
    CHATTERBOX_MODELS,
    CHATTERBOX_MULTILINGUAL,
)
from engines.errors import EngineFailed, UnknownVoice

pytestmark = pytest.mark.usefixtures("offline")
SPEECH = {MULTILINGUAL: "s3gen.pt", TURBO: "s3gen_meanflow.safetensors"}
VOICES = {MULTILINGUAL: "ve.pt", TURBO: "ve.safetensors"}


def load(kind: str, path: Path) -> EngineInfo:
    """Load a model from a folder."""
    info: EngineInfo = engine_class(kind)(path=str(path)).load(ONE_THREAD, QUIET)
    return info


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((MULTILINGUAL, name) for name in CHATTERBOX_MULTILINGUAL.files if name != "conds.pt"),
        *(
            (TURBO, name)
            for name in ("ve.safetensors", "t3_turbo_v1.safetensors", "vocab.json", "merges.txt")
        ),
    ],
)
def test_a_missing_file_is_named(kind: str, name: str, tmp_path: Path) -> None:
    """A file that is not there is named; nothing is looked for elsewhere."""
    path = linked(tmp_path / "model", kind, name)
    with pytest.raises(EngineFailed, match=rf"are not there: .*{name} is missing"):
        load(kind, path)


@pytest.mark.parametrize("kind", [MULTILINGUAL, TURBO])
def test_no_folder(kind: str) -> None:
    """An engine without a folder says what it needs."""
    with pytest.raises(EngineFailed, match="tell their folder"):
        engine_class(kind)().load(ONE_THREAD, QUIET)


@pytest.mark.parametrize("kind", [MULTILINGUAL, TURBO])
@pytest.mark.parametrize("part", ["network", "sound", "encoder"])
def test_a_broken_file_is_named(kind: str, part: str, tmp_path: Path) -> None:
    """A file that was cut, or holds something else, is named."""
    name = {"network": T3_FILES, "sound": SPEECH, "encoder": VOICES}[part][kind]
    path = linked(tmp_path / "model", kind, name)
    (path / name).write_bytes((folder(kind) / name).read_bytes()[:1000])
    with pytest.raises(EngineFailed, match=f"cannot load .*{name}"):
        load(kind, path)


@pytest.mark.parametrize("kind", [MULTILINGUAL, TURBO])
@pytest.mark.parametrize("change", ["missing", "another shape"])
def test_weights_of_another_model(kind: str, change: str, tmp_path: Path) -> None:
    """Weights that are missing, or of another shape, are told with the file that they should be in."""
    name = T3_FILES[kind]
    path = linked(tmp_path / "model", kind, name)
    weights = load_file(folder(kind) / name)
    weight = weights.pop("speech_head.weight")
    save_file(
        weights if change == "missing" else {**weights, "speech_head.weight": weight[:9].clone()}, path / name
    )
    with pytest.raises(EngineFailed, match=f"cannot load .*{name}"):
        load(kind, path)


def test_codes_of_characters_that_cannot_be_read(tmp_path: Path) -> None:
    """The table of Chinese characters is read, or the model does not load: the library would go without."""
    path = linked(tmp_path / "model", MULTILINGUAL, "Cangjie5_TC.json")
    (path / "Cangjie5_TC.json").write_text("{}")
    with pytest.raises(EngineFailed, match=r"cannot read .*Cangjie5_TC\.json"):
        load(MULTILINGUAL, path)


@pytest.mark.parametrize("kind", [MULTILINGUAL, TURBO])
def test_a_model_without_a_voice(kind: str, tmp_path: Path) -> None:
    """Without `conds.pt` there is no preset, and cloned voices speak all the same."""
    engine = engine_class(kind)(path=str(linked(tmp_path / "model", kind, "conds.pt")))
    info = engine.load(ONE_THREAD, QUIET)

    assert (info.voices, info.characters) == ((), {})
    with pytest.raises(UnknownVoice):
        engine.speak(SpeechJob("Hello.", "", language="en"), SpeechTo(lambda _event: True))
    made = engine.create_prompt(PromptJob((sample(kind, 120),)), QUIET)
    assert made == loaded(kind)[0].create_prompt(PromptJob((sample(kind, 120),)), QUIET)


def test_prompts_are_of_the_encoders_that_made_them(tmp_path: Path) -> None:
    """Another encoder of speakers is another version of prompts; another network that speaks is not."""
    path = linked(tmp_path / "model", TURBO, VOICES[TURBO], T3_FILES[TURBO])
    weights = load_file(folder(TURBO) / T3_FILES[TURBO])
    save_file({name: value * 2 for name, value in weights.items()}, path / T3_FILES[TURBO])
    (path / VOICES[TURBO]).symlink_to(folder(TURBO) / VOICES[TURBO])
    same = _version(load(TURBO, path))
    encoder = load_file(folder(TURBO) / VOICES[TURBO])
    (path / VOICES[TURBO]).unlink()
    save_file({name: value * 2 for name, value in encoder.items()}, path / VOICES[TURBO])

    assert same == _version(loaded(TURBO)[1]) != _version(load(TURBO, path))
    assert _version(loaded(TURBO)[1]) != _version(loaded(MULTILINGUAL)[1])


def _version(info: EngineInfo) -> str:
    assert info.speech is not None
    assert info.speech.cloning is not None
    return info.speech.cloning.version


def test_the_librarys_own_segmenter_is_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """pkuseg, which would download its model, is not called where it is installed, and is there afterwards."""

    class Segmenter(ModuleType):
        """A package that must not be used."""

        def pkuseg(self) -> None:
            """Fail."""
            raise AssertionError("pkuseg was made")

    installed = Segmenter("spacy_pkuseg")
    monkeypatch.setitem(sys.modules, "spacy_pkuseg", installed)
    load(MULTILINGUAL, folder())

    assert sys.modules["spacy_pkuseg"] is installed


def test_the_voices_of_files(tmp_path: Path) -> None:
    """The voice that a model brings along is known before it was ever loaded, and only where it is there."""
    for kind, read, languages in (
        (MULTILINGUAL, read_voices, LANGUAGES),
        (TURBO, read_turbo_voices, ("en",)),
    ):
        found = read([folder(kind)], {}, lambda _: True)
        info = loaded(kind)[1]
        assert (found.voices, found.characters) == (info.voices, info.characters)
        assert found.voices[0].languages == languages
        assert read([tmp_path], {}, lambda _: True).voices == ()


def test_records_are_of_the_engines() -> None:
    """The catalogue's languages and kinds of voices are those that the engines have, and a pull brings all
    files that loading opens.
    """
    for record in CHATTERBOX_MODELS:
        info = loaded(record.name)[1]
        assert info.speech is not None
        assert record.languages == info.speech.languages
        assert record.streaming == info.speech.streaming
        assert record.cloning
        lacking = {file.name for file in folder(record.name).iterdir()} - set(record.files)
        assert lacking == set()


def test_threads_are_set() -> None:
    """The engine computes with the threads of its place."""
    threads = torch.get_num_threads()
    try:
        engine_class(TURBO)(path=str(folder(TURBO))).load(Place(threads=1), QUIET)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)
