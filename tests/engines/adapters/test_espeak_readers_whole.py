"""Tests that what reads by eSpeak NG for other engines reads all of a text, and survives a long run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engines.adapters.kokoro.espeak_reader import EspeakReader as KokoroReader
from engines.adapters.piper.espeak_reader import EspeakReader as PiperReader
from engines.adapters.piper.espeak_reader import shared_library

READ_NUMBERS = """
from engines.adapters.piper.espeak_reader import EspeakReader, shared_library

text = " und ".join(map(str, range(1, 301)))
tokens = [token for token in EspeakReader(shared_library(), "de").read(text) if token.end > token.start]
print(*(text[token.start : token.end] for token in tokens))
"""


def test_piper_reads_numbers_whole() -> None:
    """Each of 300 numbers has phonemes and a place of its own, in German; in a process of its own, as a worker
    is.
    """
    done = subprocess.run(
        [sys.executable, "-c", READ_NUMBERS], capture_output=True, text=True, timeout=60, check=True
    )

    places = [place for place in done.stdout.split() if place.isdigit()]
    assert places == [str(number) for number in range(1, 301)]


@pytest.mark.parametrize("run", ["antidis" * 60, "1" * 300])
def test_piper_reads_a_run_whole(run: str) -> None:
    """A run that the library aborts at is read, with places within the text."""
    tokens = list(PiperReader(shared_library(), "de").read(run))

    assert sum(len(token.phonemes) for token in tokens) > len(run)
    assert all(0 <= token.start <= token.end <= len(run) for token in tokens)


@pytest.mark.parametrize("run", ["antidis" * 60, "1" * 300, "777 " * 100])
def test_kokoro_reads_a_run_whole(run: str) -> None:
    """Nothing of a long run or a long clause is lost in French."""
    whole = KokoroReader("f").phonemize(run)
    part = KokoroReader("f").phonemize(run[: 4 * 7])

    assert len(whole) > 0.7 * len(part) * len(run) / 28


def test_a_tied_dot_ends_no_sentence_for_piper() -> None:
    """Behind a dot with a no-break space Piper hears of no end of a sentence."""
    reader = PiperReader(shared_library(), "de")

    assert "." in [token.phonemes for token in reader.read("Dr. Müller kam")]
    assert "." not in [token.phonemes for token in reader.read("Dr.\u00a0Müller kam")]
