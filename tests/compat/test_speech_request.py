"""What a speech request may look like, and what is made of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.openai.speech import Bounds, SpeechRequest, parse
from engines.errors import BadInput

LOOSE = Bounds(input_characters=200_000, instructions_characters=4096, strict=False)
STRICT = Bounds(input_characters=200_000, instructions_characters=4096, strict=True)


def asked(bounds: Bounds = LOOSE, **fields: Any) -> SpeechRequest:
    return parse(json.dumps({"model": "tts-1", "input": "Hello", **fields}).encode(), bounds)


def test_defaults() -> None:
    """What is left out takes OpenAI's defaults: mp3, speed 1, plain audio."""
    request = asked()

    assert (request.response_format, request.speed, request.sse, request.voice) == ("mp3", 1.0, False, None)


@pytest.mark.parametrize(
    ("given_value", "speed"),
    [(1, 1.0), (1.5, 1.5), ("1.25", 1.25), ("", 1.0), (None, 1.0), (9, 4.0), (0.1, 0.25)],
)
def test_speed_in_any_dress(given_value: Any, speed: float) -> None:
    """Speed may be an int, a float, a numeric string or unset; beyond OpenAI's range it is clamped."""
    assert asked(speed=given_value).speed == speed


def test_a_clamped_speed_is_told() -> None:
    """What was moved into range is named, for x-voicebox-mapped."""
    assert asked(speed=9).clamped == ("speed=9->4",)
    assert asked(speed=2).clamped == ()


@pytest.mark.parametrize("speed", ["fast", "nan", -1, 0, True, [1]])
def test_no_speed_at_all(speed: Any) -> None:
    """What is no positive number is refused, with the field's name."""
    with pytest.raises(BadInput, match="speed"):
        asked(speed=speed)


@pytest.mark.parametrize(("field", "value"), [("speed", 4.5), ("speed", 0.2), ("input", "x" * 4097)])
def test_strict_keeps_openais_limits(field: str, value: Any) -> None:
    """Under `strict` OpenAI's bounds are errors; otherwise they are not."""
    asked(**{field: value})
    with pytest.raises(BadInput, match=field):
        asked(STRICT, **{field: value})


@pytest.mark.parametrize(
    ("voice", "name"), [("Alloy", "Alloy"), ({"id": "x"}, "x"), ("", None), (None, None), (" ", None)]
)
def test_voice_as_string_object_or_nothing(voice: Any, name: str | None) -> None:
    """A voice may be a name, an object with an id, empty or missing."""
    assert asked(voice=voice).voice == name


@pytest.mark.parametrize("voice", [{"name": "x"}, 3, ["alloy"]])
def test_what_is_no_voice(voice: Any) -> None:
    """Anything else in `voice` is refused."""
    with pytest.raises(BadInput, match="voice"):
        asked(voice=voice)


def test_instructions_that_say_none() -> None:
    """Home Assistant sends the string "None" when it has no instructions: they are unset."""
    assert asked(instructions="None").instructions is None
    assert asked(instructions="Whisper.").instructions == "Whisper."


def test_bad_format_has_its_own_code() -> None:
    """A format that does not exist is refused with param and code, as upstream; "acc" is what one client
    calls aac.
    """
    with pytest.raises(BadInput) as caught:
        asked(response_format="midi")

    assert (caught.value.message, caught.value.param, caught.value.code) == (
        "Invalid response_format.", "response_format", "unsupported_value",
    )  # fmt: skip
    assert asked(response_format="acc").response_format == "aac"


def test_raw_control_characters() -> None:
    """FreeSWITCH puts raw newlines and tabs into its JSON strings, and one after the body."""
    request = parse(b'{"model":"tts-1","voice":"alloy","input":"one\ntwo\tthree"}\n', LOOSE)

    assert request.input == "one\ntwo\tthree"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"model": 3, "input": "x"}']
)
def test_bodies_that_are_no_json_object(body: bytes) -> None:
    """Whatever cannot be read is one clear error, never a crash."""
    with pytest.raises(BadInput, match="We could not parse the JSON body"):
        parse(body, LOOSE)


@pytest.mark.parametrize("missing", ["model", "input"])
def test_required_fields(missing: str) -> None:
    """Without a model or an input there is nothing to do."""
    fields = {"model": "tts-1", "input": "x"}
    del fields[missing]
    with pytest.raises(BadInput, match=missing):
        parse(json.dumps(fields).encode(), LOOSE)


def test_unknown_fields_are_kept_by_name() -> None:
    """Fields nobody knows are no error, but not lost either; null ones were not set."""
    assert asked(stream=True, params={"a": 1}, user=None).unknown == ("stream", "params")


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """No bytes whatever do more than be refused."""
    try:
        parse(body, LOOSE)
    except BadInput as exc:
        assert exc.message


@given(st.text(min_size=1))
def test_any_text_survives(text: str) -> None:
    """The text arrives as it was sent, but for lone surrogates, which cannot be spoken or encoded."""
    request = asked(input=text)

    assert request.input.encode()
    if not any("\ud800" <= char <= "\udfff" for char in text):
        assert request.input == text
