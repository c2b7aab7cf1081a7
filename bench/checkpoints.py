"""Kokoro-82M and Whisper base of random weights, in the sizes and files of the published ones.

They lie in a cache in the hub's layout, where the gateway finds them by itself. Making them takes a minute,
once. What they say means nothing, but they work as hard as the real ones: Kokoro's phonemes last as long as a
speaker's, and Whisper says the same number of words to any recording, sure of each, so that nothing is tried
twice.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines.hub.layout import RemoteFile, RepoFolder, Tree

KOKORO_REPO, WHISPER_REPO, FASTER_REPO = (
    "hexgrad/Kokoro-82M",
    "openai/whisper-base",
    "Systran/faster-whisper-base",
)
CACHE = Path(__file__).parent / "out" / "models"
EDITION = "2"
"""of what is made here: another one is made anew"""
VOICES = ("af_heart", "af_bella", "am_michael")
SYMBOLS = (
    ';:,.!?—…"()“” \u0303ʣʥʦʨᵝ\uab67AIOQSTWYᵊabcdefhijklmnopqrstuvwxyz'
    "ɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ"
)
"""those that Kokoro knows"""
KOKORO: dict[str, Any] = {
    "istftnet": {
        "upsample_kernel_sizes": [20, 12],
        "upsample_rates": [10, 6],
        "gen_istft_hop_size": 5,
        "gen_istft_n_fft": 20,
        "resblock_dilation_sizes": [[1, 3, 5]] * 3,
        "resblock_kernel_sizes": [3, 7, 11],
        "upsample_initial_channel": 512,
    },
    "dim_in": 64,
    "dropout": 0.2,
    "hidden_dim": 512,
    "max_conv_dim": 512,
    "max_dur": 50,
    "multispeaker": True,
    "n_layer": 3,
    "n_mels": 80,
    "n_token": 178,
    "style_dim": 128,
    "text_encoder_kernel_size": 5,
    "plbert": {
        "hidden_size": 768,
        "num_attention_heads": 12,
        "intermediate_size": 2048,
        "max_position_embeddings": 512,
        "num_hidden_layers": 12,
        "dropout": 0.1,
    },
    "vocab": {symbol: number for number, symbol in enumerate(SYMBOLS, 1)},
}
SHORT = 2.75
"""what is taken off the predicted durations, so that a phoneme lasts three frames of 1/40 s"""
WHISPER = {
    "num_mel_bins": 80,
    "d_model": 512,
    "encoder_layers": 6,
    "encoder_attention_heads": 8,
    "encoder_ffn_dim": 2048,
    "decoder_layers": 6,
    "decoder_attention_heads": 8,
    "decoder_ffn_dim": 2048,
    "dropout": 0.0,
}
HEADS = [[3, 1], [4, 2], [4, 3], [4, 7], [5, 1], [5, 2], [5, 4], [5, 6]]
"""of Whisper base, those that look where each word is said"""
WORDS, BYTES, EMPTY = 75, 256, 50_256
LANGUAGES, TIMES = 99, 1501
END, START, FIRST_LANGUAGE = EMPTY + 1, EMPTY + 2, EMPTY + 3
TRANSLATE, TRANSCRIBE, _, PREVIOUS, NO_SPEECH, NO_TIMESTAMPS = range(
    FIRST_LANGUAGE + LANGUAGES, FIRST_LANGUAGE + LANGUAGES + 6
)
FIRST_TIME = NO_TIMESTAMPS + 1
CONTROLS = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
SAID_AT = 3
"""tokens that come before the time at which a text begins"""
LOUD, SURE = 150.0, 2.0
"""by how much a position speaks louder than what was said, and how sharply the end decides"""


def kokoro() -> Path:
    """Return the folder of a Kokoro-82M, made if need be."""
    return _kept(KOKORO_REPO, _kokoro)


def whisper() -> Path:
    """Return the folder of a Whisper base, made if need be."""
    return _kept(WHISPER_REPO, _whisper)


def faster_whisper() -> Path:
    """Return the folder of the same Whisper, converted for CTranslate2."""
    original = whisper()
    return _kept(FASTER_REPO, lambda folder: _converted(original, folder))


def _kept(repo: str, make: Callable[[Path], None]) -> Path:
    """Return a repository's snapshot; it is there once it is whole."""
    place = RepoFolder(CACHE, repo)
    commit = hashlib.sha1(f"{repo} {EDITION}".encode(), usedforsecurity=False).hexdigest()
    folder = place.snapshot(commit)
    if place.commit("main") != commit:
        shutil.rmtree(place.root, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
        place.set_tree(
            commit, Tree({name: RemoteFile(file.stat().st_size, commit) for name, file in files.items()})
        )
        place.set_commit("main", commit)
    return folder


# Kokoro...


def _kokoro(folder: Path) -> None:
    import torch
    from kokoro import KModel

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = KModel(repo_id=KOKORO_REPO, config=KOKORO, model=nothing).eval()
    with torch.no_grad():
        network.predictor.duration_proj.linear_layer.bias.sub_(SHORT)
        network.predictor.F0_proj.bias.fill_(120)  # Hertz
        for part in network.parameters():
            if part.dim() > 1 and not part.any():
                torch.nn.init.normal_(part, std=0.02)
    (folder / "config.json").write_text(json.dumps(KOKORO), "utf-8")
    torch.save(
        {name: part.state_dict() for name, part in network.named_children()}, folder / "kokoro-v1_0.pth"
    )
    (folder / "voices").mkdir()
    for voice in VOICES:
        torch.save(torch.randn(510, 1, 256) * 0.1, folder / "voices" / f"{voice}.pt")


# Whisper...


def _whisper(folder: Path) -> None:
    import torch
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
    )

    torch.manual_seed(0)
    tokens = {"bos_token_id": END, "eos_token_id": END, "pad_token_id": END, "decoder_start_token_id": START}
    config = WhisperConfig(
        vocab_size=FIRST_TIME + TIMES, suppress_tokens=None, begin_suppress_tokens=None, **WHISPER, **tokens
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config).eval()
    said = [FIRST_LANGUAGE, TRANSCRIBE, FIRST_TIME, *range(BYTES, BYTES + WORDS), FIRST_TIME + 50 * 20]
    following = torch.tensor(said + [END] * (config.max_target_positions - len(said)))
    decoder = model.model.decoder
    with torch.no_grad():
        torch.nn.init.normal_(
            decoder.embed_tokens.weight[END], std=config.init_std
        )  # zero, as it also fills gaps
        decoder.embed_positions.weight.copy_(LOUD * decoder.embed_tokens.weight[following])
        decoder.layer_norm.weight.fill_(SURE)
    model.generation_config = _generation(tokens)
    features = WhisperFeatureExtractor(feature_size=WHISPER["num_mel_bins"])
    model.save_pretrained(folder)
    WhisperProcessor(features, _tokenizer()).save_pretrained(folder)
    features.save_pretrained(folder)  # preprocessor_config.json, which faster-whisper reads


