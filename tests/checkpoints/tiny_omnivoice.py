"""An OmniVoice of random weights, in the files that the real one comes in. Its audio depends on voice, text, language and
seed: what has no numbers to begin with is given some, and its codec is loud enough to be heard.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    DacFeatureExtractor,
    HiggsAudioV2TokenizerConfig,
    HiggsAudioV2TokenizerModel,
    PreTrainedTokenizerFast,
)

from engines.adapters.omnivoice.library import CODEC_FOLDER, import_library

RATE = 24_000
FRAME = 960
"""samples"""
SIGNS = (
    "<|endoftext|>",
    "<|denoise|>",
    "<|lang_start|>",
    "<|lang_end|>",
    "<|instruct_start|>",
    "<|instruct_end|>",
    "<|text_start|>",
    "<|text_end|>",
)
CODES = 64
GROUPS = 3
LOUDNESS = 0.1
SHARPER = 6.0
"""by how much scores are further from each other than random weights have them"""


@functools.cache
def folder(
    width: int = 32, layers: int = 2, codes: int = CODES, groups: int = GROUPS, codec_width: int = 16
) -> Path:
    """Return the folder of a checkpoint of some shapes, which is made once."""
    path = Path(tempfile.mkdtemp(prefix="tiny-omnivoice-"))
    torch.manual_seed(0)
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(path)
    library = import_library()
    config = library.OmniVoiceConfig(
        audio_vocab_size=codes + 1,
        audio_mask_id=codes,
        num_audio_codebook=groups,
        audio_codebook_weights=[1] * groups,
        llm_config={
            "model_type": "qwen3",
            "vocab_size": len(tokenizer),
            "hidden_size": width,
            "intermediate_size": 2 * width,
            "num_hidden_layers": layers,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 16,
        },
    )
    model = library.OmniVoice(config)
    with torch.no_grad():
        for part in model.parameters():
            if part.dim() > 1:
                torch.nn.init.normal_(part, std=0.3)
        model.audio_heads.weight *= SHARPER
    model.save_pretrained(path)
    _codec(codes, groups, codec_width).save_pretrained(path / CODEC_FOLDER)
    DacFeatureExtractor(sampling_rate=RATE, hop_length=FRAME).save_pretrained(path / CODEC_FOLDER)
    return path


def _tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer of bytes."""
    letters = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=letters, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=SIGNS[0], pad_token=SIGNS[0])
    made.add_special_tokens({"additional_special_tokens": list(SIGNS[1:])})
    return made


def _codec(codes: int, groups: int, width: int) -> Any:
    """Return a codec of 25 frames a second."""
    bits = (codes - 1).bit_length()
    config = HiggsAudioV2TokenizerConfig(
        target_bandwidths=[groups * bits * 25 / 1000 + 0.001],
        codebook_size=codes,
        codebook_dim=8,
        acoustic_model_config={
            "model_type": "dac",
            "encoder_hidden_size": 4,
            "downsampling_ratios": [8, 5, 4, 2, 3],
            "decoder_hidden_size": 4 * width,
            "upsampling_ratios": [8, 5, 4, 2, 3],
            "hidden_size": width,
        },
        semantic_model_config={
            "model_type": "hubert",
            "hidden_size": width,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 2 * width,
            "conv_dim": [8] * 7,
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 4,
        },
    )
    codec = HiggsAudioV2TokenizerModel(config).eval()
    with torch.no_grad():
        for part in codec.parameters():
            if part.dim() > 1 and not part.any():
                torch.nn.init.normal_(part, std=0.2)
        for value in codec.quantizer.buffers():
            if value.is_floating_point() and value.dim() > 1:
                value.normal_()
        made = codec.decode(torch.randint(codes, (1, codec.quantizer.num_quantizers, 20))).audio_values
        last = codec.acoustic_decoder.conv2
        last.weight *= LOUDNESS / made.std()
        last.bias.zero_()
    return codec
