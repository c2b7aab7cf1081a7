"""Tests of reading a request to transcribe."""

from __future__ import annotations

import json

import pytest

from compat.openai.transcription import PROMPT_CHARACTERS, from_form, from_json, parse
from engines.errors import BadInput


def test_a_long_prompt_counts_by_its_end() -> None:
    """Of a prompt of megabytes only the end is used, as no model takes more; a short one is used whole."""
    long = parse({"model": ["whisper-1"], "prompt": ["ab " * 1_000_000 + "Kennedy"]})

    assert long.prompt is not None
    assert long.prompt.endswith("Kennedy")
    assert len(long.prompt) == PROMPT_CHARACTERS
    assert parse({"model": ["whisper-1"], "prompt": ["Names: Kennedy"]}).prompt == "Names: Kennedy"
    assert parse({"model": ["whisper-1"], "prompt": [""]}).prompt is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("[word]", "true"), ("[a]", "word"), ("", '{"word": true, "segment": false}'), ("", '[["word"]]'), ("[a][b]", "word")],
        *[("", "Word"), ("", "words"), ("", '["WORDS"]'), ("", "word,"), ("", "[word]"), ("", '{"0": "word"}'), ("[word]", "1"), ("", '"word"')],
    ],
)  # fmt: skip
def test_granularities_in_every_shape(name: str, value: str) -> None:
    """Granularities are read from lists, objects, switches and lists within lists, in any case and number."""
    pairs = [
        ("model", "whisper-1"),
        ("response_format", "verbose_json"),
        (f"timestamp_granularities{name}", value),
    ]
    found = parse(from_form(pairs))

    assert (found.words, found.segments) == (True, False)


@pytest.mark.parametrize(
    "value", ['{"word": true}', '[["word"]]', '[{"word": "yes"}]', '{"a": "Words"}', '{"x": {"y": ["word"]}}']
)
def test_granularities_of_json(value: str) -> None:
    """So are those of a JSON body."""
    found = parse(from_json({"model": "whisper-1", "timestamp_granularities": json.loads(value)}))

    assert (found.words, found.segments) == (True, False)


@pytest.mark.parametrize(
    "value", [5, 1.5, True, [5], {"letter": True}, {"a": "letter"}, "letter", [["letter"]]]
)
def test_what_is_no_granularity_is_refused(value: object) -> None:
    """What names no granularity is an error that names the field; nothing is dropped in silence."""
    with pytest.raises(BadInput, match="timestamp_granularities"):
        parse(from_json({"model": "whisper-1", "timestamp_granularities": value}))


def test_switches_that_are_off_ask_for_nothing() -> None:
    """A switch that is off and a null are as if they were not there."""
    for value in ({"word": False}, {"word": 0}, None, [None], [], ""):
        found = parse(from_json({"model": "whisper-1", "timestamp_granularities": value}))
        assert (found.words, found.segments) == (False, True), value


@pytest.mark.parametrize("name", ["VERBOSE_JSON", "Verbose_Json", "verbose-json", " verbose_json "])
def test_formats_in_any_case(name: str) -> None:
    """A format's name is read in any case, and with a dash."""
    assert parse({"model": ["whisper-1"], "response_format": [name]}).response_format == "verbose_json"
