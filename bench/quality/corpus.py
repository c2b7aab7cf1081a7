"""The texts that engines are given, and the ways to write what is heard that are right."""

from __future__ import annotations

import random
from functools import lru_cache
from pathlib import Path

import msgspec
import yaml

FOLDER = Path(__file__).parent / "texts"
IN_A_LIST = 10
"""Harvard sentences in a list"""
KINDS = ("numbers", "dates", "money", "lists", "names", "hard wraps")


class Text(msgspec.Struct, frozen=True):
    """A text, and what may be written by who hears it read."""

    spoken: str
    accepted: tuple[str, ...]
    """each of these is right; the text itself is the first of them"""


@lru_cache(1)
def harvard_lists() -> tuple[tuple[str, ...], ...]:
    """Return the Harvard sentences: 72 lists of ten."""
    lines = (FOLDER / "harvard.txt").read_text("utf-8").splitlines()
    return tuple(tuple(lines[at : at + IN_A_LIST]) for at in range(0, len(lines), IN_A_LIST))


def harvard_texts(count: int) -> list[Text]:
    """Return the first lists, each as one text of ten sentences."""
    return [plain(" ".join(sentences)) for sentences in harvard_lists()[:count]]


def texts_of(kind: str) -> list[Text]:
    """Return the texts of one of KINDS."""
    return [
        plain(entry) if isinstance(entry, str) else Text(entry[0], tuple(entry)) for entry in _read()[kind]
    ]


def plain(text: str) -> Text:
    """Return a text that is written in one way."""
    return Text(text, (text,))


def long_texts(count: int, sentences: int, lists: int, seed: int = 14) -> list[tuple[str, ...]]:
    """Return texts of so many sentences each, drawn from the first Harvard lists; the same ones each time."""
    pool = [sentence for one in harvard_lists()[:lists] for sentence in one]
    drawn = random.Random(seed)
    return [tuple(drawn.sample(pool, sentences)) for _ in range(count)]


@lru_cache(1)
def _read() -> dict[str, list[str | list[str]]]:
    found: dict[str, list[str | list[str]]] = yaml.safe_load((FOLDER / "kinds.yaml").read_text("utf-8"))
    return found
