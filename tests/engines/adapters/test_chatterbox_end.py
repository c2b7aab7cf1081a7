"""Tests of where Chatterbox's speech ends: what it adds behind a text is cut, and what never ends is told."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from outputs import QUIET

pytest.importorskip("torch")
if lacking := [name for name in ("chatterbox", "perth", "s3tokenizer") if not importlib.util.find_spec(name)]:
    pytest.skip(f"{lacking[0]} is not installed", allow_module_level=True)

import torch
from tiny_chatterbox import ONE_THREAD, TOKEN, endless, engine_class, loaded, speak

from engines.adapters.chatterbox.alignment import mended, repeated_tokens
from engines.adapters.chatterbox.networks import MOST_TOKENS, max_tokens
from engines.adapters.chatterbox.tail import quickest_seconds, without_tail
from engines.adapters.chatterbox.voice_files import MULTILINGUAL, TURBO
from engines.api import SpeechJob
from engines.errors import RunawayAudio

RATE = 24_000
pytestmark = pytest.mark.usefixtures("offline")


def stretch(*parts: tuple[float, float]) -> NDArray[np.float32]:
    """Return a recording of stretches, each so many seconds at such a level."""
    pieces = [
        level * np.sin(2 * np.pi * 200 * np.arange(round(seconds * RATE)) / RATE) for seconds, level in parts
    ]
    return np.concatenate(pieces).astype(np.float32)


@pytest.mark.parametrize(
    ("parts", "least", "kept"),
    [
        ([(2, 0.5)], 1.5, 2.0),
        ([(2, 0.5), (1.5, 0.0), (1, 0.4)], 1.5, 2.3),
        ([(2, 0.5), (1.5, 0.002), (1, 0.4)], 1.5, 2.3),
        ([(2, 0.5), (0.8, 0.0), (1, 0.4)], 1.5, 3.8),
        ([(1, 0.5), (1.5, 0.0), (1, 0.4)], 1.5, 3.5),
        ([(1, 0.5), (1.5, 0.0), (1, 0.4), (1.2, 0.0), (1, 0.3)], 2.0, 3.8),
        ([(1, 0.5), (30, 0.0)], 5.0, 1.3),
        ([(0.5, 0.0), (1, 0.5)], 0.5, 1.5),
        ([(3, 0.0)], 0.0, 3.0),
        ([(0.001, 0.5)], 0.0, 0.001),
    ],
    ids=[
        "speech",
        "noise",
        "hiss",
        "a pause",
        "words to come",
        "later",
        "silence",
        "late",
        "nothing",
        "a bit",
    ],
)
def test_what_follows_a_long_silence_is_cut(
    parts: list[tuple[float, float]], least: float, kept: float
) -> None:
    """Once all can be said, what follows a second of silence is cut; a shorter pause, and one in mid-text, are
    left. Silence at the end is cut whenever it begins.
    """
    samples = stretch(*parts)
    speech = without_tail(samples, RATE, least)

    assert len(speech) == pytest.approx(kept * RATE, abs=0.03 * RATE)
    whole = min(len(speech), round(parts[0][0] * RATE))
    assert np.array_equal(speech[:whole], samples[:whole])


def test_the_quickest_that_a_text_is_said() -> None:
    """Letters and digits take time, syllables and words of one character take more, other signs none."""
    assert quickest_seconds("… !") == 0
    assert quickest_seconds("Hello, you 2!") == pytest.approx(9 * 0.06)
    assert quickest_seconds("你好") == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 125), ("a" * 20, 250), ("你好" * 10, 500), ("a" * 1000, MOST_TOKENS), ("2026", 200)],
)
def test_how_long_a_text_may_become(text: str, tokens: int) -> None:
    """The longer a text is, the more tokens it may become, up to the library's own limit."""
    assert max_tokens(text) == tokens


@pytest.mark.parametrize("kind", [MULTILINGUAL, TURBO])
def test_a_text_that_does_not_end(kind: str, tmp_path: Path) -> None:
    """A speech that reaches the bound of its text has run away: that is told, before any of it is sounded."""
    engine = engine_class(kind)(path=str(endless(tmp_path / "endless", kind)))
    engine.load(ONE_THREAD, QUIET)
    sounded = 0

    def count(*_: object) -> None:
        nonlocal sounded
        sounded += 1

    engine._model.s3gen.flow.encoder.register_forward_hook(count)
    with pytest.raises(RunawayAudio, match=r"did not end this text within 6 s"):
        speak(engine, SpeechJob("Well", "", language="en", seed=1))
    assert sounded == 0


def test_a_text_ends_when_it_was_read() -> None:
    """The multilingual model's speech is about as many tokens as its text has."""
    short, long = (
        len(speak(loaded()[0], SpeechJob(text, "", language="en", seed=1))) / TOKEN
        for text in ("Hello you.", "Hello you, and all of you there.")
    )
    assert 8 <= short <= 20
    assert 20 <= long - short <= 24


class Watch:
    """A watch as the library's is after a text, of whose tokens the rows of `places` attended to one each."""

    def __init__(self, text: int, places: list[int], over: int | None) -> None:
        self.alignment = torch.zeros(len(places), text)
        for row, place in enumerate(places):
            self.alignment[row, place] = 1.0
        self.completed_at = over


@pytest.mark.parametrize(
    ("places", "over", "count"),
    [
        ([*range(20)], 18, 0),
        ([*range(20), 3, 4, 5, 6, 7, 8], 18, 6),
        ([*range(20), 3, 4, 5], 18, 0),
        ([*range(20), 19, 3, 19, 5, 6, 7, 8, 9], 18, 5),
        ([*range(20), 3, 4, 5, 6, 7, 19], 18, 0),
        ([*range(10), 3, 4, 5, 6, 7, 8], None, 0),
        ([0, 1, 2, 3, 3, 3, 0, 0, 0, 0, 0, 0], 3, 0),
    ],
    ids=["none", "again", "a slip", "to and fro", "back at the end", "never over", "a short text"],
)
def test_what_is_said_again(places: list[int], over: int | None, count: int) -> None:
    """Tokens at the end that attend to the text before its end, once that was reached, are said again; a few
    are a slip.
    """
    text = 4 if len(places) == 12 else 20
    assert repeated_tokens(Watch(text, places, over)) == count


class Analyzer:
    """What the library's watch does with repeated tokens: two ends it wherever they are."""

    def __init__(self) -> None:
        self.complete = False
        self.tokens: list[int] = []

    def step(self, logits: Any, next_token: int | None = None) -> Any:
        """Return whether the speech is to end."""
        if next_token is not None:
            self.tokens.append(next_token)
        return len(self.tokens) >= 3 and len(set(self.tokens[-2:])) == 1


def test_repeated_tokens_end_a_text_that_is_over_alone() -> None:
    """A pause in mid-text, of equal tokens, does not end the speech; at the end of the text it does."""
    watch = mended(Analyzer)()

    assert not any(watch.step(None, next_token=7) for _ in range(10))
    watch.complete = True
    assert [watch.step(None, next_token=7) for _ in range(3)] == [False, False, True]
