"""Tests of cutting a recording into utterances at its silences."""

from __future__ import annotations

import numpy as np
from alignment import at_16k
from espeak_in_process import RATE as SPOKEN_RATE
from espeak_in_process import say
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.toolkit.utterances import LONGEST_SECONDS, RATE, Utterance, UtteranceSplitter

SECOND = 2 * RATE


def cut(pcm: bytes, sizes: list[int]) -> tuple[UtteranceSplitter, list[Utterance]]:
    """Cut PCM that comes in chunks of these sizes, in rotation."""
    splitter, chunks, at = UtteranceSplitter(), list[bytes](), 0
    while at < len(pcm):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(pcm[at : at + size])
        at += size
    utterances = [utterance for chunk in chunks for utterance in splitter.push(chunk)]
    return splitter, [*utterances, *splitter.finish()]


def spoken(text: str) -> bytes:
    """Synthesise a text, at 16 kHz."""
    return at_16k(say(text, pause=False).pcm, SPOKEN_RATE)


def test_cuts_at_silence() -> None:
    """Each stretch of speech is one utterance with the right start, within 0.4 s, and complete."""
    one, two = spoken("my sister found seven old coins"), spoken("under the kitchen floor")
    splitter, found = cut(one + bytes(2 * SECOND) + two + bytes(2 * SECOND), [3200])

    assert len(found) == 2
    assert abs(found[0].start) < 0.4
    assert abs(found[1].start - (len(one) / SECOND + 2)) < 0.4
    assert len(found[0].pcm) >= 0.9 * len(one)
    assert len(found[1].pcm) >= 0.9 * len(two)
    assert abs(splitter.seconds - (len(one) + len(two)) / SECOND - 4) < 1e-9


def test_processed_follows_the_utterances() -> None:
    """Speech of an unfinished utterance does not count as processed; silence does."""
    splitter = UtteranceSplitter()
    assert list(splitter.push(bytes(SECOND))) == []
    assert splitter.processed == 1.0
    assert list(splitter.push(spoken("my sister found seven old coins"))) == []
    assert splitter.processed < 1.5
    assert len(list(splitter.push(bytes(2 * SECOND)))) == 1
    assert splitter.processed == splitter.seconds


def test_speech_without_silence_is_cut() -> None:
    """Speech without any silence is cut at quiet places, and nothing of it is lost or doubled."""
    words = spoken(
        "people often travel by train when winter comes to the northern cities and my sister found seven coins"
    )
    samples = np.frombuffer(words, "<i2")
    blocks = samples[: len(samples) // 800 * 800].reshape(-1, 800)
    loud = np.abs(blocks).max(axis=1) > 1500
    steady = np.tile(blocks[loud].ravel(), 12)[: RATE * 50].astype("<i2").tobytes()

    _, found = cut(steady, [6400])

    assert len(found) >= 3
    assert all(len(utterance.pcm) <= (LONGEST_SECONDS + 0.5) * SECOND for utterance in found)
    joined = b"".join(utterance.pcm for utterance in found)
    assert joined in steady
    assert len(joined) > 0.97 * len(steady)
    for utterance in found:
        assert steady[round(utterance.start * RATE) * 2 :].startswith(utterance.pcm)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 20000), min_size=1, max_size=6))
def test_chunk_sizes_do_not_matter(sizes: list[int]) -> None:
    """The cuts are the same in whatever chunks the recording came."""
    pcm = (
        bytes(SECOND // 2)
        + spoken("good evening")
        + bytes(SECOND)
        + spoken("the last bus leaves")
        + bytes(SECOND // 3)
    )

    assert cut(pcm, sizes)[1] == cut(pcm, [len(pcm)])[1]
