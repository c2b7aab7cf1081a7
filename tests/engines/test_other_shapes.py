"""Tests of checkpoints in other shapes than the other tests' have: sizes, vocabularies, codebooks, rates and voices are
those of the files, not of the engine. Those of TADA, LuxTTS and the speech models of transformers stand with their own;
Chatterbox's are constants of its library.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from engine_environments import environment
from model_worker import ModelWorker, hum, model_worker

from engines.api import SpeechJob

pytest.importorskip("kokoro")
pytest.importorskip("pocket_tts")
pytest.importorskip("voxcpm")

import mlx_files
import qwen3_checkpoints
import tiny_kokoro
import tiny_pocket
import tiny_voxcpm

pytestmark = pytest.mark.engines

KOKORO: dict[str, Any] = {
    "hidden_dim": 256,
    "max_conv_dim": 256,
    "n_layer": 2,
    "dim_in": 32,
    "istftnet": {
        "upsample_initial_channel": 256,
        "resblock_kernel_sizes": [3, 5],
        "resblock_dilation_sizes": [[1, 3, 5]] * 2,
    },
    "plbert": {"hidden_size": 48, "num_attention_heads": 3, "intermediate_size": 96, "num_hidden_layers": 2},
}
POCKET: dict[str, Any] = {
    "flow_lm": {
        "flow": {"depth": 3, "dim": 48},
        "transformer": {"d_model": 96, "num_heads": 6, "num_layers": 3},
        "lookup_table": {"dim": 96},
    },
    "mimi": {
        "seanet": {"n_filters": 8, "ratios": [8, 5, 4]},
        "transformer": {"num_layers": 2, "num_heads": 2},
    },
}
VOXCPM: dict[str, Any] = {
    "patch_size": 2,
    "residual_lm_num_layers": 2,
    "lm_config": {
        "hidden_size": 96,
        "intermediate_size": 160,
        "num_attention_heads": 6,
        "num_hidden_layers": 3,
        "dim_model_base": 96,
    },
    "encoder_config": {"hidden_dim": 96, "num_layers": 2},
    "audio_vae_config": {"encoder_dim": 16, "decoder_dim": 128},
}
QWEN: dict[str, Any] = {
    "width": 48,
    "layers": 3,
    "heads": 3,
    "detail_width": 64,
    "detail_layers": 2,
    "groups": 6,
    "codes": 512,
    "codec_width": 64,
    "window": 5,
}
"""of `tiny_qwen3_tts.Shapes`"""
VOICES_OF_ITS_OWN = {"zoe": 1022, "max": 1021}
"""places of voices among the signs"""


def changed(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with changes, those of its parts among them."""
    whole = dict(config)
    for name, value in changes.items():
        whole[name] = changed(whole[name], value) if isinstance(value, dict) else value
    return whole


def made(patch: pytest.MonkeyPatch, module: ModuleType, changes: Mapping[str, Any]) -> Path:
    """Return the folder of a checkpoint that a module makes, with changes of its configuration."""
    patch.setattr(module, "CONFIG", changed(module.CONFIG, changes))
    folder: Path = module.folder.__wrapped__()
    return folder


def assert_speaks(worker: ModelWorker, rate: int) -> None:
    """Check that a model speaks audibly, and the same for the same seed, with each kind of voice that it has."""
    speech = worker.info.speech
    assert speech
    assert speech.sample_rate == rate
    prompts = []
    if speech.cloning:
        prompts = [worker.prompt(hum(hertz, speech.cloning.sample_rate, 2.0)) for hertz in (150.0, 300.0)]
    jobs = [SpeechJob("Hello there.", voice.id, seed=3) for voice in worker.info.voices[:2]]
    jobs += [SpeechJob("Hello there.", "", seed=3, prompt=prompt) for prompt in prompts]
    spoken = [worker.run(worker.stream(job)) for job in (*jobs, jobs[-1])]
    assert all(len(audio) and np.abs(audio.astype(int)).max() > 100 for audio in spoken)
    assert len({audio.tobytes() for audio in spoken}) == len(jobs)


@pytest.mark.parametrize(
    ("model", "module", "changes", "rate"),
    [
        ("kokoro", tiny_kokoro, KOKORO, 24_000),
        ("pocket-tts-english", tiny_pocket, POCKET, 24_000),
        ("pocket-tts-english-mlx", tiny_pocket, POCKET, 24_000),
        ("voxcpm2", tiny_voxcpm, VOXCPM, 48_000),
    ],
    ids=["kokoro", "pocket", "pocket-mlx", "voxcpm"],
)
def test_networks_and_codecs(
    monkeypatch: pytest.MonkeyPatch, model: str, module: ModuleType, changes: Mapping[str, Any], rate: int
) -> None:
    """Networks and codecs of other widths, depths and strides load and speak."""
    options: dict[str, Any] = {"steps": 3} if model == "voxcpm2" else {}
    with model_worker(model, [made(monkeypatch, module, changes)], **options) as worker:
        assert_speaks(worker, rate)


def test_kokoro_on_mlx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So does a Kokoro on MLX."""
    environment("mlx")
    source = made(monkeypatch, tiny_kokoro, KOKORO)
    monkeypatch.setattr(tiny_kokoro, "folder", lambda: source)
    with model_worker("kokoro-mlx", [mlx_files.kokoro(tmp_path)]) as worker:
        assert_speaks(worker, 24_000)


@pytest.mark.parametrize(
    ("model", "kind", "more"),
    [
        ("qwen3-tts-1.7b-mlx", "base", {}),
        ("qwen3-tts-custom-1.7b-mlx", "custom_voice", {"speakers": VOICES_OF_ITS_OWN}),
        ("qwen3-tts-custom-1.7b", "custom_voice", {"speakers": VOICES_OF_ITS_OWN}),
    ],
)
def test_qwen3_tts(model: str, kind: str, more: dict[str, Any]) -> None:
    """Qwen3-TTS of other widths, codebooks and voices loads and speaks; that of its voices which clone is compared with the
    library elsewhere.
    """
    shapes = {"name": "made", "kind": kind, **QWEN, **qwen3_checkpoints.LAYOUT_TOLD, **more}
    with model_worker(model, [qwen3_checkpoints.made_checkpoints(shapes) / "made"]) as worker:
        if more:
            assert {voice.id for voice in worker.info.voices} == set(VOICES_OF_ITS_OWN)
        assert_speaks(worker, qwen3_checkpoints.RATE)
