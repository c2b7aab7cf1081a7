"""Tests of the files of transformers' own speech models: where they may be, what is refused, and that no code
of them runs.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from outputs import QUIET, run_speech

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")

import tiny_transformers as tiny
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from engines.adapters.transformers_models.speech_engine import TransformersSpeech
from engines.api import Audio, Place, SpeechEvent, SpeechJob
from engines.errors import EngineFailed
from engines.toolkit.checkpoint_kinds import checkpoint_kind, checkpoint_sample_rate

TEXT = "Hi there."
ROOT = Path(__file__).parents[3]


@cache
def folder(family: str) -> Path:
    """Create a family's model, once."""
    return tiny.SPEECH_MODELS[family](Path(mkdtemp()) / family)


def loaded(family: str) -> TransformersSpeech:
    """Load a family's model."""
    engine = TransformersSpeech(str(folder(family)))
    engine.load(Place(threads=1), QUIET)
    return engine


def speak(engine: TransformersSpeech, job: SpeechJob) -> NDArray[np.int16]:
    """Return the samples of a job."""
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return True

    run_speech(engine, job, emit)
    return np.frombuffer(b"".join(event.pcm for event in events if isinstance(event, Audio)), "<i2")


def copied(family: str, to: Path) -> Path:
    """Copy a family's model, to be spoilt."""
    return Path(shutil.copytree(folder(family), to / family))


def rewrite(file: Path, **changes: Any) -> None:
    """Change some keys of a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_vocoder_codec_and_voices_elsewhere(tmp_path: Path) -> None:
    """A model's vocoder, codec and voices may be in other folders, or within its own."""
    tiny.speecht5(tmp_path / "talker", vocoder=tmp_path / "hifigan", voices=tmp_path / "voices")
    tiny.dia(tmp_path / "dia", codec=tmp_path / "more" / "dac")
    others = os.pathsep.join(str(tmp_path / name) for name in ("hifigan", "voices"))
    for engine in (
        TransformersSpeech(str(tmp_path / "talker"), others=others),
        TransformersSpeech(str(tmp_path / "dia"), others=str(tmp_path / "more")),
    ):
        engine.load(Place(threads=1), QUIET)
        assert len(speak(engine, SpeechJob(TEXT, "", seed=5))) > 100

    for path, lacking in (("talker", "vocoder"), ("dia", "codec")):
        with pytest.raises(EngineFailed, match=f"needs a {lacking}"):
            TransformersSpeech(str(tmp_path / path)).load(Place(), QUIET)
    with pytest.raises(EngineFailed, match="has no voices"):
        TransformersSpeech(str(tmp_path / "talker"), others=str(tmp_path / "hifigan")).load(Place(), QUIET)
    with pytest.raises(EngineFailed, match=r"no folder .*nowhere"):
        TransformersSpeech(str(tmp_path / "talker"), others=str(tmp_path / "nowhere")).load(Place(), QUIET)


def test_invalid_voices(tmp_path: Path) -> None:
    """A voice of another size, or one that would have to be unpickled, is refused by its file's name."""
    for name, value in (("short", np.zeros(3, np.float32)), ("evil", np.array([print], dtype=object))):
        path = copied("speecht5", tmp_path / name)
        np.save(path / "speaker_embeddings" / f"{name}.npy", value)
        with pytest.raises(EngineFailed, match=name):
            TransformersSpeech(str(path)).load(Place(), QUIET)


def test_weights_that_are_missing(tmp_path: Path) -> None:
    """A model or vocoder with missing weights is refused rather than run with random ones."""
    for part in (".", "vocoder"):
        path = copied("speecht5", tmp_path / part.replace(".", "model"))
        kept = load_file(path / part / "model.safetensors")
        gone = sorted(kept)[3]
        save_file(
            {name: value for name, value in kept.items() if name != gone},
            path / part / "model.safetensors",
            {"format": "pt"},
        )
        with pytest.raises(EngineFailed, match=r"1 weights are missing, such as .*\w"):
            TransformersSpeech(str(path)).load(Place(), QUIET)


