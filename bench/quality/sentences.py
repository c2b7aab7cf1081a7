"""Word error rates of what engines say: Harvard sentences, hard kinds of text, formats, voices, speeds."""

from __future__ import annotations

from bench.quality import scoring
from bench.quality.corpus import KINDS, harvard_texts, texts_of
from bench.quality.findings import Check, Section, at_most, percent, points
from bench.quality.listening import Listener
from bench.quality.scoring import Score, normal_words, wrong_places
from bench.quality.sound import PCM_RATE
from bench.quality.speakers import FORMATS, Manner, speak
from bench.quality.speakers import transcribe as transcribe_there
from engines.toolkit.openai_voices import OPENAI_VOICES

MEASURE = "hibari"
"""the engine that others are compared with: where its words are misheard, the ear or the text is hard"""
MOST_HARVARD = 0.05
MOST_NUMBERS = 0.09
SLACK = 0.02
"""how much worse than the plain voice in PCM a format or a voice may be heard"""
ROBOTS = ("espeak",)
"""engines that are misheard so often that their errors tell nothing of the ear's"""
SPEEDS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
MOST_OFF_SPEED = 0.03
"""of the length that was asked for"""


def engines(listener: Listener) -> Section:
    """Measure all engines: Harvard lists, and each kind of text."""
    texts = {"Harvard": harvard_texts(listener.extent.lists)} | {kind: texts_of(kind) for kind in KINDS}
    scores = {
        engine: {kind: listener.score(some, Manner(engine)) for kind, some in texts.items()}
        for engine in listener.engines
    }
    measure = scores.get(MEASURE)
    rows = [(engine, *_cells(of, measure if engine != MEASURE else None)) for engine, of in scores.items()]
    words = ", ".join(
        f"{kind} {sum(len(normal_words(text.spoken)) for text in some)}" for kind, some in texts.items()
    )
    checks = []
    if measure:
        checks = [
            at_most(
                f"{MEASURE}, {listener.extent.lists} Harvard lists", measure["Harvard"].rate, MOST_HARVARD
            ),
            at_most(f"{MEASURE}, numbers", measure["numbers"].rate, MOST_NUMBERS),
        ]
    notes = f"Words in the texts: {words}. In brackets: points more than {MEASURE}. {_shared(listener)}"
    return Section("engines", "Engines", ("engine", *texts), rows, checks, notes)


def _cells(scores: dict[str, Score], measure: dict[str, Score] | None) -> list[str]:
    return [
        percent(of.rate) + (f" ({points(of.rate - measure[kind].rate)})" if measure else "")
        for kind, of in scores.items()
    ]


def _shared(listener: Listener) -> str:
    """Tell how many of the words that are misheard from one engine are misheard from others too."""
    texts = harvard_texts(listener.extent.lists)
    wrong = {
        engine: {
            (number, place)
            for number, (text, transcript) in enumerate(
                zip(texts, listener.transcripts(texts, Manner(engine)), strict=True)
            )
            for place in wrong_places(normal_words(text.spoken), normal_words(transcript))
        }
        for engine in listener.engines
        if engine not in ROBOTS
    }
    own = wrong.pop(MEASURE, set())
    if not own or not wrong:
        return ""
    others = set.union(*wrong.values())
    return (
        f"Of the {len(own)} words of the Harvard sentences that are misheard from {MEASURE}, "
        f"{len(own & others)} are misheard from another natural voice too: the ear's share, and the text's."
    )


def formats(listener: Listener) -> Section:
    """Measure each format."""
    texts = harvard_texts(listener.extent.lists)
    scores = {format: listener.score(texts, Manner(MEASURE, format=format)) for format in FORMATS}
    return _against_plain("formats", "Formats", scores, "pcm")


def voices(listener: Listener) -> Section:
    """Measure each of OpenAI's names."""
    texts = harvard_texts(listener.extent.lists)
    scores = {voice: listener.score(texts, Manner(MEASURE, voice)) for voice in OPENAI_VOICES}
    return _against_plain("voices", "Voices", scores, Manner(MEASURE).voice)


def _against_plain(name: str, heading: str, scores: dict[str, Score], plain: str) -> Section:
    bound = scores[plain].rate + SLACK
    rows = [
        (of, percent(one.rate), str(one.replaced), str(one.missing), str(one.added))
        for of, one in scores.items()
    ]
    worst = max(scores, key=lambda of: scores[of].rate)
    check = at_most(f"{MEASURE}, the worst, {worst}, two points more than {plain}", scores[worst].rate, bound)
    return Section(
        name, heading, (name[:-1], "word error rate", "replaced", "missing", "added"), rows, [check]
    )


def speeds(listener: Listener) -> Section:
    """Measure speeds, and whether they are kept."""
    texts = harvard_texts(min(5, listener.extent.lists))
    rows, off = [], 0.0
    plain = _seconds(listener, Manner(MEASURE))
    for speed in SPEEDS:
        manner = Manner(MEASURE, speed=speed)
        made = plain / _seconds(listener, manner)
        off = max(off, abs(made / speed - 1))
        rows.append((f"{speed:g}", f"{made:.3f}", percent(listener.score(texts, manner).rate)))
    check = Check(
        f"the speed is what was asked for, within {percent(MOST_OFF_SPEED)}",
        percent(off),
        off <= MOST_OFF_SPEED,
    )
    return Section(
        "speeds",
        "Speeds",
        ("speed", "of the plain one", "word error rate"),
        rows,
        [check],
        "Fast speech is hard for the ear: there is no bound for its words.",
    )


def _seconds(listener: Listener, manner: Manner) -> float:
    return len(listener.pcm(harvard_texts(1)[0].spoken, manner)) / PCM_RATE


def own_ear(listener: Listener) -> Section:
    """Have the server hear its own voice: `whisper-1` of its transcriptions."""
    texts = harvard_texts(listener.extent.lists)
    manner = Manner(MEASURE, format="wav")
    heard = [transcribe_there(listener.target, speak(listener.target, text.spoken, manner)) for text in texts]
    own = scoring.total(map(scoring.score, texts, heard))
    library = listener.score(texts, Manner(MEASURE))
    rows = [
        ("the library by itself", percent(library.rate)),
        ("`whisper-1` of the server", percent(own.rate)),
    ]
    check = at_most(
        f"{MEASURE}, heard by the server, two points more than by the library", own.rate, library.rate + SLACK
    )
    return Section("own_ear", "The server's own ear", ("ear", "word error rate"), rows, [check])
