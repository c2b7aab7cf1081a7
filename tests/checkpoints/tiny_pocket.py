"""A Pocket TTS of random weights, a quarter of a million numbers, in the files that the real one comes in.

Its audio depends on voice, text and seed: layers that the library begins with zeros are given numbers. It
ends a text by its length, as it was never trained to find an end.
"""

from __future__ import annotations

import atexit
import functools
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from outputs import QUIET, create_prompt, run_speech
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from engines.adapters.pocket.engine import Pocket
from engines.adapters.pocket.files import import_library, read_config
from engines.api import Audio, EngineInfo, Place, Sample, SpeechEvent, SpeechJob

RATE = 24_000
FRAME = 1920
"""samples of a frame"""
VOICES = ("alba", "marius", "jane")
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'-:;\"()"
TOKENS = 128
SEANET = {
    "dimension": 64,
    "channels": 1,
    "n_filters": 4,
    "n_residual_layers": 1,
    "ratios": [6, 5, 4],
    "kernel_size": 7,
    "residual_kernel_size": 3,
    "last_kernel_size": 3,
    "dilation_base": 2,
    "pad_mode": "constant",
    "compress": 2,
}
ENCODER = {
    "d_model": 64,
    "num_heads": 4,
    "num_layers": 1,
    "layer_scale": 0.01,
    "context": 250,
    "dim_feedforward": 64,
    "input_dimension": 64,
    "output_dimensions": [64],
}
LOUDER = {
    "speaker_proj": 20,
    "flow_lm.transformer": 3,
    "cond_embed": 8,
    "flow_net.final_layer.linear": 4,
    "mimi.decoder.": 1.3,
}
"""by how much weights are larger than the library makes them, so that what they do changes the audio"""
CONFIG: dict[str, Any] = {
    "flow_lm": {
        "insert_bos_before_voice": True,
        "dtype": "float32",
        "flow": {"depth": 2, "dim": 32},
        "transformer": {
            "d_model": 64,
            "hidden_scale": 2,
            "max_period": 10000,
            "num_heads": 4,
            "num_layers": 2,
        },
        "lookup_table": {
            "dim": 64,
            "n_bins": TOKENS,
            "tokenizer": "tokenizers",
            "tokenizer_path": "tokenizer.json",
        },
    },
    "mimi": {
        "dtype": "float32",
        "sample_rate": RATE,
        "inner_dim": 32,
        "outer_dim": 64,
        "channels": 1,
        "frame_rate": 12.5,
        "seanet": SEANET,
        "transformer": ENCODER,
        "quantizer": {"dimension": 32, "output_dimension": 64},
    },
}


@functools.cache
def folder() -> Path:
    """Return the folder of the files, which are created once for all tests.

    Paths in `config.yaml` are those of a hub, as in the published ones.
    """
    target = Path(tempfile.mkdtemp(prefix="tiny-pocket-"))
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    _tokenizer().save(str(target / "tokenizer.json"))
    save_file(_weights(target), target / "model.safetensors")
    config = {**CONFIG, "weights_path": "hf://kyutai/pocket-tts/languages/english/model.safetensors@db04f0e"}
    table = {
        **CONFIG["flow_lm"]["lookup_table"],
        "tokenizer_path": "hf://kyutai/pocket-tts/languages/english/tokenizer.json@00eac05",
    }
    config["flow_lm"] = {**CONFIG["flow_lm"], "lookup_table": table}
    (target / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    engine = Pocket(path=str(target))
    engine.load(Place(), QUIET)
    (target / "embeddings").mkdir()
    for number, voice in enumerate(VOICES):
        (target / "embeddings" / f"{voice}.safetensors").write_bytes(
            create_prompt(engine, [recording(110.0 + 90 * number)], "")
        )
    return target


def _tokenizer() -> Tokenizer:
    """Return a tokenizer of letters."""
    words = {word: number for number, word in enumerate(["<unk>", "▁", *LETTERS])}
    words |= {f"<{number}>": number for number in range(len(words), TOKENS)}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁")
    return tokenizer


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    table = {**CONFIG["flow_lm"]["lookup_table"], "tokenizer_path": str(folder / "tokenizer.json")}
    config = {**CONFIG, "flow_lm": {**CONFIG["flow_lm"], "lookup_table": table}}
    (folder / "random.yaml").write_text(yaml.safe_dump(config), "utf-8")
    torch.manual_seed(0)
    model = import_library().TTSModel.load_model(config=str(folder / "random.yaml"))
    (folder / "random.yaml").unlink()
    with torch.no_grad():
        for name, part in model.named_parameters():
            if not part.isfinite().all() or "bos" in name or (part.dim() > 1 and not part.any()):
                torch.nn.init.normal_(part, std=0.2)
        for name, part in model.named_parameters():
            part *= next((factor for where, factor in LOUDER.items() if where in name), 1)
        model.flow_lm.out_eos.weight.zero_()
        model.flow_lm.out_eos.bias.fill_(-100)
        model.flow_lm.emb_mean.zero_()
        model.flow_lm.emb_std.fill_(1)
    return {name: value.contiguous().clone() for name, value in model.state_dict().items()}


@functools.cache
def loaded() -> tuple[Pocket, EngineInfo]:
    """Return the engine, and its info."""
    engine = Pocket(path=str(folder()))
    return engine, engine.load(Place(), QUIET)


@functools.cache
def library() -> Any:
    """Return the model as the library loads it, each file by its own path."""
    file = folder() / "local.yaml"
    file.write_text(yaml.safe_dump(read_config([folder()], "english")), "utf-8")
    return import_library().TTSModel.load_model(config=str(file))


def recording(hertz: float, seconds: float = 1.5) -> Sample:
    """Return a sample of a hum."""
    times = np.arange(round(seconds * RATE)) / RATE
    sound = sum(np.sin(2 * math.pi * hertz * overtone * times) / overtone for overtone in range(1, 8))
    return Sample(np.asarray(6000 * sound).astype("<i2").tobytes())


def speak(job: SpeechJob, engine: Pocket | None = None) -> NDArray[np.int16]:
    """Speak a job to its end, and return the samples."""
    pcm = bytearray()

    def emit(event: SpeechEvent) -> bool:
        pcm.extend(event.pcm if isinstance(event, Audio) else b"")
        return True

    run_speech(engine or loaded()[0], job, emit)
    return np.frombuffer(bytes(pcm), "<i2")
