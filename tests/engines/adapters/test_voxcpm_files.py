"""Tests of the files of VoxCPM2 and its library: missing, broken or another model's, and stubs for packages.
Offline.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from outputs import QUIET, create_prompt, opened

pytest.importorskip("torch")
# not importorskip: its own imports may be missing
if importlib.util.find_spec("voxcpm") is None:
    pytest.skip("voxcpm is not installed", allow_module_level=True)

import torch
from safetensors.torch import load_file, save_file
from tiny_voxcpm import (
    CONFIG,
    PATCH,
    RECORDING_RATE,
    STEPS,
    broken,
    codec_weights,
    folder,
    linked,
    loaded,
    recording,
    speak,
)

from engines.adapters.voxcpm.engine import VoxCPM
from engines.adapters.voxcpm.library import LIBRARY, LibrosaStub, wav_file
from engines.api import Place, SpeechJob
from engines.errors import EngineFailed
from engines.toolkit.stub_modules import StubModule

TEXT = "Hello you."
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Let torch use one thread: with more, threads wait for each other longer than such small layers take."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


pytestmark = pytest.mark.usefixtures("offline")


def test_files_that_are_missing(tmp_path: Path) -> None:
    """A missing file, folder or folder name is named."""
    for number, name in enumerate(["config.json", "model.safetensors", "audiovae.pth", "tokenizer.json"]):
        with pytest.raises(EngineFailed, match=rf"files are not there: .*{name} .*is missing"):
            VoxCPM(path=str(linked(tmp_path / str(number), name))).load(Place(), QUIET)
    with pytest.raises(EngineFailed, match="files are not there"):
        VoxCPM(path=str(tmp_path / "nowhere")).load(Place(), QUIET)
    with pytest.raises(EngineFailed, match="tell their folder"):
        VoxCPM().load(Place(), QUIET)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "audiovae.pth", "tokenizer.json"])
def test_files_that_are_broken(tmp_path: Path, name: str) -> None:
    """A file that cannot be read is named."""
    whole_file = (folder() / name).read_bytes()
    for number, data in enumerate([b"", b"{", whole_file[: len(whole_file) // 2]]):
        with pytest.raises(EngineFailed, match=rf"VoxCPM.*{name}"):
            broken(tmp_path / str(number), name, data).load(Place(), QUIET)


def test_weights_of_another_model(tmp_path: Path) -> None:
    """Missing weights, which the library would leave random, or weights of other shapes are named, with their
    file.
    """
    place = linked(tmp_path / "few", "model.safetensors")
    weights = load_file(folder() / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if "stop_proj" not in name},
        place / "model.safetensors",
    )
    with pytest.raises(
        EngineFailed, match=r"model\.safetensors is not whole: 2 weights are missing, such as stop_proj"
    ):
        VoxCPM(path=str(place)).load(Place(), QUIET)
    save_file({**weights, "stop_proj.bias": torch.zeros(3)}, place / "model.safetensors")
    with pytest.raises(EngineFailed, match=r"model\.safetensors is of another model.*stop_proj"):
        VoxCPM(path=str(place)).load(Place(), QUIET)

    place = linked(tmp_path / "silent", "audiovae.pth")
    save_file({"x": torch.zeros(1)}, place / "audiovae.safetensors")
    with pytest.raises(EngineFailed, match=r"audiovae\.safetensors is not whole"):
        VoxCPM(path=str(place)).load(Place(), QUIET)
    save_file({**codec_weights(), "encoder.fc_mu.bias": torch.zeros(3)}, place / "audiovae.safetensors")
    with pytest.raises(EngineFailed, match=r"audiovae\.safetensors is of another model"):
        VoxCPM(path=str(place)).load(Place(), QUIET)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "`voxcpm2` only"),
        ({"architecture": "VoxCPM"}, "of a model `voxcpm`"),
        ({"architecture": "voxcpm2"}, "cannot be read"),
    ],
)
def test_configurations_of_others(tmp_path: Path, config: dict[str, str], reason: str) -> None:
    """A model of the first version, or a configuration that lacks something, is refused by the name of the
    file.
    """
    with pytest.raises(EngineFailed, match=rf"config\.json .*{reason}"):
        broken(tmp_path / "model", "config.json", json.dumps(config).encode()).load(Place(), QUIET)


def test_weights_of_half_the_width(tmp_path: Path) -> None:
    """With the 16-bit weights of the published model it clones and speaks as well."""
    engine = broken(tmp_path / "model", "config.json", json.dumps(CONFIG | {"dtype": "bfloat16"}).encode())
    engine.load(Place(), QUIET)
    half_prompt = opened(engine, create_prompt(engine, [recording(120)], ""))

    assert len(speak(SpeechJob(TEXT, "", prompt=half_prompt, seed=5), engine)) == 4 * PATCH


def test_a_library_that_is_not_whole(tmp_path: Path) -> None:
    """A missing package of the library is named when the engine is loaded."""
    (tmp_path / "einops.py").write_text("raise ImportError('no einops here')\n")
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from engines.errors import EngineFailed\n"
        "from engines.adapters.voxcpm.engine import VoxCPM\n"
        "from engines.api import Place\n"
        f"try: VoxCPM(path={str(folder())!r}).load(Place(), None)\n"
        "except EngineFailed as exc: print(exc)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True, cwd=ROOT
    )
    assert done.stdout == "VoxCPM's library cannot be imported: no einops here\n"


def test_invalid_settings() -> None:
    """Too few steps, or an unknown device, are refused with the reason."""
    with pytest.raises(EngineFailed, match="at least 2 `steps`"):
        VoxCPM(path=str(folder()), steps=1).load(Place(), QUIET)
    with pytest.raises(EngineFailed, match="abacus"):
        VoxCPM(path=str(folder())).load(Place(device="abacus"), QUIET)


def test_prompts_fit_an_encoder(tmp_path: Path) -> None:
    """Weights with another encoder make prompts of another version; where only others differ, prompts stay
    valid.
    """
    weights = codec_weights()
    versions = [loaded()[1].speech.cloning.version]  # type: ignore[union-attr] # tested above
    for name in ("encoder.fc_mu.bias", "decoder.model.0.bias"):
        place = linked(tmp_path / name, "audiovae.pth")
        save_file({**weights, name: weights[name] + 1}, place / "audiovae.safetensors")
        speech = VoxCPM(path=str(place)).load(Place(), QUIET).speech
        assert speech is not None
        assert speech.cloning is not None
        versions.append(speech.cloning.version)

    assert versions[1] != versions[0] == versions[2]


def test_the_published_tokenizer(tmp_path: Path) -> None:
    """The published tokenizer files, with code of their own and lists of special tokens, change nothing."""
    about = json.loads((folder() / "tokenizer_config.json").read_text())
    about["tokenizer_class"] = "VoxCPM2Tokenizer"
    about["auto_map"] = {"AutoTokenizer": ["tokenization_voxcpm2.VoxCPM2Tokenizer", None]}
    about["extra_special_tokens"] = ["<101>", "<102>"]
    engine = broken(tmp_path / "model", "tokenizer_config.json", json.dumps(about).encode())
    engine._steps = STEPS
    engine.load(Place(), QUIET)

    job = SpeechJob(TEXT, "default", seed=5)
    assert np.array_equal(speak(job, engine), speak(job))


def test_packages_that_are_not_used(tmp_path: Path) -> None:
    """Loading and speaking need no torchaudio or librosa, do not replace installed ones, and write nothing to
    standard error.
    """
    (tmp_path / "librosa.py").write_text("real = True\n")
    script = (
        f"import sys; sys.path.append({str(tmp_path)!r})\n"
        "import librosa\n"
        "from engines.api import Place, PromptJob, Sample, SpeechJob\n"
        "from engines.adapters.voxcpm.engine import VoxCPM\n"
        f"engine = VoxCPM(path={str(folder())!r}, steps=2)\n"
        "out = type('Out', (), {'__getattr__': lambda self, name: lambda *_: None})()\n"
        "engine.load(Place(threads=1), out)\n"
        "engine.create_prompt(PromptJob((Sample(bytes([1, 2]) * 16000),)), out)\n"
        "engine.speak(SpeechJob('Hello.', 'default'), out)\n"
        "import librosa, torch\n"
        "print('torchaudio' in sys.modules, librosa.real, sys.modules['librosa'] is librosa, torch.get_num_threads())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["False", "True", "True", "1"]
    assert done.stderr == ""


def test_stubs() -> None:
    """A stub of a package raises a clear error when anything it lacks is used."""
    with pytest.raises(AttributeError, match=r"voxcpm wants torchaudio\.load"):
        StubModule("torchaudio", LIBRARY).load  # noqa: B018
    with pytest.raises(AttributeError, match=r"voxcpm wants librosa\.effects"):
        LibrosaStub("librosa", LIBRARY).effects  # noqa: B018
    with pytest.raises(ValueError, match="only 16-bit mono at 8000 Hz"):
        LibrosaStub("librosa", LIBRARY).load(wav_file(bytes(100), RECORDING_RATE), sr=8000, mono=True)
