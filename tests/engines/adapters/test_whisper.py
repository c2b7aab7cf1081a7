"""Tests of the transcripts of both Whispers, when they come, and how they stop; on a tiny model of three
sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
import tiny_whisper as tiny
from outputs import QUIET, run_transcription
from tiny_whisper import (
    BYTES_PER_SECOND,
    LANGUAGES_OF_SOUNDS,
    TRANSCRIPTS,
    TRANSLATIONS,
    noise,
    silence,
    sound,
)
from whisper_transcripts import (
    GAP_SECONDS,
    LONG_SEQUENCE,
    are_near,
    expected_texts,
    segments_of,
    sound_sequence,
    texts,
    timed_texts,
    transcribe,
)

from engines.adapters.faster_whisper.engine import FasterWhisper
from engines.adapters.whisper.engine import Whisper
from engines.api import (
    ALONE,
    EngineInfo,
    Finished,
    Place,
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
    """Load both engines. CTranslate2 computes in float32 here: its int8 differs from processor to processor,
    and a model this small becomes unsure of its words.
    """
    folder, converted = tmp_path_factory.mktemp("whisper"), tmp_path_factory.mktemp("converted")
    tiny.make_whisper(folder)
    engine: Transcriber
    plain: Transcriber
    if request.param == "whisper":
        engine, plain = Whisper(str(folder)), Whisper(str(folder), vad=False)
    else:
        tiny.convert_to_ctranslate2(folder, converted)
        engine, plain = FasterWhisper(str(converted)), FasterWhisper(str(converted), vad=False)
    place = Place(threads=1, dtype="float32")
    plain.load(place, QUIET)
    return Loaded(engine, plain, engine.load(place, QUIET))


def test_info(loaded: Loaded) -> None:
    """The engine's info has its model, its languages by their ISO codes, and its capabilities."""
    info = loaded.info

    assert info.name in ("whisper", "faster-whisper")
    assert (info.models, info.device, info.concurrency, info.speech) == ((info.name,), "cpu", ALONE, None)
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


def test_transcribes_sentences(loaded: Loaded) -> None:
    """Sentences have the recording's times, however much silence precedes them; the last event is the end."""
    parts = [("hello", 3.0), ("count", 4.0), ("morgen", 3.0)]
    events = transcribe(loaded.engine, silence(7) + sound_sequence(parts) + silence(3), NO_WORDS)

    assert are_near(timed_texts(events), list(expected_texts(parts, 7)), 0.5)
    assert events[-1] == Finished(7 + 11.8 + 3, "en")


def test_words_and_their_times(loaded: Loaded) -> None:
    """Words have no punctuation, follow each other within their sound, and are spread over it."""
    segments = segments_of(transcribe(loaded.plain, sound_sequence([("count", 4.0), ("morgen", 3.0)])))

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
        segments_of(transcribe(loaded.plain, sound("hello", 3), TranscriptionJob(words=words)))[0]
        for words in (True, False)
    )

    assert (without.text, without.tokens, without.words) == (with_words.text, with_words.tokens, ())
    assert with_words.words


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_detects_the_language(loaded: Loaded, name: str) -> None:
    """The language is detected where a job has none."""
    events = transcribe(loaded.engine, silence(1) + sound(name, 3) + silence(1))

    assert texts(events) == [TRANSCRIPTS[name]]
    assert isinstance(events[-1], Finished)
    assert events[-1].language == LANGUAGES_OF_SOUNDS[name]


def test_a_jobs_language(loaded: Loaded) -> None:
    """The language of a job is not detected; it is named by its ISO code."""
    for language in ("de", "jv"):
        end = transcribe(loaded.plain, sound("hello", 2), TranscriptionJob(language=language))[-1]
        assert end == Finished(2.0, language)


def test_refuses_a_language_it_does_not_know(loaded: Loaded) -> None:
    """A language that the model does not know is refused by name, before any audio is read."""

    def never() -> Iterator[bytes]:
        raise AssertionError("audio was read")
        yield b""

    with pytest.raises(Unsupported, match="'xx'") as caught:
        run_transcription(loaded.engine, TranscriptionJob(language="xx"), never(), lambda _: True)
    assert caught.value.param == "language"


