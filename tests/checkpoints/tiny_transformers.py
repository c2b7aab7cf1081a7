"""Tiny checkpoints of speech and transcription models, of random weights, in the layout of real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as library
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

library.logging.disable_progress_bar()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SENTENCES = [
    "the quick brown fox jumps over a lazy dog",
    "pack my box with five dozen jugs",
    "a b c d e f g h i j k l m",
]
EMBEDDING_SIZE = 8
"""numbers of a SpeechT5 voice"""


def make_loud(model: Any, *lasts: torch.nn.Module, gain: float = 1.0) -> Any:
    """Return a model with louder layers, the last ones most of all: else random models are nearly silent."""
    with torch.no_grad():
        for last in lasts:
            for weight in last.parameters():
                if weight.dim() > 1:
                    weight.mul_(gain / float(weight.std()))
        for name, book in model.named_buffers():
            if name.endswith(("codebook.embed", "codebook.embed_sum")):
                book.normal_()
    return model


def save(folder: Path, *things: Any) -> Path:
    """Write a model and what belongs to it, and return the folder."""
    for thing in things:
        thing.save_pretrained(folder)
    return folder


# Speech...


def vits(folder: Path, *, speakers: int = 1, **tokenizer: Any) -> Path:
    """Create a VITS, by default like one of MMS."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(
        json.dumps({symbol: index for index, symbol in enumerate(dict.fromkeys(f"k {LETTERS}'-_éəɛɪŋðθʃɹ"))})
    )
    options = {
        "language": "eng",
        "add_blank": True,
        "normalize": True,
        "phonemize": False,
        "is_uroman": False,
    }
    tokens = library.VitsTokenizer(
        str(folder / "vocab.json"), pad_token="k", unk_token="<unk>", **(options | tokenizer)
    )
    config = library.VitsConfig(
        vocab_size=len(tokens.encoder) + 1,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        ffn_dim=32,
        flow_size=16,
        spectrogram_bins=17,
        upsample_initial_channel=16,
        upsample_rates=[4, 4, 2, 2],
        upsample_kernel_sizes=[8, 8, 4, 4],
        duration_predictor_filter_channels=16,
        posterior_encoder_num_wavenet_layers=1,
        prior_encoder_num_wavenet_layers=1,
        noise_scale_duration=0.3,
        num_speakers=speakers,
        speaker_embedding_size=8 if speakers > 1 else 0,
        sampling_rate=16000,
    )
    model = library.VitsModel(config)
    torch.nn.init.constant_(
        model.duration_predictor.flows[0].translate, -1.0
    )  # else most sounds have a single frame
    return save(folder, make_loud(model, model.decoder.conv_post, gain=0.03), tokens)


def train_sentencepiece(folder: Path, name: str = "spm_char.model") -> Path:
    """Train a tokenizer of characters, and return its file."""
    import importlib

    folder.mkdir(parents=True, exist_ok=True)
    trainer = importlib.import_module("sentencepiece").SentencePieceTrainer
    with (folder / name).open("wb") as file:
        trainer.train(
            sentence_iterator=iter(SENTENCES * 5), model_writer=file, model_type="char", vocab_size=32,
            bos_id=0, pad_id=1, eos_id=2, unk_id=3, hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
    return folder / name


def _speecht5_config(vocabulary_size: int) -> Any:
    """Return the configuration of a SpeechT5."""
    return library.SpeechT5Config(
        vocab_size=vocabulary_size, hidden_size=16, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=32,
        decoder_layers=1,
        decoder_attention_heads=2, decoder_ffn_dim=32, conv_dim=[8, 8], conv_stride=[10, 16], conv_kernel=[10, 16],
        num_mel_bins=8, speech_decoder_prenet_units=8, speech_decoder_postnet_units=8, speech_decoder_postnet_layers=2,
        speaker_embedding_dim=EMBEDDING_SIZE, reduction_factor=2, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
        max_speech_positions=400, max_text_positions=200,
    )  # fmt: skip


def speecht5(folder: Path, *, vocoder: Path | None = None, voices: Path | None = None) -> Path:
    """Create a SpeechT5 that speaks, with its vocoder and two voices: within it, or elsewhere."""
    torch.manual_seed(0)
    tokens = library.SpeechT5Tokenizer(str(train_sentencepiece(folder)))
    model = library.SpeechT5ForTextToSpeech(_speecht5_config(len(tokens)))
    torch.nn.init.constant_(model.speech_decoder_postnet.prob_out.bias, -9.0)  # else it ends at once
    hifigan = library.SpeechT5HifiGan(
        library.SpeechT5HifiGanConfig(
            model_in_dim=8, upsample_initial_channel=16, upsample_rates=[8, 8], upsample_kernel_sizes=[16, 16],
            resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]], sampling_rate=16000,
        )
    )  # fmt: skip
    save(
        vocoder or folder / "vocoder",
        make_loud(hifigan, hifigan.conv_pre, *hifigan.upsampler, hifigan.conv_post, gain=0.2),
    )
    index = (voices or folder) / "speaker_embeddings"
    index.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    np.save(index / "anna.npy", draw.standard_normal(EMBEDDING_SIZE).astype(np.float32))
    np.save(index / "ben.npy", draw.standard_normal((1, EMBEDDING_SIZE)).astype(np.float32))
    return save(folder, make_loud(model), tokens)


