"""The files of Kokoro's graphs: every layout that they are published in, what is missing or broken, devices."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hibari.voices import ASSETS
from kokoro_in_process import THREADS, folder, loaded, speak
from outputs import QUIET

from engines.adapters.kokoro.engine import Kokoro
from engines.adapters.kokoro.onnx_files import find_graph, graph_voices, precision_of
from engines.adapters.kokoro.onnx_network import Inputs, find_durations
from engines.adapters.kokoro.onnx_providers import choose_providers, device_of
from engines.adapters.kokoro.vocabulary import KNOWN, read_vocabulary
from engines.api import Place, SpeechJob
from engines.errors import EngineFailed
from engines.toolkit.onnx_outputs import Node

GRAPH = "kokoro-v1.0.int8.onnx"
VOICES = "voices_ja.npz"
VOCABULARY = "vocab.json"
JOB = SpeechJob("Hello.", "jf_alpha")

pytestmark = pytest.mark.usefixtures("offline")


def linked(to: Path, **names: str) -> Path:
    """Create a folder with links to the package's files, by other names where some are given."""
    for own in (GRAPH, VOICES, VOCABULARY):
        target = to / names.get(own.partition(".")[0].replace("-", "_"), own)
        if target != to:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(folder() / own)
    return to


PLACE = Place(device="cpu", threads=THREADS)


def engine(path: Path, precision: str = "") -> Kokoro:
    """Return an engine of a folder."""
    return Kokoro(str(path), precision=precision)


