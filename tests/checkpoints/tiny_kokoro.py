"""A Kokoro of random weights, in the files that the real one comes in.

It is as small as the library lets it be: 58 million numbers. It speaks 62 phonemes at once where the real one
speaks 510, so that a long text is not long, and computes 40 samples of a frame where the real one computes
600: most of the work. Its audio depends on everything that should change it: its pitch is in the range of
voices, and voices differ.
"""

from __future__ import annotations

import atexit
import functools
import io
import json
import shutil
import tempfile
import warnings
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from kokoro import KModel, KPipeline
from numpy.typing import NDArray
from outputs import QUIET, run_speech

from engines.adapters.kokoro.engine import Kokoro
from engines.adapters.kokoro.english import English
from engines.api import Audio, EngineInfo, Place, SpeechEvent, SpeechJob, Word

SYMBOLS = ';:,.!?—…"()“” \u0303ʣʥʦʨᵝ\uab67AIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ'
"""the phonemes that Kokoro knows, in its order"""
LIMIT = 62
"""the most phonemes of a chunk"""
FRAME = 40
"""samples of a frame"""
REAL_RATES = {"upsample_kernel_sizes": [20, 12], "upsample_rates": [10, 6]}
VOICES = (
    "af_heart",
    "af_bella",
    "am_michael",
    "bf_emma",
    "bm_fable",
    "ef_dora",
    "ff_siwis",
    "jf_alpha",
    "zf_xiaobei",
)
REPOSITORY = "hexgrad/Kokoro-82M"
RATE = 24_000
CONFIG: dict[str, Any] = {
    "istftnet": {
        "upsample_kernel_sizes": [4, 4],
        "upsample_rates": [2, 2],
        "gen_istft_hop_size": 5,
        "gen_istft_n_fft": 20,
        "resblock_dilation_sizes": [[1, 3, 5]],
        "resblock_kernel_sizes": [3],
        "upsample_initial_channel": 512,
    },
    "dim_in": 64,
    "dropout": 0.2,
    "hidden_dim": 512,
    "max_conv_dim": 512,
    "max_dur": 50,
    "multispeaker": True,
    "n_layer": 1,
    "n_mels": 80,
    "n_token": 178,
    "style_dim": 128,
    "text_encoder_kernel_size": 5,
    "plbert": {
        "hidden_size": 32,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "embedding_size": 16,
        "max_position_embeddings": LIMIT + 2,
        "num_hidden_layers": 1,
        "dropout": 0.1,
    },
    "vocab": {symbol: number for number, symbol in enumerate(SYMBOLS, 1)},
}


@functools.cache
def folder(*, real: bool = False) -> Path:
    """Return the folder of the files, which are created once for all tests.

    `real`: with as many samples to a frame as the real one.
    """
    path = Path(tempfile.mkdtemp(prefix="tiny-kokoro-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    config = CONFIG | {"istftnet": CONFIG["istftnet"] | REAL_RATES} if real else CONFIG
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    weights = {name: _published(part) for name, part in random_network(config).named_children()}
    torch.save(weights, path / "kokoro-v1_0.pth")
    (path / "voices").mkdir()
    for number, voice in enumerate(VOICES):
        source = torch.Generator().manual_seed(number)
        torch.save(torch.randn(510, 1, 256, generator=source) * 0.5, path / "voices" / f"{voice}.pt")
    return path


def random_network(config: dict[str, Any]) -> KModel:
    """Return a network of random weights.

    Its phonemes are short, its pitch is a voice's, and its loudest samples are a little too loud.
    """
    torch.manual_seed(0)
    network = _network(_no_weights(), config)
    with torch.no_grad():
        network.predictor.duration_proj.linear_layer.weight.mul_(6)
        network.predictor.duration_proj.linear_layer.bias.sub_(4.9)
        network.predictor.F0_proj.weight.mul_(150)
        network.predictor.F0_proj.bias.fill_(120)
        network.decoder.generator.conv_post.bias[:11].sub_(0.4)
        for part in network.parameters():
            if part.dim() > 1 and not part.any():
                torch.nn.init.normal_(part, std=0.2)
    return network


def _published(part: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return weights as the published file has them, without those that it lacks; in halves, which are
    smaller.
    """
    state = part.state_dict().items()
    return {
        f"module.{key}": value.half()
        for key, value in state
        if not key.endswith((".norm.weight", ".norm.bias"))
    }


def _no_weights() -> io.BytesIO:
    file = io.BytesIO()
    torch.save({}, file)
    file.seek(0)
    return file


def _network(weights: object, config: dict[str, Any]) -> KModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return KModel(repo_id=REPOSITORY, config=config, model=weights).eval()


@functools.cache
def library() -> KModel:
    """Return the network as the library loads it."""
    return _network(str(folder() / "kokoro-v1_0.pth"), CONFIG)


@functools.cache
def loaded() -> tuple[Kokoro, EngineInfo]:
    """Return the engine, for batches of four, and its info."""
    engine = Kokoro(path=str(folder()), batch=4)
    return engine, engine.load(Place(device="cpu"), QUIET)


def voice(name: str) -> torch.Tensor:
    """Return a voice, read from its file."""
    return torch.as_tensor(torch.load(folder() / "voices" / f"{name}.pt", weights_only=True))


class SpokenJob(msgspec.Struct):
    """The output of a job."""

    pcm: NDArray[np.int16]
    words: list[Word]
    chunk_sizes: list[int]
    """samples of each chunk of audio"""


def gather(events: list[SpeechEvent]) -> SpokenJob:
    """Return a job's events, joined."""
    audio = [event.pcm for event in events if isinstance(event, Audio) and event.pcm]
    words = [event for event in events if isinstance(event, Word)]
    return SpokenJob(np.frombuffer(b"".join(audio), "<i2"), words, [len(pcm) // 2 for pcm in audio])


def events_of(job: SpeechJob, engine: Kokoro | None = None) -> list[SpeechEvent]:
    """Return all events of a job."""
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return True

    run_speech(engine or loaded()[0], job, emit)
    return events


def speak(job: SpeechJob, engine: Kokoro | None = None) -> SpokenJob:
    """Speak a job to its end."""
    return gather(events_of(job, engine))


def as_pcm(audio: torch.Tensor) -> NDArray[np.int16]:
    """Return the library's audio as our PCM should be: limited, not wrapped around."""
    return np.asarray(np.rint(np.clip(audio.numpy(), -1, 1) * 32767), dtype=np.int16)


@functools.cache
def pipeline(language: str) -> KPipeline:
    """Return the library's own pipeline, from text to audio."""
    return front_end(language, library())


def front_end(language: str, model: KModel | bool) -> KPipeline:
    """Return the library's own pipeline, up to phonemes, and with a model up to audio.

    Its English has our tags, as it would go online for its own.

    Its Japanese imports pyopenjtalk and does not use it: where that is missing, it is made of the part that
    the library uses.
    """
    ours = language in "ab" or (language == "j" and find_spec("pyopenjtalk") is None)
    pipeline = KPipeline("e" if ours else language, repo_id=REPOSITORY, model=model)
    if ours:
        pipeline.lang_code = language
        pipeline.g2p = cutlet() if language == "j" else English(british=language == "b")
    return pipeline


def cutlet() -> Any:
    """Return misaki's Japanese."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses a deprecated part of importlib
        return import_module("misaki.cutlet").Cutlet()
