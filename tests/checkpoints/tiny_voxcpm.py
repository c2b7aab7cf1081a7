"""A VoxCPM2 of random weights, some four hundred thousand numbers, in the files that the real one comes in.

Its audio depends on voice, text and seed: layers that the library begins with zeros are given numbers, and
those that carry them have larger weights. It ends every text as soon as the library lets it, after four
patches.
"""

from __future__ import annotations

import atexit
import functools
import json
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from outputs import QUIET, run_speech
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from engines.adapters.voxcpm.engine import VoxCPM
from engines.adapters.voxcpm.library import import_library
from engines.api import Audio, EngineInfo, Place, Sample, SpeechEvent, SpeechJob

RATE = 48_000
"""Hertz, of what it speaks"""
RECORDING_RATE = 16_000
"""Hertz, of recordings that it clones"""
PATCH = 7680
"""samples of speech"""
STEPS = 3
LETTERS = "▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'-:;\"()（）你好"
TOKENS = 256
RESERVED = 110
"""ids that are no letters; the model uses 101 to 104 to mark where recordings and speech begin and end"""
LATENT = 16
WIDTH = 64
SHAPE = {"hidden_dim": WIDTH, "ffn_dim": WIDTH, "num_heads": 4, "num_layers": 1, "kv_channels": 16}
CONFIG: dict[str, Any] = {
    "architecture": "voxcpm2",
    "lm_config": {
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "max_position_embeddings": 4096,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-5,
        "rope_scaling": {
            "type": "longrope",
            "long_factor": [1.0] * 8,
            "short_factor": [1.0] * 8,
            "original_max_position_embeddings": 4096,
        },
        "vocab_size": TOKENS,
        "use_mup": False,
        "scale_emb": 1.0,
        "dim_model_base": WIDTH,
        "scale_depth": 1.0,
        "rope_theta": 10000.0,
        "kv_channels": 16,
    },
    "patch_size": 4,
    "feat_dim": LATENT,
    "residual_lm_num_layers": 1,
    "scalar_quantization_latent_dim": 16,
    "scalar_quantization_scale": 9,
    "encoder_config": SHAPE,
    "dit_config": {
        **SHAPE,
        "cfm_config": {
            "sigma_min": 1e-6,
            "solver": "euler",
            "t_scheduler": "log-norm",
            "inference_cfg_rate": 2.0,
        },
    },
    "audio_vae_config": {
        "encoder_dim": 8,
        "encoder_rates": [2, 5, 8, 8],
        "latent_dim": LATENT,
        "decoder_dim": 64,
        "decoder_rates": [8, 6, 5, 2, 2, 2],
    },
    "max_length": 1024,
    "device": "cuda",
    "dtype": "float32",
}
LOUDER = {
    "encoder.fc_mu.weight_g": 30.0,
    "feat_decoder": 2.0,
    "feat_encoder": 3.0,
    "base_lm.layers": 3.0,
    "residual_lm": 3.0,
    "enc_to_lm_proj": 4.0,
    "lm_to_dit_proj": 8.0,
    "res_to_dit_proj": 8.0,
}
"""by how much weights are larger than the library makes them, so that what they do changes the audio"""


@functools.cache
def folder() -> Path:
    """Return the folder of the files, which are created once for all tests."""
    path = Path(tempfile.mkdtemp(prefix="tiny-voxcpm-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    (path / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    _tokenizer().save(str(path / "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    about = {"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": True, "legacy": False, **special}
    (path / "tokenizer_config.json").write_text(json.dumps(about), "utf-8")
    weights = _weights(path)
    codec = {
        name.removeprefix("audio_vae."): value
        for name, value in weights.items()
        if name.startswith("audio_vae.")
    }
    save_file(
        {name: value for name, value in weights.items() if not name.startswith("audio_vae.")},
        path / "model.safetensors",
    )
    torch.save({"state_dict": codec}, path / "audiovae.pth")
    return path


def _tokenizer() -> Tokenizer:
    """Return a tokenizer of letters."""
    words = {"<unk>": 0, "<s>": 1, "</s>": 2} | {f"<{number}>": number for number in range(3, RESERVED)}
    words |= {letter: RESERVED + number for number, letter in enumerate(LETTERS)}
    words |= {f"<{number}>": number for number in range(len(words), TOKENS)}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(replacement="▁")
    return tokenizer


def _weights(place: Path) -> dict[str, torch.Tensor]:
    import warnings

    from transformers import LlamaTokenizerFast

    library = import_library()
    torch.manual_seed(0)
    config = library.VoxCPMConfig.model_validate(CONFIG)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = library.VoxCPM2Model(
            config,
            LlamaTokenizerFast.from_pretrained(place),
            library.AudioVAEV2(config=config.audio_vae_config),
            device="cpu",
        )
    with torch.no_grad():
        for name, part in model.named_parameters():
            if part.dim() > 1 and not part.any():
                torch.nn.init.normal_(part, std=0.2)
            if part.dim() > 1:
                part *= next((factor for where, factor in LOUDER.items() if where in name), 1.0)
        model.stop_proj.bias.fill_(10)
        model.stop_head.weight.copy_(torch.tensor([[0.0], [1.0]]))
    return {name: value.contiguous().clone() for name, value in model.state_dict().items()}


@functools.cache
def loaded() -> tuple[VoxCPM, EngineInfo]:
    """Return the engine, without a default voice, as the library is, and its info."""
    engine = VoxCPM(path=str(folder()), steps=STEPS, own_voice=False)
    return engine, engine.load(Place(), QUIET)


@functools.cache
def library_model() -> Any:
    """Return the model as the library loads it for its own users."""
    import warnings

    import_library()
    from voxcpm import VoxCPM as LibraryModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LibraryModel(str(folder()), enable_denoiser=False, optimize=False, device="cpu")


def linked(to: Path, *left_out: str) -> Path:
    """Return a new folder that has the model's files, but for some."""
    to.mkdir()
    for name in {
        "config.json",
        "model.safetensors",
        "audiovae.pth",
        "tokenizer.json",
        "tokenizer_config.json",
    } - set(left_out):
        (to / name).symlink_to(folder() / name)
    return to


def broken(place: Path, name: str, data: bytes) -> VoxCPM:
    """Return an engine, one of whose files has other contents."""
    linked(place, name)
    (place / name).write_bytes(data)
    return VoxCPM(path=str(place), own_voice=False)


def codec_weights() -> dict[str, torch.Tensor]:
    """Return the audio codec's weights."""
    weights: dict[str, torch.Tensor] = torch.load(folder() / "audiovae.pth", weights_only=True)["state_dict"]
    return weights


def recording(hertz: float, seconds: float = 1.5) -> Sample:
    """Return a sample of a hum."""
    times = np.arange(round(seconds * RECORDING_RATE)) / RECORDING_RATE
    sound = sum(np.sin(2 * math.pi * hertz * overtone * times) / overtone for overtone in range(1, 8))
    return Sample(np.asarray(6000 * sound).astype("<i2").tobytes())


def speak(job: SpeechJob, engine: VoxCPM | None = None) -> NDArray[np.int16]:
    """Speak a job to its end, and return the samples."""
    pcm = bytearray()

    def emit(event: SpeechEvent) -> bool:
        pcm.extend(event.pcm if isinstance(event, Audio) else b"")
        return True

    run_speech(engine or loaded()[0], job, emit)
    return np.frombuffer(bytes(pcm), "<i2")