def test_the_hubs_layout(tmp_path: Path) -> None:
    """The files as the hub has them are spoken with: a graph in `onnx`, a file a voice, a tokenizer's vocabulary."""
    place = linked(tmp_path, kokoro_v1="onnx/model_quantized.onnx", voices_ja="", vocab="")
    (place / "voices").mkdir()
    for name, voice in np.load(folder() / VOICES).items():
        voice.astype("<f4").tofile(place / "voices" / f"{name}.bin")
    vocabulary = json.loads((folder() / VOCABULARY).read_text("utf-8"))["vocab"]
    (place / "config.json").write_text('{"model_type": "style_text_to_speech_2"}')
    tokenizer = {"model": {"vocab": {"$": 0, **vocabulary}}, "post_processor": {"type": "TemplateProcessing"}}
    (place / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    kokoro = engine(place, precision="int8")
    kokoro.load(PLACE, QUIET)

    assert "$" not in kokoro._network.facts.vocabulary
    assert np.array_equal(speak(JOB, kokoro).pcm, speak(JOB).pcm)


def test_the_layout_of_kokoro_onnx(tmp_path: Path) -> None:
    """An archive of voices by the name of kokoro-onnx is read, and the known vocabulary is used where none is
    beside it.
    """
    place = linked(tmp_path, voices_ja="voices-v1.0.bin", vocab="")
    kokoro = engine(place)

    assert len(kokoro.load(PLACE, QUIET).voices) == 5
    assert kokoro._network.facts.vocabulary == KNOWN == loaded()[0]._network.facts.vocabulary
    assert np.array_equal(speak(JOB, kokoro).pcm, speak(JOB).pcm)


def test_precisions(tmp_path: Path) -> None:
    """Of several graphs the most exact one is taken, or the one that is asked for; one that is not there is named."""
    (tmp_path / "onnx").mkdir()
    for name in ("model_q4", "model_quantized", "model_fp16", "model"):
        (tmp_path / "onnx" / f"{name}.onnx").touch()
        assert find_graph(tmp_path) == tmp_path / "onnx" / f"{name}.onnx"

    assert find_graph(tmp_path, "int8") == tmp_path / "onnx" / "model_quantized.onnx"
    assert [
        precision_of(stem) for stem in ("kokoro-v1.0", "kokoro-v1.0.fp16", "kokoro-v1.0.int8", "model_q8f16")
    ] == [
        "fp32",
        "fp16",
        "int8",
        "q8f16",
    ]
    with pytest.raises(EngineFailed, match="no graph in fp8, only"):
        find_graph(tmp_path, "fp8")


def test_files_that_are_missing(tmp_path: Path) -> None:
    """A folder without a graph, or without voices, is refused with what it lacks."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(EngineFailed, match="files are not there"):
        engine(tmp_path / "empty").load(PLACE, QUIET)
    with pytest.raises(EngineFailed, match="files are not there"):
        engine(tmp_path / "nowhere").load(PLACE, QUIET)
    with pytest.raises(EngineFailed, match=r"has no voices: there is no .*voices"):
        engine(linked(tmp_path / "mute", voices_ja="")).load(PLACE, QUIET)
    with pytest.raises(EngineFailed, match="no graph in fp16, only int8"):
        engine(linked(tmp_path / "other"), precision="fp16").load(PLACE, QUIET)


def test_graphs_that_are_none(tmp_path: Path) -> None:
    """A graph that is cut off, empty, or of another network is refused, and named."""
    broken = linked(tmp_path, kokoro_v1="")
    for content, reason in (
        (b"", "cannot be loaded"),
        (b"nothing of the sort", "cannot be loaded"),
        ((folder() / GRAPH).read_bytes()[:5_000_000], "cannot be loaded"),
        (Path(ASSETS, "hibari.onnx").read_bytes(), "is the graph of another network"),
    ):
        (broken / GRAPH).write_bytes(content)
        with pytest.raises(EngineFailed, match=rf"{GRAPH} {reason}"):
            engine(broken).load(PLACE, QUIET)


def test_voices_that_are_broken(tmp_path: Path) -> None:
    """A voice of another shape, or cut off, is refused when it is used, and an archive that is none at once."""
    (tmp_path / "voices").mkdir()
    np.zeros(300, "<f4").tofile(tmp_path / "voices" / "af_cut.bin")
    np.zeros((4, 256), "<f4").tofile(tmp_path / "voices" / "af_short.bin")
    (tmp_path / "voices" / "readme.bin").write_bytes(b"x")
    np.savez(
        tmp_path / "voices.npz",
        af_wide=np.zeros((4, 1, 128), np.float32),
        bf_flat=np.ones((4, 256), np.float64),
    )
    voices = graph_voices(tmp_path)

    assert voices.names == ("af_cut", "af_short", "af_wide", "bf_flat")
    assert voices.voice("af_short").shape == voices.voice("bf_flat").shape == (4, 1, 256)
    assert voices.voice("bf_flat").dtype == np.float32
    for name in ("af_cut", "af_wide"):
        with pytest.raises(EngineFailed, match="another shape"):
            voices.voice(name)
    for content in (b"", b"nothing", (tmp_path / "voices.npz").read_bytes()[:300]):
        (tmp_path / "voices.npz").write_bytes(content)
        with pytest.raises(EngineFailed, match=r"voices\.npz cannot be read"):
            graph_voices(tmp_path)


def test_vocabularies(tmp_path: Path) -> None:
    """The vocabulary of the configuration goes before others, with its length of a line; broken ones are named."""
    assert read_vocabulary(tmp_path) == (KNOWN, 510)
    (tmp_path / "tokenizer.json").write_text('{"model": {"vocab": {"$": 0, "b": 2, "<unk>": 3}}}')
    assert read_vocabulary(tmp_path)[0] == {"b": 2}
    (tmp_path / "config.json").write_text('{"vocab": {"a": 1}, "plbert": {"max_position_embeddings": 64}}')
    assert read_vocabulary(tmp_path) == ({"a": 1}, 62)
    for content in (b"{", b"\xff\xfe", b"[]", b'{"vocab": {"a": "b"}}'):
        (tmp_path / "config.json").write_bytes(content)
        with pytest.raises(EngineFailed, match=r"config\.json cannot be read"):
            read_vocabulary(tmp_path)


def test_durations_are_found_by_what_they_are() -> None:
    """The durations are what is rounded and then made one at least, through casts; nothing else, nor one of two."""
    rounded = Node("Round", ("x",), ("rounded",))
    cast = Node("Cast", ("rounded",), ("cast",))
    others = [
        Node("Clip", ("x", "low"), ("other",)),
        Node("Round", ("y",), ("phase",)),
        Node("Max", ("x", "y"), ("m",)),
    ]

    assert find_durations([*others, rounded, Node("Clip", ("rounded", "one", ""), ("found",))]) == "found"
    assert find_durations([*others, rounded, cast, Node("Max", ("one", "cast"), ("found",))]) == "found"
    assert find_durations(others) == ""
    assert find_durations([rounded, *(Node("Clip", ("rounded",), (name,)) for name in "ab")]) == ""


def test_inputs_have_the_graphs_types() -> None:
    """A graph gets its inputs by its own names and in its own types; one that takes whole numbers for speed can be
    asked for none.
    """
    row = np.full((1, 256), 0.5, np.float32)
    half = Inputs("input_ids", "style", {"input_ids": np.int64, "style": np.float16, "speed": np.float32})
    whole = Inputs("tokens", "ref_s", {"ref_s": np.float32, "tokens": np.int32, "speed": np.int32})
    none = Inputs("tokens", "style", {"style": np.float32, "tokens": np.int64})
    fed = half.feed([7, 8], row, 1.5)

    assert [(name, str(value.dtype), value.shape) for name, value in fed.items()] == [
        ("input_ids", "int64", (1, 4)),
        ("style", "float16", (1, 256)),
        ("speed", "float32", (1,)),
    ]
    assert fed["input_ids"].tolist() == [[0, 7, 8, 0]] and fed["speed"].tolist() == [1.5]
    assert [one.has_speed for one in (half, whole, none)] == [True, False, False]
    assert {name: value.dtype for name, value in whole.feed([7], row, 1.0).items()} == whole.types
    assert set(none.feed([7], row, 1.0)) == {"style", "tokens"}


def test_devices() -> None:
    """A device gets onnxruntime's provider of it, with the processor behind it; `auto` the best that is tried and
    there; one that is not there, or that onnxruntime could not use, is refused.
    """
    settings = onnxruntime.SessionOptions()
    everything = [
        "CUDAExecutionProvider",
        "CoreMLExecutionProvider",
        "DmlExecutionProvider",
        "CPUExecutionProvider",
    ]
    cpu = "CPUExecutionProvider"

    assert choose_providers("auto", [cpu], settings) == choose_providers("cpu", everything, settings) == [cpu]
    assert choose_providers("auto", everything, settings) == [("CUDAExecutionProvider", {}), cpu]
    assert choose_providers("auto", ["CoreMLExecutionProvider", cpu], settings) == [cpu]
    assert choose_providers("cuda:1", everything, settings) == [
        ("CUDAExecutionProvider", {"device_id": "1"}),
        cpu,
    ]
    assert choose_providers("coreml", everything, settings) == [("CoreMLExecutionProvider", {}), cpu]
    assert choose_providers("directml", everything, settings) == [("DmlExecutionProvider", {}), cpu]
    assert not settings.enable_mem_pattern
    assert device_of(everything, "auto") == device_of(everything, "cuda:1") == "cuda"
    with pytest.raises(EngineFailed, match="cannot use the device 'cuda'"):
        device_of([cpu], "cuda")
    with pytest.raises(EngineFailed, match=r"no device 'cuda' here: .*onnxruntime-gpu"):
        engine(folder()).load(Place(device="cuda"), QUIET)
    for name in ("abacus", "cuda:x", "mps"):
        with pytest.raises(EngineFailed, match="it should be auto, cuda"):
            engine(folder()).load(Place(device=name), QUIET)
