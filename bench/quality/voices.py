"""Voices as sounds: whether one stays itself, whether others differ, and whether all are equally loud."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.quality.corpus import harvard_lists
from bench.quality.embedder import Vector, embedded, likeness, mean_direction
from bench.quality.findings import Check, Section
from bench.quality.listening import Listener
from bench.quality.sound import PCM_RATE, integrated_loudness
from bench.quality.speakers import VOICE, Manner
from engines.toolkit.openai_voices import OPENAI_VOICES

MEASURE = "hibari"
REQUESTS = 8
"""of one voice, all at once, so that all workers of an engine have some"""
SENTENCES = 5
SEGMENTS = 4
"""that a long text is cut into, to compare its beginning with its end"""
LEAST_ITSELF = 0.85
"""single utterances are alike by 0.84 on average where the speaker is the same, by 0.55 where not"""
SPOKEN = (
    "People often travel by train when winter comes to the northern cities. My sister found seven old coins "
    "under the kitchen floor. Good evening, the last bus leaves in twenty minutes from the station."
)
MOST_APART = 2.0
"""LU"""


def likenesses(listener: Listener) -> Section:
    """Measure how alike a voice is to itself, to other engines' and to the other names of its engine."""
    requests = {engine: of_requests(listener, Manner(engine)) for engine in listener.engines}
    parts = {engine: _of_parts(listener, Manner(engine)) for engine in listener.engines}
    voices = {engine: mean_direction(vectors) for engine, vectors in requests.items()}
    names = {engine: _of_names(listener, engine) for engine in listener.engines}
    rows = [
        (
            engine,
            _spread(_pairs(requests[engine])),
            _spread(_pairs(parts[engine])),
            _spread(likeness(voices[engine], other) for name, other in voices.items() if name != engine),
            _spread(_pairs(names[engine])),
        )
        for engine in listener.engines
    ]
    return Section(
        "likeness",
        "Likeness",
        (
            "engine",
            f"`{VOICE}` to itself, {REQUESTS} requests at once",
            f"to itself, {SEGMENTS} parts of a long text",
            "to the other engines' voices",
            "thirteen names to one another",
        ),
        rows,
        _checks(listener, requests, parts, voices),
        "Cosine of the embedder, the mean with the least and the greatest of all pairs.",
    )


def _checks(
    listener: Listener,
    requests: dict[str, list[Vector]],
    parts: dict[str, list[Vector]],
    voices: dict[str, Vector],
) -> list[Check]:
    itself = {engine: min([*_pairs(requests[engine]), *_pairs(parts[engine])]) for engine in listener.engines}
    checks = [
        Check(
            f"{engine}: one voice is itself, at least {LEAST_ITSELF}", f"{least:.2f}", least >= LEAST_ITSELF
        )
        for engine, least in itself.items()
    ]
    between = list(_pairs(list(voices.values())))
    if between:
        nearest = max(between)
        checks.append(
            Check(
                "voices of two engines are less alike than any is to itself",
                f"{nearest:.2f}",
                nearest < min(itself.values()),
            )
        )
    return checks


def of_requests(listener: Listener, manner: Manner, count: int = REQUESTS) -> list[Vector]:
    """Return a voice as it is in requests at once, each of another text."""
    texts = [" ".join(sentences[:SENTENCES]) for sentences in harvard_lists()[:count]]
    with ThreadPoolExecutor(count) as pool:
        sounds = list(pool.map(lambda text: listener.sound(text, manner), texts))
    return [embedded(sound) for sound in sounds]


def _of_parts(listener: Listener, manner: Manner) -> list[Vector]:
    """Return a voice as it is from the beginning of a long text to its end."""
    text = " ".join(
        sentence for sentences in harvard_lists()[REQUESTS : REQUESTS + 3] for sentence in sentences
    )
    sound = listener.sound(text, manner)
    size = len(sound) // SEGMENTS
    return [embedded(sound[at * size : (at + 1) * size]) for at in range(SEGMENTS)]


def _of_names(listener: Listener, engine: str) -> list[Vector]:
    return [embedded(listener.sound(SPOKEN, Manner(engine, voice))) for voice in OPENAI_VOICES]


def _pairs(vectors: Sequence[Vector]) -> list[float]:
    return [likeness(one, other) for one, other in itertools.combinations(vectors, 2)]


def _spread(found: Iterable[float]) -> str:
    values = list(found)
    return f"{sum(values) / len(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else ""


def loudnesses(listener: Listener) -> Section:
    """Measure how loud each engine is in each of OpenAI's names."""
    found = {
        engine: {
            voice: integrated_loudness(listener.pcm(SPOKEN, Manner(engine, voice)), PCM_RATE)
            for voice in OPENAI_VOICES
        }
        for engine in listener.engines
    }
    rows = []
    for engine, of in found.items():
        quiet, loud = min(of, key=lambda voice: of[voice]), max(of, key=lambda voice: of[voice])
        rows.append((engine, f"{of[VOICE]:.1f}", f"{of[quiet]:.1f} ({quiet})", f"{of[loud]:.1f} ({loud})"))
    checks = [_apart(f"{engine}: its thirteen names", list(of.values())) for engine, of in found.items()]
    if len(found) > 1:
        checks.append(_apart("all engines", [value for of in found.values() for value in of.values()]))
    return Section(
        "loudness",
        "Loudness",
        ("engine", f"`{VOICE}`, LUFS", "the quietest name", "the loudest name"),
        rows,
        checks,
        "Integrated loudness by EBU R 128, of the same 11 s of text.",
    )


def _apart(what: str, values: Sequence[float]) -> Check:
    apart = max(values) - min(values)
    return Check(f"{what} are within {MOST_APART:g} LU", f"{apart:.1f} LU", apart <= MOST_APART)
