"""Load a LuxTTS by its library from a folder; nothing is downloaded, and no code of the folder's is run.

The library's own loaders fetch a Whisper, for the words of recordings, and on a processor the model itself,
whatever folder they are given. They read weights by pickle, and make whatever class the vocoder's
configuration names. Here the words are given, only tensors are read, and only the vocoder's classes are made.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import torch
import yaml
from torch.nn.utils import parametrize

from engines.errors import EngineFailed
from engines.toolkit.error_text import telling_line

CONFIG = "config.json"
TOKENS = "tokens.txt"
WEIGHTS = "model.pt"
VOCODER_CONFIG = "vocoder/config.yaml"
VOCODER_WEIGHTS = "vocoder/vocos.bin"
FILES = (CONFIG, TOKENS, WEIGHTS, VOCODER_CONFIG, VOCODER_WEIGHTS)
VOCODER_PARTS = ("feature_extractor", "backbone", "head", "upsampler", "head_48k")
VOCODER_CLASSES = frozenset(
    {
        "vocos.feature_extractors.MelSpectrogramFeatures",
        "vocos.models.VocosBackbone",
        "vocos.models.VocosResNetBackbone",
        "vocos.heads.ISTFTHead",
        "linacodec.vocoder.upsampler_block.UpSamplerBlock",
    }
)
"""what a vocoder is made of; its configuration could name any class of any module"""
CROSSOVER = 12_000
"""Hertz, from which on the sound is that of the vocoder's part for 48 kHz, as the library sets it"""
INSTALL = "voicebox engines add luxtts"


class LuxModel(msgspec.Struct, frozen=True, eq=False):
    """The parts of a loaded model."""

    network: Any
    """zipvoice's ZipVoiceDistill"""
    vocoder: Any
    """LinaCodec's Vocos"""
    tokenizer: Any
    """zipvoice's EmiliaTokenizer"""
    spectrum: Callable[..., torch.Tensor]
    """mel spectrogram of samples [1, samples] at 24 kHz: [frames, bands]"""
    vocabulary: str
    """the tokens with their ids"""


def load_model(folder: Path, device: str) -> LuxModel:
    """Return the model of a folder on a device. Raises EngineFailed, which names the file at fault."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise EngineFailed(f"LuxTTS's files are not there: {folder / missing[0]} is missing.")
    tokenizer_module, model_module, feature_module, vocoder_module = _import_library()
    tokenizer_module.logging = _silent_logger()  # it would log what people say
    warnings.filterwarnings("ignore", "`torch.cuda.amp.autocast", FutureWarning)  # once in each process
    tokenizer = _read(folder / TOKENS, lambda file: tokenizer_module.EmiliaTokenizer(token_file=str(file)))
    network = _read(
        folder / CONFIG,
        lambda file: model_module.ZipVoiceDistill(
            **json.loads(file.read_bytes())["model"],
            vocab_size=tokenizer.vocab_size,
            pad_id=tokenizer.pad_id,
        ),
    )
    _read(folder / WEIGHTS, lambda file: network.load_state_dict(_tensors(file)["model"]))
    vocoder = _read(folder / VOCODER_CONFIG, lambda file: _make_vocoder(vocoder_module.Vocos, file))
    _read(folder / VOCODER_WEIGHTS, lambda file: vocoder.load_state_dict(_tensors(file)))
    return LuxModel(
        network.to(device).eval(),
        vocoder.to(device).eval(),
        tokenizer,
        feature_module.VocosFbank().extract,
        (folder / TOKENS).read_text("utf-8"),
    )


def _import_library() -> list[Any]:
    """Return the library's modules of tokenizer, model, features and vocoder. Raises EngineFailed."""
    names = (
        "zipvoice.tokenizer.tokenizer",
        "zipvoice.models.zipvoice_distill",
        "zipvoice.utils.feature",
        "linacodec.vocoder.vocos",
    )
    logging.disable(logging.WARNING)  # it misses k2, which only training needs
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [import_module(name) for name in names]
    except (ImportError, RuntimeError) as exc:  # without its phonemizer the tokenizer raises the latter
        raise EngineFailed(f"LuxTTS's library cannot be imported: {telling_line(exc)}: {INSTALL}") from exc
    finally:
        logging.disable(logging.NOTSET)


def _silent_logger() -> logging.Logger:
    logger = logging.getLogger("zipvoice")
    logger.setLevel(logging.CRITICAL)
    return logger


def _read(file: Path, read: Callable[[Path], Any]) -> Any:  # noqa: ANN401 - whatever is in it
    """Return what is made of a file. Raises EngineFailed, which names it."""
    try:
        return read(file)
    except Exception as exc:  # a broken file, or one that does not fit, fails in many ways
        reason = f"{type(exc).__name__}: {telling_line(exc)}"
        raise EngineFailed(f"LuxTTS cannot load {file}: {reason}") from exc


def _tensors(file: Path) -> Any:  # noqa: ANN401 - tensors in dictionaries
    """Return what is in a file of weights; anything but tensors and plain values is refused."""
    return torch.load(file, map_location="cpu", weights_only=True)


def _make_vocoder(kind: Callable[..., Any], file: Path) -> Any:  # noqa: ANN401 - LinaCodec's Vocos
    """Return a vocoder without weights, of the parts that a configuration names. Raises ValueError."""
    config = yaml.safe_load(file.read_text("utf-8"))
    vocoder = kind(**{part: _make_part(config[part]) for part in VOCODER_PARTS})
    for layer in vocoder.upsampler.upsample_layers:
        parametrize.remove_parametrizations(layer, "weight")
    vocoder.freq_range = CROSSOVER
    return vocoder


def _make_part(described: Mapping[str, Any]) -> torch.nn.Module:
    """Return a part of a vocoder as described: its class, and the arguments of that. Raises ValueError."""
    path = described["class_path"]
    if path not in VOCODER_CLASSES:
        raise ValueError(f"`{path}` is no part of a vocoder that is known here")
    module, _, name = path.rpartition(".")
    part: torch.nn.Module = getattr(import_module(module), name)(**described.get("init_args", {}))
    return part
