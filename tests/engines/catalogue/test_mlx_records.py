"""Tests of which models MLX runs, and in which order; nothing of MLX is needed."""

from __future__ import annotations

import pytest

from engines.catalogue.families import UnfitModel, fit_model
from engines.catalogue.family import CheckpointFacts
from engines.catalogue.kokoro import KOKORO, KOKORO_GRAPHS
from engines.catalogue.models import find_model
from engines.catalogue.own import OwnModel
from engines.catalogue.pocket import POCKET_MODELS
from engines.catalogue.qwen3_tts import QWEN3_TTS_MODELS
from engines.catalogue.whisper import WHISPER, WHISPER_MODELS

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
    """MLX runs each Qwen3-TTS, Pocket TTS and Whisper from the same repository, before torch does, and on Apple's GPU only; with
    Kokoro's conversion it goes before all Kokoros, and with a Whisper before those of CTranslate2.
    """
    whispers = [record for record in WHISPER_MODELS if record.engine == WHISPER]
    for on_torch in (*QWEN3_TTS_MODELS, *POCKET_MODELS, *whispers):
        record = find_model(f"{on_torch.name}-mlx")
        assert (record.repo, record.files) == (on_torch.repo, on_torch.files)
        assert (record.sources, record.options) == (on_torch.sources, on_torch.options)
        assert (record.engine.group, record.requires) == ("mlx", ("mlx",))
        assert record.total_rank > on_torch.total_rank
    for size in ("tiny", "large-v3-turbo"):
        fast = find_model(f"faster-whisper-{size}")
        assert find_model(f"whisper-{size}-mlx").total_rank > fast.total_rank
    kokoro = find_model("kokoro-mlx")
    assert (kokoro.engine.group, kokoro.requires) == ("mlx", ("mlx",))
    assert kokoro.total_rank > max(record.total_rank for record in (KOKORO, *KOKORO_GRAPHS))


def test_a_kokoro_of_ones_own() -> None:
    """A Kokoro in MLX's form is recognised by its files, with the engine named or not; torch's form is not for it."""
    config: dict[str, object] = {"istftnet": {}}
    files = ("config.json", "kokoro-v1_0.safetensors", "voices/af_heart.safetensors")
    named, unnamed = (
        fit_model(
            "mine", OwnModel(repo="somebody/kokoro-4bit", engine=engine), CheckpointFacts(files, config)
        )
        for engine in ("mlx", "")
    )
    assert named.engine == unnamed.engine == find_model("kokoro-mlx").engine
    with pytest.raises(UnfitModel, match="voices"):
        fit_model("mine", OwnModel(repo="a/b"), CheckpointFacts(files[:2], config))
    published = CheckpointFacts(("config.json", "kokoro-v1_0.pth", "voices/af_heart.pt"), config)
    with pytest.raises(UnfitModel, match="not for the engine mlx"):
        fit_model("mine", OwnModel(repo="a/b", engine="mlx"), published)


def test_a_model_of_ones_own() -> None:
    """A conversion is run by MLX where the settings say so, and a model that MLX does not run here is refused."""
    own = OwnModel(repo="mlx-community/some-conversion", engine="mlx")
    record = fit_model("mine", own, CheckpointFacts(FILES, CONFIG))
    assert (record.name, record.repo) == ("mine", own.repo)
    assert record.engine == find_model("qwen3-tts-custom-1.7b-mlx").engine
    voxcpm = CheckpointFacts((*FILES, "audiovae.safetensors"), {"architecture": "voxcpm2"})
    with pytest.raises(UnfitModel, match="not for the engine mlx"):
        fit_model("mine", own, voxcpm)
