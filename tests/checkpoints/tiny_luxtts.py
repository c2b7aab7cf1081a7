"""A LuxTTS of random weights, in the files that the real one comes in: `python tiny_luxtts.py FOLDER [SHAPES]`, in an
environment that has its library. SHAPES is JSON with some of the names in `Shapes`.

Its audio depends on voice, text and seed: layers that the library begins with zeros are given numbers, and those
that carry the voice have larger weights.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import torch
import yaml
from linacodec.vocoder.vocos import Vocos
from torch.nn.utils import parametrize
from zipvoice.models.zipvoice_distill import ZipVoiceDistill

SOUNDS = "ɑæʌɔəɚɛɜɡɪŋθðʃʒʊˈˌːɐɾɹʔɵᵻ"
"""of English, as eSpeak NG writes them, besides letters"""
PINYIN = ("n0", "h0", "sh0", "j0", "i3", "ao3", "i4", "ie4")
"""the initials and finals of a few Chinese words"""
RATE = 24_000
BANDS = 100
LOUDER = {"fm_decoder.out_proj": 3.0, "fm_decoder.in_proj": 3.0}


class Shapes(msgspec.Struct):
    """The shapes of a checkpoint."""

    width: int = 48
    text_width: int = 32
    layers: int = 1
    heads: int = 2
    vocoder_width: int = 128
    vocoder_layers: int = 2


def make(folder: Path, shapes: Shapes) -> None:
    """Write the files into a folder."""
    torch.manual_seed(0)
    (folder / "vocoder").mkdir(parents=True)
    tokens = _tokens()
    (folder / "tokens.txt").write_text(
        "".join(f"{token}\t{id}\n" for id, token in enumerate(tokens)), "utf-8"
    )
    config = _config(shapes)
    (folder / "config.json").write_text(
        json.dumps({"model": config, "feature": {"sampling_rate": RATE, "type": "vocos"}}), "utf-8"
    )
    network = ZipVoiceDistill(**config, vocab_size=len(tokens), pad_id=0)
    _randomise(network)
    torch.save({"model": network.state_dict()}, folder / "model.pt")
    (folder / "vocoder" / "config.yaml").write_text(yaml.safe_dump(_vocoder_config(shapes)), "utf-8")
    vocoder = Vocos.from_hparams(str(folder / "vocoder" / "config.yaml"))
    for layer in vocoder.upsampler.upsample_layers:
        parametrize.remove_parametrizations(layer, "weight")
    torch.save(vocoder.state_dict(), folder / "vocoder" / "vocos.bin")


def _tokens() -> list[str]:
    letters = [chr(code) for code in range(32, 127) if chr(code) != "_"]
    return ["_", *letters, *SOUNDS, *PINYIN]


def _config(shapes: Shapes) -> dict[str, Any]:
    return {
        "fm_decoder_downsampling_factor": [1, 2, 1],
        "fm_decoder_num_layers": [shapes.layers] * 3,
        "fm_decoder_cnn_module_kernel": [31, 15, 31],
        "fm_decoder_feedforward_dim": 64,
        "fm_decoder_num_heads": shapes.heads,
        "fm_decoder_dim": shapes.width,
        "text_encoder_num_layers": shapes.layers,
        "text_encoder_feedforward_dim": 64,
        "text_encoder_cnn_module_kernel": 9,
        "text_encoder_num_heads": shapes.heads,
        "text_encoder_dim": shapes.text_width,
        "query_head_dim": 16,
        "value_head_dim": 8,
        "pos_head_dim": 4,
        "pos_dim": 16,
        "time_embed_dim": 32,
        "text_embed_dim": shapes.text_width,
        "feat_dim": BANDS,
    }


def _randomise(network: Any) -> None:
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.dim() > 1 and not weight.any():
                torch.nn.init.normal_(weight, std=0.2)
            if weight.dim() > 1:
                weight *= next((factor for where, factor in LOUDER.items() if where in name), 1.0)


def _vocoder_config(shapes: Shapes) -> dict[str, Any]:
    width = shapes.vocoder_width
    return {
        "feature_extractor": _part(
            "vocos.feature_extractors.MelSpectrogramFeatures",
            sample_rate=RATE,
            n_fft=1024,
            hop_length=256,
            n_mels=BANDS,
            padding="center",
        ),
        "backbone": _part(
            "vocos.models.VocosBackbone",
            input_channels=BANDS,
            dim=width,
            intermediate_dim=96,
            num_layers=shapes.vocoder_layers,
        ),
        "head": _head(width, 1024, 256),
        "upsampler": _part(
            "linacodec.vocoder.upsampler_block.UpSamplerBlock",
            in_channels=width,
            upsample_factors=[2, 2],
            kernel_sizes=[8, 8],
        ),
        "head_48k": _head(width, 512, 128),
    }


def _head(width: int, n_fft: int, hop: int) -> dict[str, Any]:
    return _part("vocos.heads.ISTFTHead", dim=width, n_fft=n_fft, hop_length=hop, padding="center")


def _part(class_path: str, **arguments: Any) -> dict[str, Any]:
    return {"class_path": class_path, "init_args": arguments}


if __name__ == "__main__":
    make(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2] if len(sys.argv) > 2 else "{}", type=Shapes))
