"""A TADA of random weights, in the files of its four repositories: `python tiny_tada.py FOLDER [SHAPES]`, in an
environment that has its library. SHAPES is JSON with some of the names in `Shapes`.

Its audio depends on voice, text and seed: layers that the library begins with zeros are given numbers, and those
that carry the voice have larger weights. A token lasts 15 frames at most, as its lengths have four bits: those of random weights would be seconds otherwise. Of the
codec's buffers the masks are left out, 64 MB in each layer, which the library never uses.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import torch
from tada.modules.aligner import Aligner, AlignerConfig
from tada.modules.decoder import Decoder, DecoderConfig
from tada.modules.encoder import Encoder, EncoderConfig
from tada.modules.tada import TadaConfig, TadaForCausalLM
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, Wav2Vec2Config

ALIGNERS = ("aligner", "aligner-de", "aligner-ja")
"""of English, German and Japanese"""
CONTROL_TOKENS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|finetune_right_pad_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
)
BEGIN, END = CONTROL_TOKENS[:2]
UNUSED = "_precomputed_mask"
LOUDER = {"acoustic_proj": 20.0, "model.layers": 4.0, "hidden_linear": 5.0}
"""by how much weights are larger than the library makes them, so that what they do changes the audio"""


class Shapes(msgspec.Struct):
    """The shapes of a checkpoint."""

    width: int = 64
    """of the language model"""
    layers: int = 2
    acoustic: int = 32
    """numbers of a token's sound"""
    codec_width: int = 64
    time_classes: int = 16
    head_layers: int = 1


def make(folder: Path, shapes: Shapes) -> None:
    """Write the repositories `model`, `codec`, `tokenizer` and `wav2vec` into a folder."""
    torch.manual_seed(0)
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder / "tokenizer")
    _wav2vec().save_pretrained(folder / "wav2vec")
    _save(_encoder(shapes), folder / "codec" / "encoder")
    _save(_decoder(shapes), folder / "codec" / "decoder")
    for name in ALIGNERS:
        _save_aligner(folder, name)
    _save(_model(shapes, len(tokenizer)), folder / "model")


def _tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer of bytes, with the control tokens of Llama's."""
    letters = {char: number for number, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=letters, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(CONTROL_TOKENS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        additional_special_tokens=list(CONTROL_TOKENS[2:]),
    )


def _wav2vec() -> Wav2Vec2Config:
    return Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=[32] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        architectures=["Wav2Vec2ForCTC"],
    )


def _encoder(shapes: Shapes) -> Encoder:
    config = EncoderConfig()
    config.hidden_dim = config.attn_dim_feedforward = shapes.codec_width
    config.embed_dim = shapes.acoustic
    config.strides = [20, 24]  # 50 frames a second, with fewer layers than 6, 5, 4, 4
    config.num_attn_layers, config.num_attn_heads = 1, 2
    return Encoder(config)


def _decoder(shapes: Shapes) -> Decoder:
    config = DecoderConfig()
    config.embed_dim = shapes.acoustic
    config.hidden_dim = config.attn_dim_feedforward = shapes.codec_width
    config.num_attn_layers, config.num_attn_heads = 1, 2
    config.wav_decoder_channels = 64
    return Decoder(config)


def _save_aligner(folder: Path, name: str) -> None:
    """Write an aligner, whose configuration names the repositories on the hub, as published."""
    config = AlignerConfig()
    config.tokenizer_name = str(folder / "tokenizer")
    config.base_model_name = str(folder / "wav2vec")
    aligner = Aligner(config)
    place = folder / "codec" / name
    _save(aligner, place)
    published = json.loads((place / "config.json").read_text())
    published |= {"tokenizer_name": "meta-llama/Llama-3.2-1B", "base_model_name": "facebook/wav2vec2-large"}
    (place / "config.json").write_text(json.dumps(published))


def _model(shapes: Shapes, tokens: int) -> TadaForCausalLM:
    config = TadaConfig(
        vocab_size=tokens,
        hidden_size=shapes.width,
        intermediate_size=2 * shapes.width,
        num_hidden_layers=shapes.layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=4096,
        acoustic_dim=shapes.acoustic,
        num_time_classes=shapes.time_classes,
        head_layers=shapes.head_layers,
        rope_theta=500000.0,
        tie_word_embeddings=True,
        tokenizer_name="meta-llama/Llama-3.2-1B",
    )
    return TadaForCausalLM(config)


def _save(part: Any, folder: Path) -> None:
    with torch.no_grad():
        for name, weight in part.named_parameters():
            if weight.dim() > 1 and not weight.any():
                torch.nn.init.normal_(weight, std=0.2)
            if weight.dim() > 1:
                weight *= next((factor for where, factor in LOUDER.items() if where in name), 1.0)
        if isinstance(
            part, TadaForCausalLM
        ):  # or bits of lengths go beyond 2, at which the library ends with an error
            part.prediction_head.final_layer.linear.weight[-part.time_dim :] *= 0.05
    state = {name: value for name, value in part.state_dict().items() if not name.endswith(UNUSED)}
    part.save_pretrained(folder, state_dict=state)


if __name__ == "__main__":
    make(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2] if len(sys.argv) > 2 else "{}", type=Shapes))
