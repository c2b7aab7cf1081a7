"""Tests of Pocket TTS on MLX in the environment that has mlx-audio, on a processor and random weights: the audio of its
own library, presets and prompts that both understand, and how it stops and fails. Offline.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from engine_environments import environment
from model_worker import ModelWorker, linked, load_errors, model_worker
from numpy.typing import NDArray
from outputs import create_prompt

pytest.importorskip("pocket_tts")

import tiny_pocket
from pocket_tts.models.text_chunking import split_into_best_sentences
from tiny_pocket import FRAME, RATE, recording, speak

from engines.adapters.mlx.pocket_text import Chunker, TextRules
from engines.api import Audio, Prompt, SpeechEvent, SpeechJob
from engines.api.prompt_file import prompt_id
from engines.errors import BadInput, UnknownVoice

pytestmark = pytest.mark.engines

MODEL = "pocket-tts-english-mlx"
TEXT = "Hello there."
LONG = "One, two; three 3.5 is: four. Is it? It is! And so on, and on, and on, and on, and on, and on, we go… Yes."
EVEN: dict[str, bool | float | str] = {"temperature": 0.0}
"""with which nothing is drawn"""
NEAR = 200
"""of 32767: both libraries round in another order"""
COMPARED = 3 * FRAME
"""samples: each frame follows from the one before, and with random weights what is rounded grows fivefold with each"""


@pytest.fixture(scope="module")
def worker() -> Iterator[ModelWorker]:
    """Run a worker."""
    environment("mlx")
    with model_worker(MODEL, [tiny_pocket.folder()]) as one:
        yield one


def are_alike(ours: NDArray[np.int16], theirs: NDArray[np.int16]) -> bool:
    """Return whether two recordings are as long, and begin alike but for rounding."""
    difference = np.abs(ours[:COMPARED].astype(int) - theirs[:COMPARED])
    return ours.shape == theirs.shape and int(difference.max()) <= NEAR


def torch_prompt(hertz: float) -> Prompt:
    """Return the prompt of a recording as the engine on torch makes it, as the worker gets it."""
    data = create_prompt(tiny_pocket.loaded()[0], [recording(hertz)], MODEL)
    return Prompt(prompt_id(data), data)


def test_info(worker: ModelWorker) -> None:
    """Names, voices, languages, settings and the version of prompts are those of the engine on torch."""
    info, on_torch = worker.info, tiny_pocket.loaded()[1]
    assert (info.models, info.device) == ((MODEL, "pocket-tts"), "cpu")
    assert (info.voices, info.characters) == (on_torch.voices, on_torch.characters)
    assert info.speech == on_torch.speech


@pytest.mark.parametrize("text", [TEXT, "Two, three!"])
@pytest.mark.shows("equals", "pocket-tts-mlx")
def test_the_same_as_the_library(worker: ModelWorker, text: str) -> None:
    """Where nothing is drawn a preset's audio is that of pocket-tts, in frames of 80 ms."""
    sizes: list[int] = []

    def note(event: SpeechEvent) -> bool:
        sizes.append(len(event.pcm) // 2 if isinstance(event, Audio) else 0)
        return False

    ours = worker.speak(text, None, note, voice="marius", settings=EVEN)
    assert set(sizes) == {FRAME}
    assert np.abs(ours.astype(int)).max() > 1000
    assert are_alike(ours, speak(SpeechJob(text, "marius", seed=5, settings=EVEN)))


def test_prompts(worker: ModelWorker) -> None:
    """A prompt of either engine is the same voice on both; bytes that are none are refused."""
    ours, theirs = worker.prompt(recording(170)), torch_prompt(170)
    spoken = worker.speak(TEXT, ours, settings=EVEN)
    assert are_alike(spoken, worker.speak(TEXT, theirs, settings=EVEN))
    assert are_alike(spoken, speak(SpeechJob(TEXT, "", prompt=_opened(ours), seed=5, settings=EVEN)))
    assert not are_alike(spoken, worker.speak(TEXT, worker.prompt(recording(260)), settings=EVEN))
    with pytest.raises(BadInput, match="none of this model's"):
        worker.speak(TEXT, Prompt(prompt_id(b"none"), b"none"))


def _opened(prompt: Prompt) -> Prompt:
    engine = tiny_pocket.loaded()[0]
    return Prompt(prompt.id, prompt.data, opened=engine.open_prompt(prompt.data))


def test_seeds(worker: ModelWorker) -> None:
    """The same seed gives the same audio, another seed or voice another."""
    first = worker.speak(TEXT, None, voice="alba", seed=5)
    assert np.array_equal(first, worker.speak(TEXT, None, voice="alba", seed=5))
    for voice, seed in (("alba", 6), ("jane", 5)):
        assert not are_alike(first, worker.speak(TEXT, None, voice=voice, seed=seed))


def test_left_refused_and_empty(worker: ModelWorker) -> None:
    """A job that is left leaves the model as it was; unknown voices are refused, and no words are no audio."""
    before = worker.speak(TEXT, None, voice="alba", seed=5)
    worker.speak(TEXT * 9, None, lambda event: isinstance(event, Audio), voice="jane")
    assert np.array_equal(before, worker.speak(TEXT, None, voice="alba", seed=5))
    with pytest.raises(UnknownVoice):
        worker.speak(TEXT, None, voice="nobody")
    assert len(worker.speak(" … ", None, voice="alba")) == 0
    assert len(before) <= 10 * RATE


def test_files_that_are_missing(tmp_path: Path) -> None:
    """A folder that lacks a file is an error that names it."""
    environment("mlx")
    lost = ("config.yaml", "model.safetensors", "tokenizer.json")
    folders = [linked(tmp_path / name, tiny_pocket.folder(), name) for name in lost]
    for name, error in zip(lost, load_errors(MODEL, folders), strict=True):
        assert name in error


@pytest.mark.parametrize("text", [TEXT, LONG, "no end", 'He said: "no"', "end,", "a: b; c " * 30])
@pytest.mark.parametrize(
    "rules", [{}, {"remove_semicolons": True, "replace_characters": {"’": "'", '"': ""}}]
)
def test_texts_are_cut_as_the_library_does(text: str, rules: dict[str, object]) -> None:
    """Chunks are those of pocket-tts."""
    tokenizer = tiny_pocket.library().flow_lm.conditioner.tokenizer
    defaults = {"pad_with_spaces_for_short_inputs": False, "remove_semicolons": False}
    theirs = split_into_best_sentences(tokenizer, text, 50, **{**defaults, **rules})
    ours = list(Chunker(_AsMlx(tokenizer), TextRules(**rules)).chunks(text))  # type: ignore[arg-type]
    assert ours == theirs


class _AsMlx:
    """A tokenizer of pocket-tts, called as that of mlx-audio is."""

    def __init__(self, tokenizer: object) -> None:
        self._tokenizer = tokenizer

    def __call__(self, text: str) -> object:
        tokens = self._tokenizer(text)  # type: ignore[operator]
        return type("Tokens", (), {"tokens": tokens})

    def decode(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens))  # type: ignore[attr-defined]
