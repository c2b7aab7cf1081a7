"""The tiny Kokoro as an ONNX graph, and a folder with the same voices, for what must agree with torch.

Two parts of the network depend on the last bits, whoever computes it: the phases of a spectrum where that is
empty, and random numbers. Its vocoder reads no phases, and where `no_noise` holds all numbers drawn are zero.
torch's Fourier transform cannot be exported; the library has one of convolutions in its place, which frames
otherwise at the ends. Torch is given that one too.
"""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from tiny_kokoro import CONFIG, REAL_RATES, REPOSITORY, VOICES, _no_weights, _published, random_network, voice

pytest.importorskip("onnx", reason="torch exports no graph without the package onnx")

from kokoro import KModel
from kokoro.model import KModelForONNX

REAL_CONFIG = CONFIG | {"istftnet": CONFIG["istftnet"] | REAL_RATES}
"""with as many samples to a frame as the real one"""
BINS = 11
"""of a spectrum; its phases come after its magnitudes"""


@contextmanager
def no_noise() -> Iterator[None]:
    """Let torch draw zeros for the block."""
    with (
        patch.object(torch, "rand", lambda *size, device=None: torch.zeros(*size, device=device)),
        patch.object(torch, "randn_like", torch.zeros_like),
    ):
        yield


@functools.cache
def folders() -> tuple[Path, Path]:
    """Return two folders of the same network and voices: for torch, and with a graph."""
    root = Path(tempfile.mkdtemp(prefix="kokoro-graph-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    network = random_network(REAL_CONFIG)
    with torch.no_grad():
        for convolution in network.decoder.generator.noise_convs:
            convolution.weight[:, BINS:] = 0
    for name in ("torch", "graph"):
        (root / name / "voices").mkdir(parents=True)
        (root / name / "config.json").write_text(json.dumps(REAL_CONFIG), "utf-8")
    for one in VOICES:
        torch.save(voice(one), root / "torch" / "voices" / f"{one}.pt")
        voice(one).numpy().tofile(root / "graph" / "voices" / f"{one}.bin")
    weights = {name: _published(part) for name, part in network.named_children()}
    torch.save(weights, root / "torch" / "kokoro-v1_0.pth")
    exportable = _exportable(weights)
    with no_noise():
        export(exportable, root / "graph" / "model.onnx")
    return root / "torch", root / "graph"


def _exportable(weights: dict[str, dict[str, torch.Tensor]]) -> KModel:
    """Return the network with a Fourier transform that can be exported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = KModel(repo_id=REPOSITORY, config=REAL_CONFIG, model=_no_weights(), disable_complex=True)
    for name, part in network.named_children():
        state = {key.removeprefix("module."): value for key, value in weights[name].items()}
        part.load_state_dict(state, strict=False)
    return network.eval()


def exportable_transform() -> Any:
    """Return the library's Fourier transform of convolutions."""
    from kokoro.custom_stft import CustomSTFT

    istft = REAL_CONFIG["istftnet"]
    size, hop = istft["gen_istft_n_fft"], istft["gen_istft_hop_size"]
    return CustomSTFT(filter_length=size, hop_length=hop, win_length=size)


def export(network: KModel, file: Path) -> None:
    """Write a network as a graph, as the published ones are exported."""
    ids = torch.tensor([[0, *range(43, 63), 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what torch will drop one day, and of what it cannot trace
        torch.onnx.export(
            KModelForONNX(network).eval(),
            (ids, voice("af_heart")[20], torch.tensor([1.0])),
            str(file),
            input_names=["input_ids", "style", "speed"],
            output_names=["waveform", "duration"],
            opset_version=17,
            dynamic_axes={
                "input_ids": {1: "phonemes"},
                "waveform": {0: "samples"},
                "duration": {0: "phonemes"},
            },
            dynamo=False,
        )
