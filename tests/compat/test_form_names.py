"""Tests of how names of lists and objects are read out of forms."""

from __future__ import annotations

import pytest

from compat.openai.form_names import Fields, split_name
from compat.openai.transcription import TranscriptionRequest, from_form, from_json, parse


def request_of(*pairs: tuple[str, str], model: str = "gpt-4o-transcribe") -> TranscriptionRequest:
    """Return the request of a form."""
    return parse(from_form([("model", model), *pairs]))


@pytest.mark.parametrize(
    "name",
    ["{}", "{}[]", "{}[0]", "{}[17]", "{}[0", "{}%5B0%5D", "{}.0", " {}[ 0 ] ", "{}[0][]"],
)
def test_every_spelling_of_a_list(name: str) -> None:
    """A list's entries count however its client writes their place: bare, with brackets, with numbers."""
    fields = ["timestamp_granularities", "include", "keywords", "languages", "known_speaker_names",
              "known_speaker_references"]  # fmt: skip
    request = request_of(
        ("response_format", "verbose_json"),
        (name.format("timestamp_granularities"), "word"),
        *[(name.format(field), "logprobs") for field in fields[1:]],
    )

    assert request.words
    assert not request.segments
    assert request.unknown == ()
    assert request.optional == (
        "languages",
        "keywords",
        "known_speaker_names",
        "known_speaker_references",
        "include",
    )


def test_times_that_have_no_place() -> None:
    """Times that are asked for where the format has none are named as without effect."""
    assert request_of(("timestamp_granularities[0]", "word")).optional == ("timestamp_granularities",)


def test_lists_with_numbers_hold_all() -> None:
    """Both of two numbered entries count, in any order."""
    request = request_of(("timestamp_granularities[1]", "segment"), ("timestamp_granularities[0]", "word"))

    assert (request.words, request.segments) == (True, True)


@pytest.mark.parametrize(
    ("name", "base", "keys"),
    [("chunking_strategy[type]", "chunking_strategy", ["type"]), ("a[b][0][c]", "a", ["b", "c"]), ("a[b", "a", ["b"]),
     ("[0]", "", []), ("", "", []), ("a" + "[b]" * 50, "a", ["b"] * 7 + ["b" + "[b" * 42])],
)  # fmt: skip
def test_nested_names(name: str, base: str, keys: list[str]) -> None:
    """Keys of objects are told from places in lists, to a depth that is bounded."""
    assert split_name(name) == (base, keys)


def test_objects_are_gathered() -> None:
    """The keys of an object are kept with its values."""
    fields = from_form(
        [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[vad][threshold]", "0.5")]
    )

    assert fields == {"chunking_strategy": [{"type": "server_vad"}, {"vad": {"threshold": "0.5"}}]}
    assert request_of(("chunking_strategy[type]", "server_vad")).optional == ("chunking_strategy",)
    assert request_of(("chunking_strategy[type]", "auto")).optional == ()


@pytest.mark.parametrize(
    "body",
    [{"timestamp_granularities": ["word"]}, {"timestamp_granularities[]": ["word"]}, {"timestamp_granularities[0]": "word"},
     {"timestamp_granularities": {"0": "word"}}, {"timestamp_granularities": "word"}, {"timestamp_granularities": '["word"]'},
     {"timestamp_granularities": '{"0": "word"}'}],
)  # fmt: skip
def test_lists_in_json(body: dict[str, object]) -> None:
    """The same goes for a JSON body, where PHP writes a list as an object of numbers."""
    fields: Fields = from_json({"model": "whisper-1", **body})

    assert parse(fields).words


@pytest.mark.parametrize(
    ("model", "response_format", "include", "asked", "ignored"),
    [("gpt-4o-transcribe", "json", "logprobs", True, False), ("tiny", "json", "logprobs", True, False),
     ("whisper-1", "json", "logprobs", False, True), ("gpt-4o-transcribe", "verbose_json", "logprobs", False, True),
     ("gpt-4o-transcribe", "srt", "logprobs", False, True), ("gpt-transcribe", "json", "logprobs", False, True),
     ("openai/gpt-4o-transcribe", "json", "logprobs", True, False), ("gpt-4o-transcribe", "json", "other", False, True),
     ("gpt-4o-transcribe", "json", "", False, False)],
)  # fmt: skip
def test_log_probabilities_have_one_fate(
    model: str, response_format: str, include: str, asked: bool, ignored: bool
) -> None:
    """They are asked of the engine where the answer has a place for them, and else named as ignored."""
    request = request_of(("response_format", response_format), ("include[]", include), model=model)

    assert request.logprobs is asked
    assert ("include" in request.optional) is ignored
