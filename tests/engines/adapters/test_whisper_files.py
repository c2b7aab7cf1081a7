"""Tests of the files and options of transformers' Whisper, and of the errors of broken checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_whisper as tiny
import torch
from outputs import QUIET, run_transcription
from safetensors.torch import load_file, save_file
from tiny_whisper import TRANSCRIPTS, silence, sound
from whisper_transcripts import sound_sequence, texts, transcribe

from engines.adapters.whisper.engine import Whisper
from engines.api import Finished, Place, TranscriptionEvent, TranscriptionJob
from engines.errors import EngineFailed, Unsupported


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Create the model, to be spoilt."""
    tiny.make_whisper(tmp_path)
    return tmp_path


def truncate(folder: Path) -> None:
    """Cut the weights' file off."""
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def lose_weights(folder: Path) -> None:
    """Remove the weights of a layer."""
    path = folder / "model.safetensors"
    kept = {name: value for name, value in load_file(path).items() if "decoder.layers.1" not in name}
    save_file(kept, path, {"format": "pt"})


def change_sizes(folder: Path) -> None:
    """Write the configuration of a larger model."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"d_model": 128}))


def lose_timestamps(folder: Path) -> None:
    """Remove the settings of timestamps."""
    path = folder / "generation_config.json"
    path.write_text(json.dumps({"eos_token_id": 1}))


def spoil(name: str) -> Callable[[Path], None]:
    """Return what writes a file that is no JSON."""

    def change(folder: Path) -> None:
        (folder / name).write_text("{ no JSON")

    return change


def delete(*names: str) -> Callable[[Path], None]:
    """Return what deletes files."""

    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return change


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "no weights": (delete("model.safetensors"), r"is not whole: model\.safetensors is missing"),
    "no tokenizer": (delete("tokenizer.json"), r"tokenizer\.json is missing"),
    "no features": (
        delete("preprocessor_config.json", "processor_config.json"),
        r"preprocessor_config\.json is missing",
    ),
    "truncated": (truncate, "cannot be loaded: SafetensorError"),
    "fewer weights": (lose_weights, r"\d+ weights are missing, such as model\.decoder\.layers\.1\."),
    "other sizes": (change_sizes, "cannot be loaded: "),
    "broken config": (spoil("config.json"), "cannot be loaded: "),
    "broken tokenizer": (spoil("tokenizer.json"), "cannot be loaded: "),
    "no timestamps": (lose_timestamps, "tells nothing of timestamps"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_are_not_whole(folder: Path, name: str) -> None:
    """A missing or broken file is named in a sentence with the folder, and not replaced by random weights."""
    change, message = BROKEN[name]
    change(folder)

    with pytest.raises(EngineFailed, match=message) as caught:
        Whisper(str(folder), vad=False).load(Place(threads=1), QUIET)
    assert str(folder) in caught.value.message


@pytest.mark.parametrize(
    ("path", "message"), [("", "Set the option `path`"), ("openai/whisper-tiny", "There is no folder")]
)
def test_only_folders_are_opened(path: str, message: str) -> None:
    """Without a folder there is no model: a name of the Hub is no folder, and nothing is downloaded."""
    with pytest.raises(EngineFailed, match=message):
        Whisper(path).load(Place(), QUIET)


def test_a_dtype_that_there_is_not(folder: Path) -> None:
    """A number format that does not exist is refused with those that do."""
    for dtype in ("int8", "fp16"):
        with pytest.raises(
            EngineFailed,
            match=f"There is no dtype '{dtype}': it should be auto, float32, float16 or bfloat16",
        ):
            Whisper(str(folder), vad=False).load(Place(dtype=dtype, threads=1), QUIET)


def test_in_half_precision(folder: Path) -> None:
    """In bfloat16 the transcript is the same."""
    engine = Whisper(str(folder), vad=False)
    engine.load(Place(dtype="bfloat16", threads=1), QUIET)

    assert texts(transcribe(engine, sound("count", 3))) == [TRANSCRIPTS["count"]]


def test_sets_the_threads(folder: Path) -> None:
    """Torch runs on as many threads as are requested, or as there are cores, whatever another library set."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        Whisper(str(folder), vad=False).load(Place(threads=3), QUIET)
        assert torch.get_num_threads() == 3
        Whisper(str(folder), vad=False).load(Place(), QUIET)
        assert torch.get_num_threads() >= 1
    finally:
        torch.set_num_threads(before)