def test_translates(loaded: Loaded) -> None:
    """A translation is in English; the language is the spoken one."""
    events = transcribe(
        loaded.plain, sound_sequence([("morgen", 3.0), ("hello", 3.0)]), TranscriptionJob(translate=True)
    )

    assert texts(events) == [TRANSLATIONS["morgen"], TRANSLATIONS["hello"]]
    assert [word.word for word in segments_of(events)[0].words] == ["Good", "morning", "everyone"]
    assert isinstance(events[-1], Finished)
    assert events[-1].language == "de"


@pytest.mark.parametrize("prompt", ["Names: Alpha, Beta.", "x" * 5000, "<|endoftext|> <|de|>", "  "])
def test_prompts(loaded: Loaded, prompt: str) -> None:
    """A prompt is passed on, of one that is too long the end; control tokens in it are ordinary text."""
    assert isinstance(
        transcribe(loaded.plain, sound("hello", 3), TranscriptionJob(prompt=prompt, temperature=1.0))[-1],
        Finished,
    )


def test_temperature(loaded: Loaded) -> None:
    """The temperature of a job is used, and reported in the segment."""
    segment = segments_of(transcribe(loaded.plain, sound("count", 3), TranscriptionJob(temperature=0.4)))[0]

    assert (segment.text, segment.temperature) == (TRANSCRIPTS["count"], 0.4)


def test_probabilities_and_tokens(loaded: Loaded) -> None:
    """A segment has its tokens, times included, their log-probability, and the probability of silence."""
    segment = segments_of(transcribe(loaded.plain, sound("hello", 3)))[0]

    words = [tiny.BYTES + tiny.WORDS.index(word) for word in ("Hello", "world")]
    assert list(segment.tokens[1:3]) == words
    assert segment.tokens[0] >= tiny.FIRST_TIME
    assert segment.tokens[-1] == pytest.approx(tiny.FIRST_TIME + 150, abs=10)
    assert -1.0 < segment.avg_logprob < 0.0
    assert 0.0 <= segment.no_speech_prob < 0.1
    assert segment.temperature == 0.0


@pytest.mark.parametrize("vad", [True, False])
def test_long_recordings(loaded: Loaded, vad: bool) -> None:
    """More than a minute without a pause is transcribed in order, with the recording's times, no sentence cut
    where a window ends.
    """
    engine = loaded.engine if vad else loaded.plain
    before = 1.0 if vad else 0.0
    events = transcribe(engine, silence(before) + sound_sequence(LONG_SEQUENCE), NO_WORDS)

    assert are_near(timed_texts(events), list(expected_texts(LONG_SEQUENCE, before)), 0.5)
    assert events[-1] == Finished(before + sum(seconds + GAP_SECONDS for _, seconds in LONG_SEQUENCE), "en")


def test_a_sound_longer_than_a_window(loaded: Loaded) -> None:
    """Speech that fills whole windows is transcribed window by window."""
    events = transcribe(loaded.plain, sound("hello", 30) + sound("count", 30) + sound("morgen", 5), NO_WORDS)

    assert are_near(
        timed_texts(events),
        [(TRANSCRIPTS["hello"], 0, 30), (TRANSCRIPTS["count"], 30, 60), (TRANSCRIPTS["morgen"], 60, 65)],
        0.5,
    )


@pytest.mark.parametrize(
    "pcm",
    [b"", bytes(2), bytes(2 * 170), silence(3), silence(65), noise(10)],
    ids=["nothing", "one sample", "a spectrum's frame", "short", "long", "noise"],
)
def test_no_transcript_where_nobody_speaks(loaded: Loaded, pcm: bytes) -> None:
    """Silence and noise yield no words, and their length: with voice detection, and by the model's own
    probability.
    """
    for engine in (loaded.engine, loaded.plain):
        events = transcribe(engine, pcm)
        assert segments_of(events) == []
        assert events[-1] == Finished(len(pcm) / BYTES_PER_SECOND, "en")


def test_silence_between_sentences(loaded: Loaded) -> None:
    """A long silence between two sentences yields nothing, and moves no times."""
    segments = segments_of(
        transcribe(
            loaded.engine, silence(2) + sound("hello", 3) + silence(45) + sound("count", 3) + silence(20)
        )
    )

    assert [segment.text for segment in segments] == [TRANSCRIPTS["hello"], TRANSCRIPTS["count"]]
    assert [segment.start for segment in segments] == [pytest.approx(2, abs=0.5), pytest.approx(50, abs=0.5)]


