"""A tiny Whisper in the layout of real checkpoints: it transcribes three sounds, each as a sentence.

A window may have several of the sounds (tiny_whisper_sounds.py), with or without silence between them; their
times are found to a tenth of a second, and one that a window cuts off is left to the next.
`train_tiny_whisper.py` made the weights in `tests/data`. Everything but the sizes is as in a checkpoint from
the Hub.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from tiny_whisper_sounds import (
    BYTES_PER_SECOND,
    RATE,
    TRANSCRIPTS,
    TRANSLATIONS,
    VOWELS,
    noise,
    samples,
    silence,
    sound,
)
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    AddedToken,
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)
from transformers.models.whisper.tokenization_whisper import LANGUAGES

__all__ = [
    "BYTES_PER_SECOND",
    "RATE",
    "TRANSCRIPTS",
    "TRANSLATIONS",
    "VOWELS",
    "noise",
    "samples",
    "silence",
    "sound",
]
"""what others import from here besides the names of this file"""

WEIGHTS = Path(__file__).parents[1] / "data" / "tiny_whisper.safetensors"
SIZE = 64
LANGUAGES_OF_SOUNDS = {"hello": "en", "count": "en", "morgen": "de"}
WORDS = [
    "Hello",
    "world",
    "Testing",
    "one",
    "two",
    "three",
    "Guten",
    "Morgen",
    "zusammen",
    "Good",
    "morning",
    "everyone",
]
BYTES = 256
EMPTY = BYTES + len(WORDS)
END = EMPTY + 1
START = EMPTY + 2
FIRST_LANGUAGE = EMPTY + 3
TRANSLATE = FIRST_LANGUAGE + len(LANGUAGES)
TRANSCRIBE = TRANSLATE + 1
PREVIOUS = TRANSLATE + 3
NO_SPEECH = TRANSLATE + 4
NO_TIMESTAMPS = TRANSLATE + 5
FIRST_TIME = NO_TIMESTAMPS + 1
TIMES = 1501
CONTROLS = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
ALIGNED = [[1, 0]]
"""decoder layer and head whose attention is where each word is said"""


def make_whisper(folder: Path, *, multilingual: bool = True) -> None:
    """Write the checkpoint; one for English only has the same weights, and a configuration without other
    languages.
    """
    model = WhisperForConditionalGeneration(whisper_config())
    zero_encoder_layer(model)
    model.load_state_dict(load_file(WEIGHTS), strict=False)
    model.generation_config = _generation(multilingual)
    model.save_pretrained(folder)
    features = WhisperFeatureExtractor(feature_size=80)
    WhisperProcessor(features, make_tokenizer()).save_pretrained(folder)
    features.save_pretrained(folder)  # preprocessor_config.json, which faster-whisper reads


def convert_to_ctranslate2(folder: Path, target: Path) -> None:
    """Convert a checkpoint to CTranslate2's form."""
    from ctranslate2.converters import TransformersConverter

    shutil.rmtree(target, ignore_errors=True)
    copied = ["tokenizer.json", "preprocessor_config.json"]
    TransformersConverter(str(folder), copy_files=copied).convert(str(target), quantization="float32")


def whisper_config() -> WhisperConfig:
    """Return the model's configuration."""
    return WhisperConfig(
        vocab_size=FIRST_TIME + TIMES, num_mel_bins=80, d_model=SIZE, dropout=0.0,
        encoder_layers=1, encoder_attention_heads=4, encoder_ffn_dim=16,
        decoder_layers=2, decoder_attention_heads=4, decoder_ffn_dim=2 * SIZE,
        bos_token_id=END, eos_token_id=END, pad_token_id=END, decoder_start_token_id=START,
        suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip


def make_tokenizer() -> WhisperTokenizer:
    """Return the tokenizer: bytes, a dozen words, the languages, the controls and the times."""
    pieces = [*sorted(ByteLevel.alphabet()), *(f"Ġ{word}" for word in WORDS), ""]
    tokenizer = WhisperTokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, merges=[])
    controls = ["startoftranscript", *LANGUAGES, *CONTROLS]
    tokenizer.add_special_tokens({"extra_special_tokens": [f"<|{name}|>" for name in controls]})
    tokenizer.add_tokens(
        [AddedToken(f"<|{number * 0.02:.2f}|>", special=False, normalized=False) for number in range(TIMES)]
    )
    assert tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|0.00|>"]) == [END, FIRST_TIME]
    return tokenizer


def _generation(multilingual: bool) -> GenerationConfig:
    """Return the settings of a published checkpoint, with the numbers of this one's tokens."""
    settings: Any = GenerationConfig(
        bos_token_id=END, eos_token_id=END, pad_token_id=END, decoder_start_token_id=START, max_length=448
    )  # fmt: skip
    settings.is_multilingual = multilingual
    if multilingual:
        settings.lang_to_id = {
            f"<|{code}|>": FIRST_LANGUAGE + number for number, code in enumerate(LANGUAGES)
        }
        settings.task_to_id = {"translate": TRANSLATE, "transcribe": TRANSCRIBE}
    settings.no_timestamps_token_id = NO_TIMESTAMPS
    settings.prev_sot_token_id = PREVIOUS
    settings.max_initial_timestamp_index = 50
    settings.alignment_heads = ALIGNED
    settings.suppress_tokens = list(range(TRANSLATE, NO_TIMESTAMPS))
    settings.begin_suppress_tokens = [END]
    settings.return_timestamps = False
    return settings


def encoder_positions(count: int) -> torch.Tensor:
    """Return the encoder's positions: sines and cosines of periods from a quarter of a second to more than a
    minute.
    """
    time = torch.arange(count)[:, None] * 0.02
    periods = torch.logspace(np.log10(0.25), np.log10(70), 30)
    return torch.cat(
        [
            torch.zeros(count, 4),
            torch.sin(2 * torch.pi * time / periods),
            torch.cos(2 * torch.pi * time / periods),
        ],
        1,
    )


def zero_encoder_layer(model: WhisperForConditionalGeneration) -> None:
    """Set the encoder's layer to add zero, so that it does nothing beyond convolutions and positions."""
    encoder: Any = model.model.encoder
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
        encoder.embed_positions.weight.copy_(encoder_positions(1500))