def test_weights_as_plain_tensors(tmp_path: Path) -> None:
    """Weights in a `.bin` are loaded, with old names too; but nothing other than tensors is unpickled."""
    path = copied("vits", tmp_path)
    weights = load_file(path / "model.safetensors")
    (path / "model.safetensors").unlink()
    old = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): value
        for name, value in weights.items()
    }
    assert set(old) != set(weights)
    torch.save(old, path / "pytorch_model.bin")
    engine = TransformersSpeech(str(path))
    engine.load(Place(threads=1), QUIET)
    assert np.array_equal(
        speak(engine, SpeechJob(TEXT, "", seed=5)), speak(loaded("vits"), SpeechJob(TEXT, "", seed=5))
    )

    proof = tmp_path / "unpickled"
    torch.save({"weight": Unpickled(str(proof))}, path / "pytorch_model.bin", pickle_module=pickle)
    with pytest.raises(EngineFailed):
        TransformersSpeech(str(path)).load(Place(), QUIET)
    assert not proof.exists()


class Unpickled:
    """An object that leaves a trace when it is unpickled."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (os.mkdir, (self._path,))


def test_no_code_of_a_model_is_run(tmp_path: Path) -> None:
    """Code in a model's folder is not run, whatever its configuration says."""
    path = copied("dia", tmp_path)
    (path / "evil.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'run')!r})\n")
    auto_map = {
        "AutoConfig": "evil.C",
        "AutoModel": "evil.M",
        "AutoTokenizer": ["evil.T", None],
        "AutoFeatureExtractor": "evil.F",
    }
    for name in ("config.json", "tokenizer_config.json", "preprocessor_config.json"):
        rewrite(path / name, auto_map=auto_map)
    TransformersSpeech(str(path)).load(Place(threads=1), QUIET)

    assert not (tmp_path / "run").exists()
    with pytest.raises(EngineFailed, match="remote_code"):
        TransformersSpeech(str(path), remote_code="yes").load(Place(), QUIET)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model_type": "musicgen", "architectures": ["MusicgenForConditionalGeneration"]},
            "MusicgenForConditionalGeneration.*VitsModel",
        ),
        ({"model_type": "speecht5", "architectures": ["SpeechT5ForSpeechToText"]}, "does not speak with"),
        ({"model_type": None, "architectures": None}, "without a `model_type`"),
        ({"hidden_size": 20}, "cannot be loaded"),
    ],
)
def test_models_that_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """An untested architecture is refused by name, with the supported ones; so is a model that does not fit
    its files.
    """
    path = copied("vits", tmp_path)
    rewrite(path / "config.json", **changes)
    with pytest.raises(EngineFailed, match=message):
        TransformersSpeech(str(path)).load(Place(), QUIET)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.json"])
def test_files_that_are_missing_or_broken(tmp_path: Path, name: str) -> None:
    """A missing or broken file is reported with its folder."""
    path = copied("vits", tmp_path)
    (path / name).write_bytes(b"{no")
    with pytest.raises(EngineFailed, match=str(path)):
        TransformersSpeech(str(path)).load(Place(), QUIET)
    (path / name).unlink()
    with pytest.raises(EngineFailed, match=str(path)):
        TransformersSpeech(str(path)).load(Place(), QUIET)


def test_options_that_are_wrong(tmp_path: Path) -> None:
    """No folder, an empty folder, and an unknown dtype are named in the error."""
    for engine, message in (
        (TransformersSpeech(), "`path`"),
        (TransformersSpeech(str(tmp_path)), "config.json is missing"),
        (TransformersSpeech(str(folder("vits"))), "no dtype 'int8'"),
    ):
        with pytest.raises(EngineFailed, match=message):
            engine.load(Place(dtype="int8"), QUIET)


def test_what_a_model_is_without_torch() -> None:
    """A model's kind and sample rate are read from its configuration, without importing torch or
    transformers.
    """
    assert (
        checkpoint_kind({"model_type": "vits"}),
        checkpoint_sample_rate({"model_type": "vits", "sampling_rate": 22050}),
    ) == ("speech", 22050)
    assert checkpoint_sample_rate({"model_type": "bark", "codec_config": {"sampling_rate": 24000}}) == 24000
    assert checkpoint_sample_rate({"model_type": "csm", "codec_config": None}) == 24000
    assert (
        checkpoint_sample_rate({"model_type": "dia", "architectures": ["DiaForConditionalGeneration"]})
        == 44100
    )
    assert checkpoint_sample_rate({}) == 16000
    others: list[dict[str, Any]] = [{}, {"model_type": 3}, {"model_type": "speecht5"}, {"model_type": []}]
    for config in (*others, {"model_type": "vits", "architectures": ["Other"]}):
        assert checkpoint_kind(config) is None
    asked = "import sys, engines.toolkit.checkpoint_kinds; sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'numpy')))"
    subprocess.run([sys.executable, "-c", asked], cwd=ROOT, check=True)
