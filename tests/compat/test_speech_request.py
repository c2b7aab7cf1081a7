"""Tests of parsing speech requests."""

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
    """Omitted fields have OpenAI's defaults: mp3, speed 1, plain audio."""
    request = asked()

    assert (request.response_format, request.speed, request.sse, request.voice) == ("mp3", 1.0, False, None)


@pytest.mark.parametrize(
    ("given_value", "speed"),
    [(1, 1.0), (1.5, 1.5), ("1.25", 1.25), ("", 1.0), (None, 1.0), (9, 4.0), (0.1, 0.25)],
)
def test_spellings_of_speed(given_value: Any, speed: float) -> None:
    """Speed may be an int, a float, a numeric string or unset; beyond OpenAI's range it is clamped."""
    assert asked(speed=given_value).speed == speed


def test_a_clamped_speed_is_reported() -> None:
    """A clamped value is named, for x-voicebox-mapped."""
    assert asked(speed=9).clamped == ("speed=9->4",)
    assert asked(speed=2).clamped == ()


@pytest.mark.parametrize("speed", ["fast", "nan", -1, 0, True, [1]])
def test_invalid_speeds(speed: Any) -> None:
    """A value that is no positive number is refused, with the field's name."""
    with pytest.raises(BadInput, match="speed"):
        asked(speed=speed)


@pytest.mark.parametrize(
    ("given_value", "verify"),
    [
        (True, True),
        ("true", True),
        (1, True),
        (False, False),
        ("False", False),
        (0, False),
        (None, None),
        ("", None),
        ("null", None),
    ],
)
def test_spellings_of_verify(given_value: Any, verify: bool | None) -> None:
    """Whether speech is verified may be a boolean as clients spell it, or is left to the settings."""
    request = asked(verify=given_value)
    assert (request.verify, request.unknown) == (verify, ())
    assert asked().verify is None


@pytest.mark.parametrize("verify", ["perhaps", 2, -1, [True], {"takes": 2}])
def test_invalid_verify(verify: Any) -> None:
    """A value that is no boolean is refused, with the field's name."""
    with pytest.raises(BadInput, match="verify"):
        asked(verify=verify)


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
def test_invalid_voices(voice: Any) -> None:
    """Anything else in `voice` is refused."""
    with pytest.raises(BadInput, match="voice"):
        asked(voice=voice)


def test_instructions_of_none() -> None:
    """The string "None", which Home Assistant sends without instructions, means unset."""
    assert asked(instructions="None").instructions is None
    assert asked(instructions="Whisper.").instructions == "Whisper."


def test_bad_format_has_its_own_code() -> None:
    """An unknown format is refused with param and code, as upstream; "acc" is one client's spelling of aac."""
    with pytest.raises(BadInput) as caught:
        asked(response_format="midi")

    assert (caught.value.message, caught.value.param, caught.value.code) == (
        "Invalid response_format. It may be 'mp3', 'opus', 'aac', 'flac', 'wav' or 'pcm'.",
        "response_format", "unsupported_value",
    )  # fmt: skip
    assert asked(response_format="acc").response_format == "aac"


def test_raw_control_characters() -> None:
    """Raw newlines and tabs in JSON strings, and one after the body, as FreeSWITCH sends them, are accepted."""
    request = parse(b'{"model":"tts-1","voice":"alloy","input":"one\ntwo\tthree"}\n', LOOSE)

    assert request.input == "one\ntwo\tthree"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"model": 3, "input": "x"}']
)
def test_bodies_that_are_no_json_object(body: bytes) -> None:
    """Any unreadable body is the same clear error."""
    with pytest.raises(BadInput, match="We could not parse the JSON body"):
        parse(body, LOOSE)


@pytest.mark.parametrize("missing", ["model", "input"])
def test_required_fields(missing: str) -> None:
    """A request without a model or an input is refused."""
    fields = {"model": "tts-1", "input": "x"}
    del fields[missing]
    with pytest.raises(BadInput, match=missing):
        parse(json.dumps(fields).encode(), LOOSE)


def test_unknown_fields_are_kept_by_name() -> None:
    """Unknown fields are no error, but their names are kept; null fields count as unset."""
    assert asked(stream=True, params={"a": 1}, user=None).unknown == ("stream", "params")


@pytest.mark.parametrize("field", ["speed", "seed"])
@pytest.mark.parametrize("digits", [400, 5000, 1_000_000])
@pytest.mark.parametrize("sign", ["", "-"])
def test_numbers_beyond_all_bounds(field: str, digits: int, sign: str) -> None:
    """A number of any length is refused as what it is, no number that can be used, by the field's name."""
    with pytest.raises(BadInput) as refused:
        parse(f'{{"model": "tts-1", "input": "x", "{field}": {sign}{"1" * digits}}}'.encode(), LOOSE)

    assert "valid number" in refused.value.message
    assert f"'{field}'" in refused.value.message


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """Any bytes are parsed or refused."""
    try:
        parse(body, LOOSE)
    except BadInput as exc:
        assert exc.message


@given(st.text(min_size=1))
def test_any_text_survives(text: str) -> None:
    """The text is unchanged, but for lone surrogates, which cannot be spoken or encoded."""
    request = asked(input=text)

    assert request.input.encode()
    if not any("\ud800" <= char <= "\udfff" for char in text):
        assert request.input == text
