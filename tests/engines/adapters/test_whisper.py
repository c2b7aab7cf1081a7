"""What both Whispers hear, when they say so, and how they stop; on a tiny model that knows three sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
import tiny_whisper as tiny
from tiny_whisper import SAID, SECOND, SPOKEN, TRANSLATED, noise, silence, sound
from whisper_transcripts import GAP, LONG, found, hear, heard, near, sounds, texts, wanted

from engines.adapters.faster_whisper.engine import FasterWhisper
from engines.adapters.whisper.engine import Whisper
from engines.api import (
    EngineInfo,
    Finished,
    Progress,
    Transcriber,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptSegment,
)
from engines.errors import Unsupported

NO_WORDS = TranscriptionJob(words=False)
"""faster-whisper moves a segment's ends to those of its words"""


class Loaded(NamedTuple):
    """Two engines of the same model, with voice detection and without."""

    engine: Transcriber
    plain: Transcriber
    info: EngineInfo


@pytest.fixture(scope="module", params=["whisper", "faster-whisper"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Make the model and load it."""
    folder, converted = tmp_path_factory.mktemp("whisper"), tmp_path_factory.mktemp("converted")
    tiny.make(folder)
    engine: Transcriber
    plain: Transcriber
    if request.param == "whisper":
        engine, plain = Whisper(str(folder), threads=1), Whisper(str(folder), vad=False, threads=1)
    else:
        tiny.convert(folder, converted)
        engine, plain = (
            FasterWhisper(str(converted), threads=1),
            FasterWhisper(str(converted), vad=False, threads=1),
        )
    plain.load()
    return Loaded(engine, plain, engine.load())


def test_account_of_itself(loaded: Loaded) -> None:
    """It names its model and its languages, by their ISO codes, and says all that it can do."""
    info = loaded.info

    assert info.name in ("whisper", "faster-whisper")
    assert (info.models, info.device, info.slots, info.speech) == ((info.name,), "cpu", 1, None)
    can = info.transcription
    assert can is not None
    assert {"en", "de", "zh", "jv"} < set(can.languages)
    assert "jw" not in can.languages
    assert (can.sample_rate, can.diarize) == (16000, False)
    assert (can.words, can.logprobs, can.prompt, can.temperature, can.translate) == (
        True,
        True,
        True,
        True,
        True,
    )


def test_hears_sentences(loaded: Loaded) -> None:
    """What is said is heard, at the recording's own times, however much silence goes before; the last event
    is the end.
    """
    parts = [("hello", 3.0), ("count", 4.0), ("morgen", 3.0)]
    events = hear(loaded.engine, silence(7) + sounds(parts) + silence(3), NO_WORDS)

    assert near(found(events), list(wanted(parts, 7)), 0.5)
    assert events[-1] == Finished(7 + 11.8 + 3, "en")


def test_words_and_their_times(loaded: Loaded) -> None:
    """Words have no punctuation, follow each other within their sound, and are spread over it."""
    segments = heard(hear(loaded.plain, sounds([("count", 4.0), ("morgen", 3.0)])))

    assert [[word.word for word in segment.words] for segment in segments] == [
        ["Testing", "one", "two", "three"],
        ["Guten", "Morgen", "zusammen"],
    ]
    for segment, (start, end) in zip(segments, [(0, 4), (4.6, 7.6)], strict=True):
        edges = [edge for word in segment.words for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert start - 0.7 <= edges[0]
        assert edges[-1] <= end + 0.1
        middle = (start + end) / 2
        assert segment.words[0].start < middle < segment.words[-1].end
        assert all(-0.5 < word.logprob <= 0 for word in segment.words)


def test_no_words_where_none_are_wanted(loaded: Loaded) -> None:
    """A job without words gets the same text, and no words."""
    with_words, without = (
        heard(hear(loaded.plain, sound("hello", 3), TranscriptionJob(words=words)))[0]
        for words in (True, False)
    )

    assert (without.text, without.tokens, without.words) == (with_words.text, with_words.tokens, ())
    assert with_words.words


@pytest.mark.parametrize("name", SAID)
def test_finds_the_language_out(loaded: Loaded, name: str) -> None:
    """The language is found out where it is not given."""
    events = hear(loaded.engine, silence(1) + sound(name, 3) + silence(1))

    assert texts(events) == [SAID[name]]
    assert isinstance(events[-1], Finished)
    assert events[-1].language == SPOKEN[name]


def test_takes_the_language_it_is_told(loaded: Loaded) -> None:
    """A language that is given is not looked for; it is named by its ISO code."""
    for language in ("de", "jv"):
        end = hear(loaded.plain, sound("hello", 2), TranscriptionJob(language=language))[-1]
        assert end == Finished(2.0, language)


def test_refuses_a_language_it_does_not_know(loaded: Loaded) -> None:
    """A language that the model does not know is refused by name, before any audio is read."""

    def never() -> Iterator[bytes]:
        raise AssertionError("audio was read")
        yield b""

    with pytest.raises(Unsupported, match="'xx'") as caught:
        loaded.engine.transcribe(TranscriptionJob(language="xx"), never(), lambda _: True)
    assert caught.value.param == "language"


def test_translates(loaded: Loaded) -> None:
    """A translation is what was said, in English; the language is that which was spoken."""
    events = hear(loaded.plain, sounds([("morgen", 3.0), ("hello", 3.0)]), TranscriptionJob(translate=True))

    assert texts(events) == [TRANSLATED["morgen"], TRANSLATED["hello"]]
    assert [word.word for word in heard(events)[0].words] == ["Good", "morning", "everyone"]
    assert isinstance(events[-1], Finished)
    assert events[-1].language == "de"


@pytest.mark.parametrize("prompt", ["Names: Alpha, Beta.", "x" * 5000, "<|endoftext|> <|de|>", "  "])
def test_takes_a_prompt(loaded: Loaded, prompt: str) -> None:
    """A prompt goes along, of one that is too long the end; control tokens in it are none."""
    assert isinstance(
        hear(loaded.plain, sound("hello", 3), TranscriptionJob(prompt=prompt, temperature=1.0))[-1], Finished
    )


def test_temperature(loaded: Loaded) -> None:
    """The temperature asked for is used, and told."""
    segment = heard(hear(loaded.plain, sound("count", 3), TranscriptionJob(temperature=0.4)))[0]

    assert (segment.text, segment.temperature) == (SAID["count"], 0.4)


def test_probabilities_and_tokens(loaded: Loaded) -> None:
    """A segment tells its tokens, times included, and how sure the model was of them and that somebody spoke."""
    segment = heard(hear(loaded.plain, sound("hello", 3)))[0]

    words = [tiny.BYTES + tiny.WORDS.index(word) for word in ("Hello", "world")]
    assert list(segment.tokens[1:3]) == words
    assert segment.tokens[0] >= tiny.FIRST_TIME
    assert segment.tokens[-1] == pytest.approx(tiny.FIRST_TIME + 150, abs=10)
    assert -1.0 < segment.avg_logprob < 0.0
    assert 0.0 <= segment.no_speech_prob < 0.1
    assert segment.temperature == 0.0


@pytest.mark.parametrize("vad", [True, False])
def test_long_recordings(loaded: Loaded, vad: bool) -> None:
    """More than a minute without a pause is heard in order, with the recording's times, none cut where a
    window ends.
    """
    engine = loaded.engine if vad else loaded.plain
    before = 1.0 if vad else 0.0
    events = hear(engine, silence(before) + sounds(LONG), NO_WORDS)

    assert near(found(events), list(wanted(LONG, before)), 0.5)
    assert events[-1] == Finished(before + sum(seconds + GAP for _, seconds in LONG), "en")


def test_a_sound_longer_than_a_window(loaded: Loaded) -> None:
    """Speech that fills whole windows is heard window by window."""
    events = hear(loaded.plain, sound("hello", 30) + sound("count", 30) + sound("morgen", 5), NO_WORDS)

    assert near(
        found(events), [(SAID["hello"], 0, 30), (SAID["count"], 30, 60), (SAID["morgen"], 60, 65)], 0.5
    )


@pytest.mark.parametrize(
    "pcm",
    [b"", bytes(2), bytes(2 * 170), silence(3), silence(65), noise(10)],
    ids=["nothing", "one sample", "a spectrum's frame", "short", "long", "noise"],
)
def test_hears_nothing_where_nobody_speaks(loaded: Loaded, pcm: bytes) -> None:
    """Silence and noise give no words, and their length: with voice detection, and by what the model itself
    thinks of them.
    """
    for engine in (loaded.engine, loaded.plain):
        events = hear(engine, pcm)
        assert heard(events) == []
        assert events[-1] == Finished(len(pcm) / SECOND, "en")


def test_silence_between_sentences(loaded: Loaded) -> None:
    """A long silence between two sentences gives nothing, and moves no times."""
    segments = heard(
        hear(loaded.engine, silence(2) + sound("hello", 3) + silence(45) + sound("count", 3) + silence(20))
    )

    assert [segment.text for segment in segments] == [SAID["hello"], SAID["count"]]
    assert [segment.start for segment in segments] == [pytest.approx(2, abs=0.5), pytest.approx(50, abs=0.5)]


def test_progress_runs_on(loaded: Loaded) -> None:
    """Progress never goes back, and ends at the recording's end."""
    told = [
        event.seconds
        for event in hear(loaded.engine, silence(2) + sounds(LONG) + silence(9))
        if isinstance(event, Progress)
    ]

    assert told == sorted(told)
    assert len(told) > 50
    assert 80 < told[-1] <= 83


@pytest.mark.parametrize("size", [SECOND * 100, 3333])
def test_chunks_do_not_matter(loaded: Loaded, size: int) -> None:
    """The same is heard however the audio was cut on its way, even within a sample."""
    pcm = silence(2) + sounds(LONG)[: 40 * SECOND] + silence(5)

    for engine in (loaded.engine, loaded.plain):
        assert heard(hear(engine, pcm, size=size)) == heard(hear(engine, pcm))


def test_jobs_do_not_touch_each_other(loaded: Loaded) -> None:
    """What was heard before, or given up in the middle, changes nothing."""
    pcm = sounds([("hello", 3.0), ("count", 3.0)])
    before = heard(hear(loaded.plain, pcm))
    loaded.plain.transcribe(
        TranscriptionJob(words=False),
        iter([sounds(LONG)]),
        lambda event: not isinstance(event, TranscriptSegment),
    )
    hear(
        loaded.plain,
        noise(4, 0.9),
        TranscriptionJob(language="de", prompt="Guten", temperature=1.0, words=False),
    )

    assert heard(hear(loaded.plain, pcm)) == before


@pytest.mark.parametrize(("vad", "latest"), [(True, 11.0), (False, 31.0)])
def test_takes_audio_as_it_comes(loaded: Loaded, vad: bool, latest: float) -> None:
    """A window is told while the recording goes on: after a pause, or after thirty seconds where there is no
    voice detection.
    """
    pcm = silence(1) + sound("hello", 4) + silence(5) + sounds(LONG)
    taken, first = 0, 0.0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        for start in range(0, len(pcm), SECOND // 5):
            yield pcm[start : start + SECOND // 5]
            taken = start

    def emit(event: TranscriptionEvent) -> bool:
        nonlocal first
        if isinstance(event, TranscriptSegment):
            first = first or taken / SECOND
        return True

    (loaded.engine if vad else loaded.plain).transcribe(TranscriptionJob(), chunks(), emit)

    assert 4.0 < first < latest


@pytest.mark.parametrize("after", [1, 40, 330, 345, 400])
def test_stops_when_told(loaded: Loaded, after: int) -> None:
    """Once `emit` says False nothing more is emitted and no more audio is read: while reading, encoding or
    decoding.
    """
    told, taken, then = 0, 0, 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield sound("hello", 0.1)

    def emit(event: TranscriptionEvent) -> bool:
        nonlocal told, then
        told, then = told + 1, taken
        return told < after

    loaded.plain.transcribe(TranscriptionJob(), chunks(), emit)

    assert (told, taken) == (after, then)


def test_stops_at_a_segment(loaded: Loaded) -> None:
    """Nothing follows a segment that nobody wanted any more; and what is asked for next is heard as ever."""
    told: list[TranscriptionEvent] = []

    def emit(event: TranscriptionEvent) -> bool:
        told.append(event)
        return not isinstance(event, TranscriptSegment)

    loaded.plain.transcribe(TranscriptionJob(), iter([sounds(LONG)]), emit)

    assert texts(told) == [SAID["hello"]]
    assert isinstance(told[-1], TranscriptSegment)
    assert texts(hear(loaded.plain, sound("count", 3))) == [SAID["count"]]
