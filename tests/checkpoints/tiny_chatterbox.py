"""Chatterboxes of random weights, in the files that the real ones come in; small by `shrunk_chatterbox`.

Their audio depends on voice, text and seed. The multilingual one attends to one more token of its text at each
step, as the real one does roughly, and ends when it is through; Turbo ends by chance, after some twenty tokens.
"""

from __future__ import annotations

import atexit
import functools
import io
import json
import math
import shutil
import tempfile
import warnings
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from outputs import QUIET, create_prompt, opened, run_speech
from safetensors.torch import load_file, save_file
from shrunk_chatterbox import WIDTH, shrink

from engines.adapters.chatterbox.engine import Chatterbox, ChatterboxTurbo
from engines.adapters.chatterbox.library import import_library, turbo_class
from engines.adapters.chatterbox.voice_files import LANGUAGES, MULTILINGUAL, TURBO
from engines.api import Audio, EngineInfo, Place, Prompt, Sample, SpeechEvent, SpeechJob

RATE = 24_000
"""Hertz, of what it speaks and of recordings that it clones"""
TOKEN = 960
"""samples of a token"""
SOUNDS = (
    "[laugh]",
    "[chuckle]",
    "[cough]",
    "[sigh]",
    "[gasp]",
    "[groan]",
    "[sniff]",
    "[shush]",
    "[clear throat]",
)
SECONDS = {MULTILINGUAL: 1.0, TURBO: 5.1}
"""of recordings, as short as they may be: what a voice is of is computed anew for each text"""
TEXT_TOKENS = {MULTILINGUAL: 2454, TURBO: 50_276}
T3_FILES = {MULTILINGUAL: "t3_mtl23ls_v2.safetensors", TURBO: "t3_turbo_v1.safetensors"}
CODES = {"日": "A", "本": "DM", "你": "ONF", "好": "VND"}
"""Cangjie codes of characters"""
ALPHABETS = (
    *("abcdefghijklmnopqrstuvwxyz0123456789.,!?'-\"()", "אבגדהוזחטיכלמנסעפצקרשתםןףךץ"),
    *("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "अआइईउऊएऐओऔकखगघचछजटडतदनपफबभमयरलवशषसहािीुूेैोौ्ं"),
    *("абвгдежзийклмнопрстуфхцчшщъыьэюя", "αβγδεζηθικλμνξοπρσςτυφχψω", "ßæøıłđ", "。、，！？؟।"),
    *("\u0300\u0301\u0302\u0303\u0308\u030a\u0327\u3099\u309a", "".join(map(chr, range(0x1100, 0x1200)))),
    "".join(map(chr, range(0x3041, 0x3097))) + "".join(map(chr, range(0x30A1, 0x30FB))),
)
ONE_THREAD = Place(threads=1)
CONSTANT, PLACE = 0, 1
"""numbers of the hidden state that no layer changes: always the same, and more at each token of the text"""
END_BIAS = 12.0
"""of the token that ends Turbo's speech, whatever it says"""
NEVER = -300.0
EVER = 300.0
STRONGER = 400.0
"""by how much more the last layer says of what it attends to: text and voice"""


@functools.cache
def folder(kind: str = MULTILINGUAL) -> Path:
    """Return the folder of the files, which are created once for all tests."""
    import_library()  # first, as it has the library find its watermark
    shrink()
    path = Path(tempfile.mkdtemp(prefix=f"tiny-{kind}-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    torch.manual_seed(0)
    _make_network(path, kind)
    (_write_multilingual_tokenizer if kind == MULTILINGUAL else _write_turbo_tokenizer)(path)
    model = library_model(kind, path)
    (path / "reference.wav").write_bytes(wav(recording(140, SECONDS[kind])))
    with without_warnings():
        model.prepare_conditionals(str(path / "reference.wav"))
    model.conds.save(path / "conds.pt")
    (path / "reference.wav").unlink()
    return path


def _make_network(path: Path, kind: str) -> None:
    """Write the weights."""
    from chatterbox.models.s3gen import S3Gen
    from chatterbox.models.t3 import T3
    from chatterbox.models.t3.modules.t3_config import T3Config
    from chatterbox.models.voice_encoder import VoiceEncoder

    multilingual = kind == MULTILINGUAL
    hp = T3Config.multilingual() if multilingual else T3Config(TEXT_TOKENS[TURBO])
    if not multilingual:
        hp.llama_config_name, hp.speech_tokens_dict_size = "GPT2_medium", 6563
        hp.input_pos_emb, hp.speech_cond_prompt_len = None, 375
        hp.use_perceiver_resampler, hp.emotion_adv = False, False
    with without_warnings():
        t3, s3gen, encoder = T3(hp), S3Gen(meanflow=not multilingual), VoiceEncoder()
    with torch.no_grad():
        for network in (t3, s3gen, encoder):
            _enliven(network)
        (_have_it_read if multilingual else _have_it_end)(t3)
    save_file(_half(t3), path / T3_FILES[kind])
    if multilingual:
        torch.save(_half(encoder), path / "ve.pt")
        torch.save(_half(s3gen), path / "s3gen.pt")
    else:
        save_file(_half(encoder), path / "ve.safetensors")
        save_file(_half(s3gen), path / "s3gen_meanflow.safetensors")


def _half(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return weights in half precision: they become float32 again when they are loaded."""
    return {
        name: (value.half() if value.dtype == torch.float32 else value).contiguous().clone()
        for name, value in network.state_dict().items()
    }


def _enliven(network: torch.nn.Module) -> None:
    """Give weights that the library begins with zeros numbers, so that what they are for changes the audio."""
    for part in network.parameters():
        if part.dim() > 1 and not part.any():
            torch.nn.init.normal_(part, std=0.2)


def _have_it_read(t3: Any) -> None:
    """Have the heads that the library watches attend to the end of the text, of which it lets them see one
    token more at each step; and the end of the speech be likely always, which it allows only at the text's.
    """
    from chatterbox.models.t3.inference.alignment_stream_analyzer import LLAMA_ALIGNED_HEADS

    _keep_free(t3, CONSTANT, PLACE)
    t3.tfmr.layers[-1].self_attn.o_proj.weight *= STRONGER
    t3.speech_head.weight *= 4
    t3.text_emb.weight.copy_(torch.nn.functional.normalize(t3.text_emb.weight) * WIDTH**0.5)
    t3.text_emb.weight[t3.hp.stop_text_token, PLACE] = 20.0
    t3.text_pos_emb.emb.weight[:, PLACE] = torch.arange(len(t3.text_pos_emb.emb.weight)) / 40
    t3.speech_pos_emb.emb.weight[:, CONSTANT] = 1.0
    width = t3.cfg.head_dim
    for layer, head in LLAMA_ALIGNED_HEADS:
        attention = t3.tfmr.layers[layer].self_attn
        row = (head + 1) * width - 1  # of the number that its place in the sequence changes least
        for projection, place, size in ((attention.q_proj, CONSTANT, 6.0), (attention.k_proj, PLACE, 6.0)):
            projection.weight[head * width : (head + 1) * width] = 0
            projection.weight[row, place] = size
    t3.speech_head.weight[t3.hp.start_speech_token :, CONSTANT] = NEVER
    t3.speech_head.weight[t3.hp.stop_speech_token, CONSTANT] = EVER


def _keep_free(t3: Any, *places: int) -> None:
    """Have nothing write to some numbers of the hidden state, nor read them."""
    for place in places:
        for embedding in (t3.text_emb, t3.speech_emb, t3.text_pos_emb.emb, t3.speech_pos_emb.emb):
            embedding.weight[:, place] = 0
        t3.cond_enc.spkr_enc.weight[place] = 0
        t3.cond_enc.spkr_enc.bias[place] = 0
        t3.cond_enc.emotion_adv_fc.weight[place] = 0
        for layer in t3.tfmr.layers:
            layer.self_attn.o_proj.weight[place] = 0
            layer.mlp.down_proj.weight[place] = 0
        t3.speech_head.weight[:, place] = 0


def _have_it_end(t3: Any) -> None:
    """Have Turbo's speech end by chance."""
    t3.tfmr.h[-1].attn.c_proj.weight *= STRONGER
    t3.speech_head.weight *= 6
    t3.speech_head.weight[t3.hp.stop_speech_token] = 0
    t3.speech_head.bias.zero_()
    t3.speech_head.bias[t3.hp.start_speech_token] = NEVER
    t3.speech_head.bias[t3.hp.stop_speech_token] = END_BIAS


def _write_multilingual_tokenizer(path: Path) -> None:
    """Write a tokenizer of letters, and the codes of Chinese characters."""
    codes = sorted({letter for code in CODES.values() for letter in code})
    tokens = ["[STOP]", "[UNK]", "[SPACE]", *(f"[{language}]" for language in LANGUAGES)]
    tokens += [*(f"[cj_{letter}]" for letter in codes), "[cj_.]"]
    letters = [*dict.fromkeys("".join(ALPHABETS)), *CODES]
    vocabulary = {token: number for number, token in enumerate(tokens)} | {"[START]": 255}
    free = (number for number in range(TEXT_TOKENS[MULTILINGUAL]) if number not in vocabulary.values())
    vocabulary |= dict(zip(letters, free, strict=False))
    special = [
        {"id": number, "content": token, "single_word": False, "lstrip": False, "rstrip": False}
        | {"normalized": False, "special": True}
        for token, number in vocabulary.items()
        if token.startswith("[") and len(token) > 1
    ]
    model: dict[str, Any] = {
        "type": "BPE",
        "dropout": None,
        "unk_token": "[UNK]",
        "continuing_subword_prefix": None,
    }
    model |= {"end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False}
    tokenizer: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
    }
    tokenizer |= {"normalizer": None, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None}
    tokenizer |= {"decoder": None, "model": {**model, "vocab": vocabulary, "merges": []}}
    (path / "grapheme_mtl_merged_expanded_v1.json").write_text(json.dumps(tokenizer), "utf-8")
    lines = [f"{character}\t{code}" for character, code in CODES.items()]
    (path / "Cangjie5_TC.json").write_text(json.dumps(lines), "utf-8")


def _write_turbo_tokenizer(path: Path) -> None:
    """Write a tokenizer of bytes, with sounds."""
    from tokenizers.pre_tokenizers import ByteLevel

    end = "<|endoftext|>"
    vocabulary = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    vocabulary |= {f"unused{number}": number for number in range(256, 50_256)} | {end: 50_256}
    added = [*SOUNDS, *(f"[tag{number}]" for number in range(19 - len(SOUNDS)))]
    (path / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (path / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    numbers = {token: 50_257 + number for number, token in enumerate(added)}
    (path / "added_tokens.json").write_text(json.dumps(numbers), "utf-8")
    form = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False, "special": False}
    settings: dict[str, Any] = {
        "tokenizer_class": "GPT2Tokenizer",
        "model_max_length": 1024,
        "add_prefix_space": False,
    }
    settings |= dict.fromkeys(("bos_token", "eos_token", "unk_token"), end)
    decoder = {str(number): {"content": token, **form} for token, number in numbers.items()}
    (path / "tokenizer_config.json").write_text(
        json.dumps({**settings, "added_tokens_decoder": decoder}), "utf-8"
    )


@contextmanager
def without_warnings() -> Iterator[None]:
    """Ignore in the block what the library uses of others that is to go."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def library_model(kind: str, path: Path) -> Any:
    """Return a model as the library loads it for its own users, but for what goes wrong on this Python."""
    from engines.adapters.chatterbox.library import load_model

    import_library()
    assert turbo_class()
    return load_model(path, kind, "cpu")


@functools.cache
def library(kind: str = MULTILINGUAL) -> Any:
    """Return the library's own model, with the voice of its files."""
    return library_model(kind, folder(kind))


def engine_class(kind: str) -> type[Chatterbox | ChatterboxTurbo]:
    """Return the engine of a kind."""
    return Chatterbox if kind == MULTILINGUAL else ChatterboxTurbo


@functools.cache
def loaded(kind: str = MULTILINGUAL) -> tuple[Any, EngineInfo]:
    """Return an engine, and its info. On one thread: several wait for each other longer than such small layers
    take.
    """
    engine = engine_class(kind)(path=str(folder(kind)))
    return engine, engine.load(ONE_THREAD, QUIET)


def linked(to: Path, kind: str, *left_out: str) -> Path:
    """Return a new folder that has a model's files, but for some."""
    to.mkdir()
    for file in folder(kind).iterdir():
        if file.name not in left_out:
            (to / file.name).symlink_to(file)
    return to


def endless(to: Path, kind: str) -> Path:
    """Return a new folder with a model whose speech never ends by itself."""
    path = linked(to, kind, T3_FILES[kind])
    weights = load_file(folder(kind) / T3_FILES[kind])
    if kind == MULTILINGUAL:
        weights["text_pos_emb.emb.weight"][:, PLACE] = 0  # so that it is never through
        weights["text_emb.weight"][0, PLACE] = 0
    else:
        weights["speech_head.bias"][6562] = NEVER
    save_file(weights, path / T3_FILES[kind])
    return path


def sample(kind: str, hertz: float) -> Sample:
    """Return a sample that is long enough for a kind of model."""
    return recording(hertz, SECONDS[kind])


def recording(hertz: float, seconds: float) -> Sample:
    """Return a sample of a hum."""
    times = np.arange(round(seconds * RATE)) / RATE
    hum = sum(np.sin(2 * math.pi * hertz * overtone * times) / overtone for overtone in range(1, 8))
    noise = np.random.default_rng(round(hertz)).normal(0, 0.02, len(times))
    return Sample(np.asarray(6000 * (hum + noise)).astype("<i2").tobytes())


def wav(sample: Sample) -> bytes:
    """Return a sample as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, RATE, 0, "NONE", ""))
        written.writeframes(sample.pcm)
    return file.getvalue()


def speak(engine: Any, job: SpeechJob) -> NDArray[np.int16]:
    """Speak a job to its end, and return the samples."""
    pcm = bytearray()

    def emit(event: SpeechEvent) -> bool:
        pcm.extend(event.pcm if isinstance(event, Audio) else b"")
        return True

    run_speech(engine, job, emit)
    return np.frombuffer(bytes(pcm), "<i2")


def joined(samples: Sequence[Sample]) -> Sample:
    """Return samples one after the other."""
    return Sample(b"".join(sample.pcm for sample in samples))


def prompt(kind: str, *samples: Sample) -> Prompt:
    """Return the voice prompt of samples."""
    engine = loaded(kind)[0]
    made: Prompt = opened(engine, create_prompt(engine, samples, kind))
    return made


def cloned_by_library(kind: str, recorded: Sample) -> Any:
    """Return what the library makes of a recording, read from a file in memory."""
    model, voice = library(kind), library(kind).conds
    try:
        with without_warnings():
            model.prepare_conditionals(io.BytesIO(wav(recorded)))
        return model.conds
    finally:
        model.conds = voice
