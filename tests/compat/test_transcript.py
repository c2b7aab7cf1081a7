"""Tests of OpenAI's transcripts: joined texts, deltas, log-probabilities."""

from __future__ import annotations

import zlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from compat.openai.transcript import all_logprobs, deltas, done, transcription, verbose, whole_text
from engines.api import TranscriptSegment, TranscriptToken


def token(text: str) -> TranscriptToken:
    return TranscriptToken(text, -0.5, tuple(text.encode()))


def segment_of(text: str, *tokens: str, space_before: bool = True) -> TranscriptSegment:
    return TranscriptSegment(text, 0.0, 1.0, logprobs=tuple(map(token, tokens)), space_before=space_before)


def test_scripts_without_spaces() -> None:
    """Segments are separated by a space only where the model separates them: Chinese has none."""
    transcript_segments = [
        segment_of("你好，世界。", space_before=False),
        segment_of("今天天气很好。", space_before=False),
    ]

    assert whole_text(transcript_segments) == "你好，世界。今天天气很好。"
    assert [
        delta.delta
        for one, segment in enumerate(transcript_segments)
        for delta in deltas(segment, first=one == 0)
    ] == [one.text for one in transcript_segments]
    shown = verbose(transcript_segments, 2.0, "zh", translate=False, words=False, segments=True)
    assert isinstance(shown.segments, list)
    assert [segment.text for segment in shown.segments] == [one.text for one in transcript_segments]
    assert whole_text([segment_of("One."), segment_of("Two.")]) == "One. Two."


def test_compression_ratio() -> None:
    """A text that repeats itself has a high ratio, by Whisper's own formula; clients drop what is
    above 2.4.
    """
    loop, plain = "and then again " * 40, "She sells sea shells."
    shown = verbose(
        [segment_of(loop.strip()), segment_of(plain)], 2.0, "en", translate=False, words=False, segments=True
    )
    assert isinstance(shown.segments, list)
    ratios = [segment.compression_ratio for segment in shown.segments]

    assert ratios[0] > 2.4 > ratios[1] > 0
    assert ratios[1] == len(plain.encode()) / len(zlib.compress(plain.encode()))


def test_log_probabilities_go_with_their_words() -> None:
    """Each delta has the tokens of its word, the text's first without a space; together they are all."""
    segment = segment_of("Hello big world.", " Hel", "lo", " big", " wor", "ld", ".")
    found = list(deltas(segment, first=True, logprobs=True))

    assert [(one.delta, [each.token for each in one.logprobs or ()]) for one in found] == [
        ("Hello", ["Hel", "lo"]),
        (" big", [" big"]),
        (" world.", [" wor", "ld", "."]),
    ]
    assert transcription([segment], 1.0, "gpt-4o-transcribe", logprobs=True).logprobs == all_logprobs(
        [segment]
    )
    assert b"logprobs" not in msgspec.json.encode(transcription([segment], 1.0, "gpt-4o-transcribe"))


def test_languages_of_models_that_report_them() -> None:
    """gpt-transcribe reports the detected language, none without speech; the others have no such field."""
    spoken = [segment_of("Guten Tag.")]
    whole = transcription(spoken, 1.0, "gpt-transcribe", language="de")
    streamed = done(spoken, 1.0, "gpt-transcribe-2026-06-01", language="de")

    assert [one.code for one in whole.languages or ()] == ["de"]
    assert [one.code for one in streamed.languages or ()] == ["de"]
    assert transcription([], 1.0, "gpt-transcribe", language="de").languages == []
    assert b"languages" not in msgspec.json.encode(
        transcription(spoken, 1.0, "gpt-4o-transcribe", language="de")
    )


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=6), max_size=8), st.booleans())
def test_no_token_is_lost(pieces: list[str], first: bool) -> None:
    """Whatever the tokens are, the deltas join to the text, and have every token once and in order."""
    text = "".join(pieces).strip()
    segment = TranscriptSegment(text, 0.0, 1.0, logprobs=tuple(map(token, pieces)))
    found = list(deltas(segment, first=first, logprobs=True))

    if text.split():
        assert "".join(one.delta for one in found).split() == text.split()
        assert [each.logprob for one in found for each in one.logprobs or ()] == [-0.5] * len(pieces)
