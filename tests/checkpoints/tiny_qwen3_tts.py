"""Qwen3-TTS of random weights, in the files that the real ones come in: `python tiny_qwen3_tts.py FOLDER JSON`, in
an environment that has its library. JSON is a list of `Shapes`; each is written into a folder of its name.

Their audio depends on voice, text, language, instructions and seed. What has no numbers to begin with is given
some, and the codec is made loud enough to be heard. A text ends after some ten frames: the weights of the code
that ends it are such that it is likely to come, whatever was said before.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import torch
from qwen_tts.core import Qwen3TTSTokenizerV2Config, Qwen3TTSTokenizerV2Model
from qwen_tts.core.models import Qwen3TTSConfig, Qwen3TTSForConditionalGeneration
from tokenizers.pre_tokenizers import ByteLevel
from transformers import EncodecFeatureExtractor

MERGES = "a s,s i,as si,s t,assi st,a n,an t,assist ant,Ġ t,h e,Ġt he"
"""of the tokenizer: `assistant` has to be one token, as the library cuts the prompt by counting"""
SIGNS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|audio_pad|>",
    "<tts_pad>",
    "<tts_text_bos>",
    "<tts_text_eod>",
)
SIGN_CODES = 1024
"""of the talker, behind those of sounds"""
LANGUAGES = {
    "chinese": 7,
    "english": 2,
    "german": 5,
    "italian": 22,
    "portuguese": 23,
    "spanish": 6,
    "japanese": 10,
    "korean": 16,
    "french": 13,
    "russian": 21,
}
"""all signs by their places behind the sounds, as published"""
DIALECTS = {"beijing_dialect": 26, "sichuan_dialect": 14}
SPEAKERS = {
    "serena": 1018,
    "vivian": 1017,
    "uncle_fu": 962,
    "ryan": 1013,
    "aiden": 813,
    "ono_anna": 825,
    "sohee": 816,
    "eric": 827,
    "dylan": 830,
}
SPEAKERS_OF_DIALECTS = {"eric": "sichuan_dialect", "dylan": "beijing_dialect"}
END = 102
OTHER_SIGNS = {
    "codec_think_id": 106,
    "codec_nothink_id": 107,
    "codec_think_bos_id": 108,
    "codec_think_eos_id": 109,
    "codec_pad_id": 100,
    "codec_bos_id": 101,
}
GENERATION = {
    "do_sample": True,
    "repetition_penalty": 1.05,
    "temperature": 0.9,
    "top_p": 1.0,
    "top_k": 50,
    "subtalker_dosample": True,
    "subtalker_temperature": 0.9,
    "subtalker_top_p": 1.0,
    "subtalker_top_k": 50,
    "max_new_tokens": 8192,
}
"""as published"""
LOUDNESS = 0.1
"""root mean square of the codec's sound, of full scale"""
COMMON = 3.0
"""how much all inputs have in common, where an embedding has numbers of about 0.5"""
DECIDED = 3.0
"""by how much the scores of codes are further from each other than random weights have them: so that what goes in
decides more, and chance less
"""
HEARD = 20.0
"""by how much what tells a language is larger than what tells other codes: it is one position among many
"""
END_SCORE = 5.0
"""of the code that ends a text, where the others' are some 1.5 to both sides of zero"""


class Shapes(msgspec.Struct):
    """A checkpoint."""

    name: str
    kind: str = "base"
    size: str = "1b7"
    width: int = 32
    """of the network that speaks"""
    layers: int = 2
    heads: int = 2
    detail_width: int = 32
    """of the network that draws the further codes"""
    detail_layers: int = 1
    groups: int = 16
    codes: int = 256
    """of each group"""
    codec_width: int = 32
    window: int = 72
    """frames that the codec hears at once"""
    ends: bool = True
    """whether the code that ends a text is ever drawn"""
    speakers: dict[str, int] = msgspec.field(default_factory=lambda: SPEAKERS)
    wide: bool = False
    """whether no convolution of one frame has fewer than 65 inputs, by which mlx-audio knows its layout"""