def _tokenizer() -> Any:  # noqa: ANN401 - a library without types
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import AddedToken, WhisperTokenizer

    pieces = [*sorted(ByteLevel.alphabet()), *(f"Ġw{number}" for number in range(EMPTY - BYTES)), ""]
    made: Any = WhisperTokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, merges=[])
    controls = ["startoftranscript", *_languages(), *CONTROLS]
    made.add_special_tokens({"extra_special_tokens": [f"<|{name}|>" for name in controls]})
    made.add_tokens(
        [AddedToken(f"<|{number * 0.02:.2f}|>", special=False, normalized=False) for number in range(TIMES)]
    )
    return made


def _generation(tokens: dict[str, int]) -> Any:  # noqa: ANN401 - a library without types
    from transformers import GenerationConfig

    settings: Any = GenerationConfig(max_length=448, **tokens)
    settings.is_multilingual = True
    settings.lang_to_id = {f"<|{code}|>": FIRST_LANGUAGE + number for number, code in enumerate(_languages())}
    settings.task_to_id = {"translate": TRANSLATE, "transcribe": TRANSCRIBE}
    settings.no_timestamps_token_id = NO_TIMESTAMPS
    settings.prev_sot_token_id = PREVIOUS
    settings.max_initial_timestamp_index = 50
    settings.alignment_heads = HEADS
    settings.suppress_tokens = list(range(TRANSLATE, NO_TIMESTAMPS))
    settings.begin_suppress_tokens = [END]
    settings.return_timestamps = False
    return settings


def _languages() -> list[str]:
    from transformers.models.whisper.tokenization_whisper import LANGUAGES as KNOWN

    return list(KNOWN)[:LANGUAGES]


def _converted(original: Path, folder: Path) -> None:
    from ctranslate2.converters import TransformersConverter

    shutil.rmtree(folder)  # the converter makes it
    copied = ["tokenizer.json", "preprocessor_config.json"]
    TransformersConverter(str(original), copy_files=copied).convert(str(folder), quantization="float16")