def test_quiet_on_both_streams(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The library writes nothing to standard output or error, which the worker uses."""
    capfd.readouterr()
    engine = Whisper(str(folder))
    engine.load(Place(threads=1), QUIET)
    transcribe(engine, silence(1) + sound("morgen", 3) + silence(1), TranscriptionJob(translate=True))

    assert capfd.readouterr() == ("", "")


def test_a_model_for_english_only(tmp_path: Path) -> None:
    """A model that knows only English says so, refuses other languages, and gets no language token."""
    tiny.make_whisper(tmp_path, multilingual=False)
    engine = Whisper(str(tmp_path), model="whisper-tiny.en", vad=False)
    info = engine.load(Place(threads=1), QUIET)

    assert info.models == ("whisper-tiny.en",)
    assert info.transcription is not None
    assert (info.transcription.languages, info.transcription.translate) == (("en",), True)
    assert transcribe(engine, sound("hello", 3), TranscriptionJob(language="en"))[-1] == Finished(3.0, "en")
    with pytest.raises(Unsupported, match=r"whisper-tiny\.en"):
        transcribe(engine, b"", TranscriptionJob(language="de"))


def test_a_model_without_the_times_of_words(folder: Path) -> None:
    """Without alignment heads there are no words, and the rest is the same."""
    path = folder / "generation_config.json"
    path.write_text(
        json.dumps(
            {key: value for key, value in json.loads(path.read_text()).items() if key != "alignment_heads"}
        )
    )
    engine = Whisper(str(folder), vad=False)
    info = engine.load(Place(threads=1), QUIET)

    assert info.transcription is not None
    assert not info.transcription.words
    assert texts(transcribe(engine, sound("hello", 3))) == [TRANSCRIPTS["hello"]]


def test_stops_within_a_window(folder: Path) -> None:
    """A window is abandoned between two layers or two tokens: no more of it is computed than was reported."""
    engine = Whisper(str(folder), vad=False)
    engine.load(Place(threads=1), QUIET)
    pcm = sound_sequence([("hello", 5), ("count", 6), ("morgen", 4)])
    whole = len(transcribe(engine, pcm, size=len(pcm)))
    layers = 0

    def count(module: torch.nn.Module, inputs: object) -> None:
        nonlocal layers
        layers += 1

    handle = engine._model.network.model.decoder.register_forward_pre_hook(count, prepend=True)
    for last in (2, whole // 2):
        emitted = 0
        layers = 0

        def emit(event: TranscriptionEvent, last: int = last) -> bool:
            nonlocal emitted
            emitted += 1
            return emitted < last

        run_transcription(engine, TranscriptionJob(), iter([pcm]), emit)
        assert emitted == last
        assert layers <= last
    handle.remove()
    assert len(transcribe(engine, pcm, size=len(pcm))) == whole


def test_as_fine_tuning_leaves_it(folder: Path) -> None:
    """A folder with the tokenizer in its older files, weights that are no safetensors, and nothing that says how the
    model is prompted, transcribes as the model that it was made of; it finds no times of words.
    """
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    delete("model.safetensors", "generation_config.json")(folder)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(vocabulary["vocab"]))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in vocabulary["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges))
    delete("tokenizer.json")(folder)
    engine = Whisper(str(folder), vad=False)
    info = engine.load(Place(threads=1), QUIET)

    assert info.transcription is not None
    assert "de" in info.transcription.languages
    assert not info.transcription.words
    assert texts(transcribe(engine, sound("hello", 3))) == [TRANSCRIPTS["hello"]]
    assert texts(transcribe(engine, sound("morgen", 3))) == [TRANSCRIPTS["morgen"]]