def letter_tokenizer(vocabulary: int, *controls: str) -> Any:
    """Return a tokenizer of letters, with control tokens at the end."""
    symbols = {"[PAD]": 0, "[UNK]": 1, " ": 2} | {letter: index for index, letter in enumerate(LETTERS, 3)}
    tokenizer = Tokenizer(
        models.WordLevel(symbols | {one: len(symbols) + index for index, one in enumerate(controls)}, "[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    assert tokenizer.get_vocab_size() <= vocabulary
    return library.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")


def bark(folder: Path, *, voices: bool = True) -> Path:
    """Create a Bark that says little, with two voices."""
    torch.manual_seed(0)
    part = {"block_size": 64, "num_layers": 1, "num_heads": 2, "hidden_size": 16, "bias": True}
    codec = library.EncodecConfig(
        num_filters=4, hidden_size=8, codebook_size=16, codebook_dim=8, upsampling_ratios=[4, 4], num_lstm_layers=1,
        target_bandwidths=[12.0], sampling_rate=2400, normalize=False, kernel_size=3, last_kernel_size=3,
    )  # fmt: skip
    config = library.BarkConfig(
        semantic_config=library.BarkSemanticConfig(
            input_vocab_size=120, output_vocab_size=60, **part
        ).to_dict(),
        coarse_acoustics_config=library.BarkCoarseConfig(
            input_vocab_size=90, output_vocab_size=90, **part
        ).to_dict(),
        fine_acoustics_config=library.BarkFineConfig(
            input_vocab_size=20, output_vocab_size=20, n_codes_total=8, n_codes_given=1, **part
        ).to_dict(),
        codec_config=codec.to_dict(),
    )
    model = library.BarkModel(config)
    settings = model.generation_config = library.GenerationConfig()
    settings.sample_rate = 2400
    settings.codebook_size = 16
    settings.do_sample = True
    settings.semantic_config = {
        "text_encoding_offset": 40, "text_pad_token": 100, "semantic_infer_token": 101, "semantic_vocab_size": 40,
        "max_input_semantic_length": 24, "semantic_rate_hz": 49.9, "eos_token_id": 40, "semantic_pad_token": 40,
        "max_new_tokens": 6, "do_sample": True,
    }  # fmt: skip
    settings.coarse_acoustics_config = {
        "coarse_semantic_pad_token": 48, "coarse_rate_hz": 75, "n_coarse_codebooks": 2, "coarse_infer_token": 88,
        "max_coarse_input_length": 16, "max_coarse_history": 20, "sliding_window_len": 10, "do_sample": True,
    }  # fmt: skip
    settings.fine_acoustics_config = {
        "max_fine_history_length": 16,
        "max_fine_input_length": 32,
        "n_fine_codebooks": 8,
    }
    # else what is drawn for the semantics hangs on the seed alone, and what is heard hardly on them
    make_loud(model, model.semantic.lm_head, model.coarse_acoustics, gain=0.5)
    save(folder, model, letter_tokenizer(40))
    if voices:
        _bark_voices(folder)
    return folder


def _bark_voices(folder: Path) -> None:
    """Write two voices, and a list that has a third without files."""
    rng = np.random.default_rng(0)
    listed: dict[str, Any] = {"repo_or_path": "someone/bark"}
    for name in ("v2/de_speaker_1", "v2/en_speaker_6"):
        shapes: dict[str, tuple[Any, int]] = {
            "semantic_prompt": (20, 40),
            "coarse_prompt": ((2, 30), 16),
            "fine_prompt": ((8, 30), 16),
        }
        paths = {key: f"speaker_embeddings/{name}_{key}.npy" for key in shapes}
        for key, (shape, below) in shapes.items():
            (folder / paths[key]).parent.mkdir(parents=True, exist_ok=True)
            np.save(folder / paths[key], rng.integers(0, below, shape))
        listed[name] = paths
    listed["v2/gone_speaker_1"] = dict.fromkeys(("semantic_prompt", "coarse_prompt", "fine_prompt"), "no.npy")
    (folder / "speaker_embeddings_path.json").write_text(json.dumps(listed))


def _decoder(**more: Any) -> dict[str, Any]:
    """Return the configuration of a small decoder, with further keys."""
    return {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
        "head_dim": 8,
    } | more  # fmt: skip


def csm(folder: Path) -> Path:
    """Create a CSM."""
    torch.manual_seed(0)
    tokens = letter_tokenizer(64, "<|AUDIO|>", "<|audio_eos|>", "[", "]", *"0123456789")
    codec = library.MimiConfig(
        sampling_rate=1600, num_filters=4, hidden_size=16, codebook_size=16, codebook_dim=8, num_quantizers=4,
        num_semantic_quantizers=1, upsampling_ratios=[8, 8], num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        intermediate_size=32, upsample_groups=16, vector_quantization_hidden_dimension=8, head_dim=8,
        use_causal_conv=True, num_residual_layers=1, kernel_size=3, last_kernel_size=3,
    )  # fmt: skip
    config = library.CsmConfig(
        num_codebooks=4, vocab_size=16, text_vocab_size=64, codebook_eos_token_id=15, codebook_pad_token_id=14,
        audio_token_id=tokens.convert_tokens_to_ids("<|AUDIO|>"), audio_eos_token_id=tokens.convert_tokens_to_ids("<|audio_eos|>"),
        bos_token_id=1, pad_token_id=0, eos_token_id=None, max_position_embeddings=2048, codec_config=codec.to_dict(),
        depth_decoder_config=_decoder(backbone_hidden_size=16, num_codebooks=4, vocab_size=16, max_position_embeddings=5),
        **_decoder(),
    )  # fmt: skip
    model = library.CsmForConditionalGeneration(config)
    model.generation_config.do_sample = model.depth_decoder.generation_config.do_sample = True
    features = library.EncodecFeatureExtractor(sampling_rate=1600)
    return save(
        folder,
        make_loud(model, model.embed_text_tokens, model.lm_head),
        library.CsmProcessor(features, tokens),
    )


def dia(folder: Path, codec: Path | None = None) -> Path:
    """Create a Dia, with its codec within it, or elsewhere."""
    torch.manual_seed(0)
    shared = {
        "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "hidden_size": 16, "intermediate_size": 32,
        "head_dim": 8,
    }  # fmt: skip
    config = library.DiaConfig(
        encoder_config=library.DiaEncoderConfig(**shared),
        decoder_config=library.DiaDecoderConfig(
            cross_num_attention_heads=2,
            cross_num_key_value_heads=2,
            cross_hidden_size=16,
            cross_head_dim=8,
            **shared,
        ),
    )
    model = library.DiaForConditionalGeneration(config)
    model.generation_config.do_sample = True
    model.generation_config.guidance_scale = 3.0
    dac = library.DacModel(
        library.DacConfig(
            encoder_hidden_size=4, downsampling_ratios=[8, 8], decoder_hidden_size=16, n_codebooks=9, codebook_size=1024,
            codebook_dim=4, hidden_size=16, sampling_rate=800, upsampling_ratios=[8, 8],
        )
    )  # fmt: skip
    save(codec or folder / "dac", make_loud(dac, dac.decoder.conv2))
    features = library.DacFeatureExtractor(sampling_rate=800, hop_length=64)
    return save(folder, make_loud(model), features, library.DiaTokenizer())


SPEECH_MODELS: dict[str, Callable[[Path], Path]] = {
    "vits": vits,
    "speecht5": speecht5,
    "bark": bark,
    "csm": csm,
    "dia": dia,
}

# Transcription...

CTC_CLASSES = {
    "wav2vec2": ("Wav2Vec2Config", "Wav2Vec2ForCTC"),
    "hubert": ("HubertConfig", "HubertForCTC"),
    "wavlm": ("WavLMConfig", "WavLMForCTC"),
    "unispeech": ("UniSpeechConfig", "UniSpeechForCTC"),
    "unispeech-sat": ("UniSpeechSatConfig", "UniSpeechSatForCTC"),
    "data2vec-audio": ("Data2VecAudioConfig", "Data2VecAudioForCTC"),
    "sew": ("SEWConfig", "SEWForCTC"),
    "wav2vec2-conformer": ("Wav2Vec2ConformerConfig", "Wav2Vec2ConformerForCTC"),
    "wav2vec2-bert": ("Wav2Vec2BertConfig", "Wav2Vec2BertForCTC"),
}


def ctc(folder: Path, kind: str = "wav2vec2") -> Path:
    """Create a Wav2Vec2 or a model like it."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    symbols = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcde"]
    (folder / "vocab.json").write_text(json.dumps({symbol: index for index, symbol in enumerate(symbols)}))
    tokens = library.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    config = getattr(library, CTC_CLASSES[kind][0])(
        vocab_size=len(symbols), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        conv_dim=[8, 8], conv_stride=[10, 32], conv_kernel=[10, 32], num_feat_extract_layers=2, num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2, feat_extract_norm="layer", do_stable_layer_norm=False, pad_token_id=0,
        **({"squeeze_factor": 1} if kind == "sew" else {}), **({"conv_pos_kernel_size": 3} if kind == "data2vec-audio" else {}),
    )  # fmt: skip
    model = getattr(library, CTC_CLASSES[kind][1])(config)
    features = (
        library.SeamlessM4TFeatureExtractor()
        if kind == "wav2vec2-bert"
        else library.Wav2Vec2FeatureExtractor(do_normalize=True)
    )
    return save(folder, make_loud(model, model.lm_head), tokens, features)


def parakeet(folder: Path, kind: str = "parakeet_ctc") -> Path:
    """Create a Parakeet of one of its kinds."""
    torch.manual_seed(0)
    symbols = {"<unk>": 0, "<pad>": 1, "▁": 2} | {f"▁{a}": 3 + index for index, a in enumerate("abc")}
    symbols |= {letter: len(symbols) + index for index, letter in enumerate("defgh")}
    transducer = kind != "parakeet_ctc"
    if transducer:
        symbols["<blank>"] = len(symbols)
    tokenizer = Tokenizer(
        models.BPE(symbols, [("▁", letter) for letter in "abc" if letter in symbols], unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    extra = {"additional_special_tokens": ["<blank>"]} if transducer else {}
    tokens = library.ParakeetTokenizer(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", **extra
    )
    encoder = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "num_mel_bins": 80,
        "subsampling_conv_channels": 4, "conv_kernel_size": 3,
    }  # fmt: skip
    shared = {"encoder_config": encoder, "vocab_size": len(symbols), "pad_token_id": 1}
    if transducer:
        shared |= {"decoder_hidden_size": 16, "num_decoder_layers": 1, "blank_token_id": symbols["<blank>"]}
    names = {"parakeet_ctc": "CTC", "parakeet_tdt": "TDT", "parakeet_rnnt": "RNNT"}
    config = getattr(library, f"Parakeet{names[kind]}Config")(**shared)
    model = getattr(library, f"ParakeetFor{names[kind]}")(config)
    if transducer:
        model.generation_config.decoder_start_token_id = symbols["<blank>"]
        model.generation_config.suppress_tokens = (
            [len(symbols) + index for index in range(5)] if kind == "parakeet_tdt" else None
        )
    make_loud(model, *([model.joint, model.encoder_projector] if transducer else [model.ctc_head]))
    features = library.ParakeetFeatureExtractor()
    return save(folder, model, library.ParakeetProcessor(features, tokens, decoder_type=names[kind].lower()))


def moonshine(folder: Path) -> Path:
    """Create a Moonshine."""
    torch.manual_seed(0)
    config = library.MoonshineConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, encoder_num_hidden_layers=1, decoder_num_hidden_layers=1,
        encoder_num_attention_heads=2, decoder_num_attention_heads=2, max_position_embeddings=64, decoder_start_token_id=0,
        bos_token_id=0, eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    model = library.MoonshineForConditionalGeneration(config)
    return save(
        folder,
        make_loud(model, model.model.decoder),
        letter_tokenizer(32),
        library.Wav2Vec2FeatureExtractor(do_normalize=False),
    )


def speech_to_text(folder: Path) -> Path:
    """Create a Speech2Text."""
    torch.manual_seed(0)
    file = train_sentencepiece(folder, "sentencepiece.bpe.model")
    symbols = ["<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS]
    (folder / "vocab.json").write_text(json.dumps({symbol: index for index, symbol in enumerate(symbols)}))
    tokens = library.Speech2TextTokenizer(str(folder / "vocab.json"), str(file))
    config = library.Speech2TextConfig(
        vocab_size=len(symbols), d_model=16, encoder_layers=1, encoder_ffn_dim=32, encoder_attention_heads=2, decoder_layers=1,
        decoder_ffn_dim=32, decoder_attention_heads=2, conv_channels=16, input_feat_per_channel=80, max_target_positions=64,
        tie_word_embeddings=False,
    )  # fmt: skip
    model = library.Speech2TextForConditionalGeneration(config)
    return save(
        folder, make_loud(model, model.model, model.lm_head), tokens, library.Speech2TextFeatureExtractor()
    )


def speecht5_transcription(folder: Path) -> Path:
    """Create a SpeechT5 that transcribes."""
    torch.manual_seed(0)
    tokens = library.SpeechT5Tokenizer(str(train_sentencepiece(folder)))
    model = library.SpeechT5ForSpeechToText(_speecht5_config(len(tokens)))
    return save(folder, make_loud(model), tokens, library.SpeechT5FeatureExtractor())


QWEN_TEMPLATE = """
{%- for message in messages %}{{ '<|im_start|>' + message.role + '\n' }}{%- for part in message.content %}
{%- if part.type == 'audio' %}{{ '<|audio_start|><|audio_pad|><|audio_end|>' }}{% else %}{{ part.text }}{% endif %}
{%- endfor %}{% if not (loop.last and message.role == 'assistant') %}{{ '<|im_end|>\n' }}{% endif %}{%- endfor %}
"""


def qwen3_asr(folder: Path) -> Path:
    """Create a Qwen3-ASR."""
    torch.manual_seed(0)
    controls = [
        "<|im_start|>",
        "<|im_end|>",
        "<|audio_start|>",
        "<|audio_pad|>",
        "<|audio_end|>",
        "<asr_text>",
    ]
    tokens = letter_tokenizer(64)
    tokens.add_tokens(controls)
    named = {
        "audio_token": "<|audio_pad|>",
        "audio_bos_token": "<|audio_start|>",
        "audio_eos_token": "<|audio_end|>",
    }
    tokens = library.PreTrainedTokenizerFast(
        tokenizer_object=tokens._tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        eos_token="<|im_end|>",
        extra_special_tokens=named,
    )
    audio = {
        "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 32, "d_model": 16, "output_dim": 16,
        "downsample_hidden_size": 8,
    }  # fmt: skip
    config = library.Qwen3ASRConfig(
        audio_config=audio,
        text_config=_decoder(vocab_size=64, max_position_embeddings=2048, tie_word_embeddings=False),
        tie_word_embeddings=False,
        audio_token_id=tokens.convert_tokens_to_ids("<|audio_pad|>"),
        pad_token_id=0,
        eos_token_id=tokens.convert_tokens_to_ids("<|im_end|>"),
    )
    processor = library.Qwen3ASRProcessor(
        library.Qwen3ASRFeatureExtractor(), tokens, chat_template=QWEN_TEMPLATE
    )
    model = library.Qwen3ASRForConditionalGeneration(config)
    make_loud(model, model.model.language_model, gain=0.3)
    return save(
        folder,
        make_loud(model, model.model.audio_tower, model.lm_head, model.get_input_embeddings()),
        processor,
    )


TRANSCRIPTION_MODELS: dict[str, Callable[[Path], Path]] = {
    **{kind: partial(ctc, kind=kind) for kind in CTC_CLASSES},
    **{kind: partial(parakeet, kind=kind) for kind in ("parakeet_ctc", "parakeet_tdt", "parakeet_rnnt")},
    "moonshine": moonshine,
    "speech_to_text": speech_to_text,
    "speecht5": speecht5_transcription,
    "qwen3_asr": qwen3_asr,
}  # fmt: skip