def make(folder: Path, shapes: Shapes) -> None:
    """Write a checkpoint into a folder."""
    torch.manual_seed(0)
    folder.mkdir(parents=True)
    signs = _write_tokenizer(folder)
    config = _config(shapes, signs)
    model = Qwen3TTSForConditionalGeneration(config)
    _vary(model)
    with torch.no_grad():
        for head in model.talker.code_predictor.lm_head:
            head.weight *= DECIDED
    _have_languages_heard(model.talker)
    _place_end(model.talker, ends=shapes.ends)
    model.save_pretrained(folder)
    written = json.loads((folder / "config.json").read_text())
    written["speaker_encoder_config"] = _speaker_encoder(shapes)  # it reads no other keys than these again
    _write(folder / "config.json", written)
    _write(folder / "generation_config.json", GENERATION)
    _write(
        folder / "preprocessor_config.json", {"padding_side": "left", "processor_class": "Qwen3TTSProcessor"}
    )
    codec = _codec(shapes)
    codec.save_pretrained(folder / "speech_tokenizer")
    EncodecFeatureExtractor(feature_size=1, sampling_rate=24_000).save_pretrained(folder / "speech_tokenizer")


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def _write_tokenizer(folder: Path) -> dict[str, int]:
    """Write a tokenizer of bytes, and return the numbers of its signs."""
    words = {char: number for number, char in enumerate(sorted(ByteLevel.alphabet()))}
    for merge in MERGES.split(","):
        words.setdefault(merge.replace(" ", ""), len(words))
    signs = {sign: len(words) + number for number, sign in enumerate(SIGNS)}
    _write(folder / "vocab.json", words)
    (folder / "merges.txt").write_text("#version: 0.2\n" + MERGES.replace(",", "\n") + "\n", "utf-8")
    about = {
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(number): {
                "content": sign,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": True,
            }
            for sign, number in signs.items()
        },
        "additional_special_tokens": list(SIGNS[1:]),
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "errors": "replace",
        "model_max_length": 131_072,
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
    }
    _write(folder / "tokenizer_config.json", about)
    return signs


def _speaker_encoder(shapes: Shapes) -> dict[str, Any]:
    return {
        "mel_dim": 128,
        "enc_dim": shapes.width,
        "enc_channels": [80, 80, 80, 80, 240] if shapes.wide else [16, 16, 16, 16, 48],
        "enc_attention_channels": 80 if shapes.wide else 16,
        "enc_se_channels": 80 if shapes.wide else 16,
        "sample_rate": 24_000,
    }


def _config(shapes: Shapes, signs: dict[str, int]) -> Qwen3TTSConfig:
    is_custom = shapes.kind == "custom_voice"
    speakers = shapes.speakers if is_custom else {}
    languages = LANGUAGES | (DIALECTS if is_custom else {})
    shape = {"num_attention_heads": shapes.heads, "num_key_value_heads": 1, "head_dim": 16}
    detail = {
        **shape,
        "vocab_size": shapes.codes,
        "hidden_size": shapes.detail_width,
        "intermediate_size": 2 * shapes.detail_width,
        "num_hidden_layers": shapes.detail_layers,
        "num_code_groups": shapes.groups,
        "layer_types": ["full_attention"] * shapes.detail_layers,
    }
    talker = {
        **shape,
        "vocab_size": shapes.codes + SIGN_CODES,
        "hidden_size": shapes.width,
        "intermediate_size": 2 * shapes.width,
        "num_hidden_layers": shapes.layers,
        "max_position_embeddings": 32_768,
        "rope_theta": 1_000_000,
        "rope_scaling": {
            "interleaved": True,
            "mrope_section": [4, 2, 2],
            "rope_type": "default",
            "type": "default",
        },
        "num_code_groups": shapes.groups,
        "text_hidden_size": 2 * shapes.width,
        "text_vocab_size": max(signs.values()) + 1,
        "codec_eos_token_id": shapes.codes + END,
        **{name: shapes.codes + sign for name, sign in OTHER_SIGNS.items()},
        "spk_id": {name: shapes.codes + sign for name, sign in speakers.items()},
        "spk_is_dialect": {name: SPEAKERS_OF_DIALECTS.get(name, False) for name in speakers},
        "codec_language_id": {name: shapes.codes + sign for name, sign in languages.items()},
        "code_predictor_config": detail,
    }
    return Qwen3TTSConfig(
        talker_config=talker,
        speaker_encoder_config=_speaker_encoder(shapes),
        tokenizer_type="qwen3_tts_tokenizer_12hz",
        tts_model_size=shapes.size,
        tts_model_type=shapes.kind,
        im_start_token_id=signs["<|im_start|>"],
        im_end_token_id=signs["<|im_end|>"],
        tts_pad_token_id=signs["<tts_pad>"],
        tts_bos_token_id=signs["<tts_text_bos>"],
        tts_eos_token_id=signs["<tts_text_eod>"],
        architectures=["Qwen3TTSForConditionalGeneration"],
    )


