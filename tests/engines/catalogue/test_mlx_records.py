"""Tests of which models MLX runs, and in which order; nothing of MLX is needed."""

from __future__ import annotations

import pytest

from engines.catalogue.families import UnfitModel, fit_model
from engines.catalogue.family import CheckpointFacts
from engines.catalogue.models import find_model
from engines.catalogue.own import OwnModel
from engines.catalogue.qwen3_tts import QWEN3_TTS_MODELS

FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "tokenizer_config.json",
    "speech_tokenizer/config.json",
    "speech_tokenizer/model.safetensors",
)
CONFIG = {"model_type": "qwen3_tts", "tts_model_type": "custom_voice"}


def test_each_model_goes_before_torchs() -> None:
    """MLX runs each Qwen3-TTS from the same repository, before torch does, and on Apple's GPU only."""
    for on_torch in QWEN3_TTS_MODELS:
        record = find_model(f"{on_torch.name}-mlx")
        assert (record.repo, record.files) == (on_torch.repo, on_torch.files)
        assert (record.engine.group, record.requires) == ("mlx", ("mlx",))
        assert record.total_rank > on_torch.total_rank


def test_a_model_of_ones_own() -> None:
    """A conversion is run by MLX where the settings say so, and a model that MLX does not run here is refused."""
    own = OwnModel(repo="mlx-community/some-conversion", engine="mlx")
    record = fit_model("mine", own, CheckpointFacts(FILES, CONFIG))
    assert (record.name, record.repo) == ("mine", own.repo)
    assert record.engine == find_model("qwen3-tts-custom-1.7b-mlx").engine
    voxcpm = CheckpointFacts((*FILES, "audiovae.safetensors"), {"architecture": "voxcpm2"})
    with pytest.raises(UnfitModel, match="not for the engine mlx"):
        fit_model("mine", own, voxcpm)
