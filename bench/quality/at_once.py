"""Many streams at the same moment: whether each has its own words."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np

from bench.quality.corpus import harvard_lists, plain
from bench.quality.findings import Check, Section, at_most, percent
from bench.quality.listening import Listener, heard
from bench.quality.scoring import Score, compare, normal_words, score, total
from bench.quality.sound import Samples
from bench.quality.speakers import Manner
from engines.toolkit.openai_voices import OPENAI_VOICES

MEASURE = "hibari"
SENTENCES = 5
SLACK = 0.02


def at_once(listener: Listener) -> Section:
    """Measure many streams, each of another text and voice."""
    texts = _texts(listener.extent.streams)
    manners = [Manner(MEASURE, OPENAI_VOICES[number % len(OPENAI_VOICES)]) for number in range(len(texts))]
    together = spoken_at_once(listener, texts, manners)
    alone = [listener.pcm(text, manner) for text, manner in zip(texts, manners, strict=True)]
    different = sum(not np.array_equal(one, other) for one, other in zip(together, alone, strict=True))
    transcripts = heard(together)
    transcripts_alone = heard(alone) if different else transcripts
    own = total(score(plain(text), transcript) for text, transcript in zip(texts, transcripts, strict=True))
    by_itself = total(score(plain(text), said) for text, said in zip(texts, transcripts_alone, strict=True))
    strangers = others_words(texts, transcripts)
    rows = [
        ("at once", percent(own.rate), str(own.errors)),
        ("one after another", percent(by_itself.rate), str(by_itself.errors)),
    ]
    checks = [
        Check("each stream has its own words", f"{strangers} of {len(texts)} have another's", not strangers),
        Check(
            "each is what it is alone, to the sample", f"{different} of {len(texts)} are not", not different
        ),
        at_most("word errors, two points more than alone", own.rate, by_itself.rate + SLACK),
    ]
    return Section(
        "at_once", f"{len(texts)} streams at once", ("", "word error rate", "errors"), rows, checks
    )


def _texts(count: int) -> list[str]:
    """Return texts of which no two have a sentence in common."""
    sentences = [sentence for one in harvard_lists() for sentence in one]
    return [" ".join(sentences[at * SENTENCES : (at + 1) * SENTENCES]) for at in range(count)]


def spoken_at_once(listener: Listener, texts: Sequence[str], manners: Sequence[Manner]) -> list[Samples]:
    """Ask for all texts in the same moment."""
    start = Barrier(len(texts))

    def ask(text: str, manner: Manner) -> Samples:
        start.wait()
        return listener.pcm(text, manner)

    with ThreadPoolExecutor(len(texts)) as pool:
        return list(pool.map(ask, texts, manners))


def others_words(texts: Sequence[str], transcripts: Sequence[str]) -> int:
    """Count the transcripts that are nearer to another text than to their own."""
    words = [normal_words(text) for text in texts]

    def nearest(transcript: str) -> int:
        said = normal_words(transcript)
        rates: list[Score] = [compare(one, said) for one in words]
        return min(range(len(words)), key=lambda number: rates[number].rate)

    return sum(nearest(transcript) != number for number, transcript in enumerate(transcripts))
