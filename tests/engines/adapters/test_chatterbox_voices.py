"""Tests of Chatterbox's voices: what is kept of samples, what is refused, and that nothing is opened by a name.
Offline.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable

import pytest

pytest.importorskip("torch")
# not importorskip: their own imports may be missing
if lacking := [name for name in ("chatterbox", "perth", "s3tokenizer") if not importlib.util.find_spec(name)]:
    pytest.skip(f"{lacking[0]} is not installed", allow_module_level=True)

import torch
from outputs import opened
from safetensors.torch import load, save
from tiny_chatterbox import (
    cloned_by_library,
    joined,
    library,
    loaded,
    prompt,
    recording,
    sample,
    speak,
)

from engines.adapters.chatterbox.voice_files import MULTILINGUAL, TURBO
from engines.api import SpeechJob
from engines.errors import BadAudio, BadInput, UnknownVoice

KINDS = (MULTILINGUAL, TURBO)
pytestmark = pytest.mark.usefixtures("offline")


@pytest.mark.parametrize("kind", KINDS)
def test_clones(kind: str) -> None:
    """A prompt is the same each time it is made, and the longest of several samples goes first."""
    low = prompt(kind, sample(kind, 120))
    assert prompt(kind, sample(kind, 120)).data == low.data != prompt(kind, sample(kind, 260)).data

    short, long = recording(260, 1.0), recording(120, 5.5)
    together = prompt(kind, short, long)
    assert together.data == prompt(kind, joined([long, short])).data
    assert together.data != prompt(kind, long).data


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_is_the_librarys_own(kind: str) -> None:
    """A prompt holds what the library makes of a recording, in safetensors: the same numbers."""
    made = cloned_by_library(kind, sample(kind, 210))
    kept = load(prompt(kind, sample(kind, 210)).data)

    assert torch.equal(kept["speaker_emb"], made.t3.speaker_emb)
    assert torch.equal(kept["cond_prompt_speech_tokens"], made.t3.cond_prompt_speech_tokens)
    for name in ("prompt_token", "prompt_feat", "embedding"):
        assert torch.equal(kept[name], made.gen[name])
    assert int(made.gen["prompt_token_len"][0]) == kept["prompt_token"].shape[1]
    assert len(prompt(kind, recording(120, 30.0)).data) < 200_000


@pytest.mark.parametrize("seconds", [0.5, 4.9, 5.0])
def test_turbo_needs_more_than_five_seconds(seconds: float) -> None:
    """Samples of five seconds and less are refused with the figure; a little more are enough."""
    with pytest.raises(BadAudio, match=rf"{seconds:g} s is too short .* needs 5\.01 s"):
        prompt(TURBO, recording(120, seconds))
    assert prompt(TURBO, recording(120, 5.02)).data


def test_short_samples_of_the_multilingual() -> None:
    """The multilingual model clones from half a second."""
    assert (
        len(
            speak(
                loaded()[0],
                SpeechJob(
                    "Hello you.", "", language="en", seed=5, prompt=prompt(MULTILINGUAL, recording(120, 0.5))
                ),
            )
        )
        > 0
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("voice", ["nobody", "../conds.pt", "/etc/passwd", "http://x/y.wav", "Default"])
def test_voices_are_names_only(kind: str, voice: str) -> None:
    """Only the one preset's name is a voice, even for an empty text: nothing is opened by it."""
    for text in ("Hello you.", ""):
        with pytest.raises(UnknownVoice, match="has no voice"):
            speak(loaded(kind)[0], SpeechJob(text, voice, language="en"))


def spoilt(**changes: Callable[[torch.Tensor], torch.Tensor]) -> bytes:
    """Return a prompt with changed tensors."""
    tensors = load(prompt(MULTILINGUAL, sample(MULTILINGUAL, 120)).data)
    new = {
        name: changes.get(name, lambda value: value)(value).contiguous() for name, value in tensors.items()
    }
    data: bytes = save(new)
    return data


@pytest.mark.parametrize(
    "data",
    [
        lambda: b"",
        lambda: b"x" * 100,
        lambda: prompt(MULTILINGUAL, sample(MULTILINGUAL, 120)).data[:-10],
        lambda: save({"centroid": torch.zeros(1)}),
        lambda: spoilt(speaker_emb=lambda value: value[:, :8]),
        lambda: spoilt(speaker_emb=lambda value: value * torch.nan),
        lambda: spoilt(embedding=lambda value: value.double()),
        lambda: spoilt(prompt_feat=lambda value: value[:, :10]),
        lambda: spoilt(prompt_feat=lambda value: value[0]),
        lambda: spoilt(prompt_token=lambda value: value + 6561),
        lambda: spoilt(prompt_token=lambda value: value - 6561),
        lambda: spoilt(prompt_token=lambda value: value[:, :0]),
        lambda: spoilt(cond_prompt_speech_tokens=lambda value: value.repeat(1, 9)),
        lambda: spoilt(cond_prompt_speech_tokens=lambda value: value.float()),
        lambda: save({**load(prompt(MULTILINGUAL, sample(MULTILINGUAL, 120)).data), "more": torch.zeros(1)}),
    ],
)
def test_invalid_prompts(data: Callable[[], bytes]) -> None:
    """A prompt that is not this model's is refused with the reason, and the next job is not affected."""
    with pytest.raises(BadInput, match="none of this model's"):
        opened(loaded()[0], data())


def test_a_pickle_is_no_prompt() -> None:
    """The library's own file of a voice, a pickle, is refused, not read."""

    file = io.BytesIO()
    library().conds.save(file)
    with pytest.raises(BadInput, match="none of this model's"):
        opened(loaded()[0], file.getvalue())