def test_progress_runs_on(loaded: Loaded) -> None:
    """Progress never decreases, and ends at the recording's end."""
    progress = [
        event.seconds
        for event in transcribe(loaded.engine, silence(2) + sound_sequence(LONG_SEQUENCE) + silence(9))
        if isinstance(event, Progress)
    ]

    assert progress == sorted(progress)
    assert len(progress) > 50
    assert 80 < progress[-1] <= 83


@pytest.mark.parametrize("size", [BYTES_PER_SECOND * 100, 3333])
def test_chunks_do_not_matter(loaded: Loaded, size: int) -> None:
    """The transcript is the same however the audio is cut into chunks, even within a sample."""
    pcm = silence(2) + sound_sequence(LONG_SEQUENCE)[: 40 * BYTES_PER_SECOND] + silence(5)

    for engine in (loaded.engine, loaded.plain):
        assert segments_of(transcribe(engine, pcm, size=size)) == segments_of(transcribe(engine, pcm))


def test_jobs_do_not_affect_each_other(loaded: Loaded) -> None:
    """A previous job, or one that was stopped in the middle, changes nothing."""
    pcm = sound_sequence([("hello", 3.0), ("count", 3.0)])
    before = segments_of(transcribe(loaded.plain, pcm))
    run_transcription(
        loaded.plain,
        TranscriptionJob(words=False),
        iter([sound_sequence(LONG_SEQUENCE)]),
        lambda event: not isinstance(event, TranscriptSegment),
    )
    transcribe(
        loaded.plain,
        noise(4, 0.9),
        TranscriptionJob(language="de", prompt="Guten", temperature=1.0, words=False),
    )

    assert segments_of(transcribe(loaded.plain, pcm)) == before


@pytest.mark.parametrize(("vad", "latest"), [(True, 11.0), (False, 31.0)])
def test_transcribes_audio_as_it_comes(loaded: Loaded, vad: bool, latest: float) -> None:
    """A window's segments come while the recording goes on: after a pause, or after thirty seconds where
    there is no voice detection.
    """
    pcm = silence(1) + sound("hello", 4) + silence(5) + sound_sequence(LONG_SEQUENCE)
    read = 0
    first = 0.0

    def chunks() -> Iterator[bytes]:
        nonlocal read
        for start in range(0, len(pcm), BYTES_PER_SECOND // 5):
            yield pcm[start : start + BYTES_PER_SECOND // 5]
            read = start

    def emit(event: TranscriptionEvent) -> bool:
        nonlocal first
        if isinstance(event, TranscriptSegment):
            first = first or read / BYTES_PER_SECOND
        return True

    run_transcription(loaded.engine if vad else loaded.plain, TranscriptionJob(), chunks(), emit)

    assert 4.0 < first < latest


@pytest.mark.parametrize("after", [1, 40, 330, 345, 400])
def test_stops_when_nobody_wants_the_rest(loaded: Loaded, after: int) -> None:
    """Once `emit` returns False nothing more is emitted and no more audio is read: while reading, encoding or
    decoding.
    """
    emitted = 0
    chunks_read = 0
    chunks_read_at_last_event = 0

    def chunks() -> Iterator[bytes]:
        nonlocal chunks_read
        for _ in range(1000):
            chunks_read += 1
            yield sound("hello", 0.1)

    def emit(event: TranscriptionEvent) -> bool:
        nonlocal emitted, chunks_read_at_last_event
        emitted += 1
        chunks_read_at_last_event = chunks_read
        return emitted < after

    run_transcription(loaded.plain, TranscriptionJob(), chunks(), emit)

    assert emitted == after
    assert chunks_read == chunks_read_at_last_event


def test_stops_at_a_segment(loaded: Loaded) -> None:
    """Nothing follows a segment at which `emit` returns False, and the next job is not affected."""
    events: list[TranscriptionEvent] = []

    def emit(event: TranscriptionEvent) -> bool:
        events.append(event)
        return not isinstance(event, TranscriptSegment)

    run_transcription(loaded.plain, TranscriptionJob(), iter([sound_sequence(LONG_SEQUENCE)]), emit)

    assert texts(events) == [TRANSCRIPTS["hello"]]
    assert isinstance(events[-1], TranscriptSegment)
    assert texts(transcribe(loaded.plain, sound("count", 3))) == [TRANSCRIPTS["count"]]