def _vary(model: torch.nn.Module) -> None:
    """Have what goes in decide what comes out: with weights as small as those of a beginning it hardly does."""
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.dim() > 1:
                torch.nn.init.normal_(weights, std=0.5 if "embedding" in name else weights[0].numel() ** -0.5)


def _have_languages_heard(talker: Any) -> None:
    """Have the language of a text decide what comes out, as its voice does."""
    with torch.no_grad():
        talker.get_input_embeddings().weight[list(talker.config.codec_language_id.values())] *= HEARD


def _place_end(talker: Any, *, ends: bool) -> None:
    """Have the code that ends a text come by and by, or never.

    All inputs are given something in common, which is found again in what the network makes of them.
    """
    with torch.no_grad():
        common = torch.randn(talker.config.hidden_size)
        talker.text_projection.linear_fc2.bias.copy_(COMMON * common)
        hidden = torch.nn.functional.normalize(common, dim=0) * talker.config.hidden_size**0.5
        weights = talker.codec_head.weight
        weights -= torch.outer(weights @ hidden, hidden) / hidden.dot(hidden)  # of the other codes none
        weights *= DECIDED
        score = END_SCORE if ends else -100.0
        weights[talker.config.codec_eos_token_id] = score * hidden / hidden.dot(hidden)


def _codec(shapes: Shapes) -> Qwen3TTSTokenizerV2Model:
    """Return a codec with the rates of the real one."""
    width = shapes.codec_width
    shape = {
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "intermediate_size": 2 * width,
    }
    encoder = {
        **shape,
        "num_filters": 4,
        "hidden_size": width,
        "num_hidden_layers": 1,
        "num_quantizers": 2 * shapes.groups,
        "num_semantic_quantizers": 1,
        "codebook_size": shapes.codes,
        "codebook_dim": 16,
        "vector_quantization_hidden_dimension": 16,
        "upsampling_ratios": [8, 6, 5, 4],
        "frame_rate": 12.5,
        "_frame_rate": 12.5,
        "sampling_rate": 24_000,
        "use_causal_conv": True,
        "sliding_window": 250,
        "upsample_groups": width,
    }
    decoder = {
        **shape,
        "codebook_size": shapes.codes,
        "codebook_dim": 256 if shapes.wide else 32,
        "hidden_size": width,
        "latent_dim": width,
        "num_hidden_layers": 2,
        "num_quantizers": shapes.groups,
        "upsample_rates": [24, 20] if shapes.wide else [8, 5, 4, 3],
        "upsampling_ratios": [2, 2],
        "decoder_dim": 264 if shapes.wide else 64,
        "max_position_embeddings": 8000,
        "sliding_window": shapes.window,
        "layer_scale_initial_scale": 0.5,
        "num_semantic_quantizers": 1,
        "semantic_codebook_size": 4096,
        "vector_quantization_hidden_dimension": 512,
    }
    codec = Qwen3TTSTokenizerV2Model(
        Qwen3TTSTokenizerV2Config(
            encoder_config=encoder, decoder_config=decoder, encoder_valid_num_quantizers=shapes.groups
        )
    )
    with torch.no_grad():
        _fill_codebooks((*codec.named_parameters(), *codec.named_buffers()))
        for block in codec.decoder.upsample:
            block[1].gamma.fill_(0.5)
        _make_audible(codec.decoder, shapes)
    return codec


def _fill_codebooks(weights: Iterable[tuple[str, torch.Tensor]]) -> None:
    """Give codebooks numbers: they begin with zeros, which are silence."""
    for name, part in weights:
        if "cluster_usage" in name:
            part.fill_(1.0)
        elif ("embed" in name or "codebook" in name) and part.is_floating_point() and part.dim() == 2:
            torch.nn.init.normal_(part, std=1.0)


def _make_audible(decoder: Any, shapes: Shapes) -> None:
    """Scale the last layer: the sound of random weights is a millionth of what can be heard."""
    last = decoder.decoder[-1].conv
    last.bias.zero_()
    codes = torch.randint(0, shapes.codes, (1, shapes.groups, 50))
    for _ in range(3):  # what is limited comes out smaller than it is
        last.weight.mul_(LOUDNESS / float(decoder(codes).std()))


def main(folder: Path, checkpoints: list[Shapes]) -> None:
    """Write all checkpoints."""
    for shapes in checkpoints:
        make(folder / shapes.name, shapes)


if __name__ == "__main__":
    main(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=list[Shapes]))
