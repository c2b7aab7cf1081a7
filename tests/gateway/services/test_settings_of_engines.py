"""Tests of settings of engines' own: a request or a voice has them, the engine gets them, and who cannot take
them says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from cloning_server import Json, call, create_profile, json_of, new_name, pcm, refused, seconds, speak
from servers import Server, running
from tones import word_frequencies

MIMIC, TONE = "mimic/low", "tone/tone-3"
FAKES = {"mimic": {"enabled": True}, "tone": {"enabled": True}}
LOW = 400.0
"""the frequency of mimic's preset `low`, in Hertz"""
HALF_A_TONE = 0.03


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a gateway with both fake engines beside the embedded ones."""
    with running(tmp_path_factory.mktemp("fakes"), {"engines": FAKES}) as started:
        yield started


def heard(server: Server, voice: Any, **fields: Any) -> float:
    """Return the frequency at which a voice says a word."""
    return word_frequencies(pcm(server, voice, "word", **fields))[0]


def test_a_number_reaches_the_engine(fakes: Server) -> None:
    """A number within its limits is what the engine works by, and nothing is said to be ignored."""
    usual = seconds(pcm(fakes, TONE, "one two three"))
    answer = speak(fakes, TONE, "one two three", settings={"gap": 0.5})

    assert seconds(pcm(fakes, TONE, "one two three", settings={"gap": 0.5})) - usual == pytest.approx(
        3 * (0.5 - 0.02), abs=0.02
    )
    assert "x-voicebox-ignored" not in answer.headers


def test_words_booleans_and_whole_numbers_reach_the_engine(fakes: Server) -> None:
    """Settings of the other kinds arrive as well, also several in one request."""
    assert heard(fakes, MIMIC, settings={"size": "small"}) == pytest.approx(LOW * 1.5, rel=HALF_A_TONE)
    assert heard(fakes, MIMIC, settings={"octaves": 1}) == pytest.approx(LOW * 2, rel=HALF_A_TONE)
    both = {"octaves": 1.0, "size": "giant"}
    assert heard(fakes, MIMIC, settings=both) == pytest.approx(LOW * 1.5, rel=HALF_A_TONE)
    legato = seconds(pcm(fakes, TONE, "one two three", settings={"legato": True}))
    assert legato == pytest.approx(seconds(pcm(fakes, TONE, "one two three")) - 3 * 0.02, abs=0.01)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("octaves", 3, "a whole number from 0 to 2"),
        ("octaves", 0.5, "a whole number from 0 to 2"),
        ("octaves", -1, "a whole number from 0 to 2"),
        ("octaves", True, "a whole number from 0 to 2"),
        ("octaves", "two", "a whole number from 0 to 2"),
        ("size", "tiny", "one of small, grown, giant"),
        ("size", 1, "one of small, grown, giant"),
    ],
)
def test_what_lies_outside_is_refused_with_the_range(
    fakes: Server, name: str, value: Any, allowed: str
) -> None:
    """A value that the engine does not allow is refused, with what it may be."""
    message = refused(speak(fakes, MIMIC, settings={name: value}), 400, f"settings.{name}", None)

    assert message == f"`settings.{name}` should be {allowed} for `mimic`."


@pytest.mark.parametrize("value", [[1], {"a": 1}, "x" * 101, 10**400])
def test_what_is_no_setting_is_refused(fakes: Server, value: Any) -> None:
    """What is no number, word or boolean is refused, whichever engine speaks; so is what is no object."""
    refused(speak(fakes, MIMIC, settings={"octaves": value}), 400, "settings.octaves", None)
    refused(speak(fakes, MIMIC, settings=[1]), 400, "settings", None)


def test_settings_of_other_engines_are_named(fakes: Server) -> None:
    """A setting that the engine does not have does nothing, and is named; null is no setting at all."""
    answer = speak(fakes, MIMIC, settings={"temperature": 0.3, "octaves": 1, "gap": None})

    assert answer.status_code == 200
    assert answer.headers["x-voicebox-ignored"] == "settings.temperature"


def test_a_voice_has_settings_of_its_own(fakes: Server) -> None:
    """A voice's settings hold where a request has none, those of a request go before, and other engines' are
    no matter.
    """
    name = new_name()
    create_profile(
        fakes,
        name=name,
        voice_type="preset",
        preset_engine="mimic",
        preset_voice_id="low",
        settings={"octaves": 1, "temperature": 0.2},
    )

    answer = speak(fakes, name, "word")
    assert "x-voicebox-ignored" not in answer.headers
    assert heard(fakes, name) == pytest.approx(LOW * 2, rel=HALF_A_TONE)
    assert heard(fakes, name, settings={"octaves": 0}) == pytest.approx(LOW, rel=HALF_A_TONE)


def test_a_voices_setting_that_the_engine_does_not_allow(fakes: Server) -> None:
    """A voice's setting outside of what the engine allows is left out and named, as the caller did not send it;
    one of the request in its place is taken, or refused, as ever.
    """
    name = new_name()
    create_profile(
        fakes,
        name=name,
        voice_type="preset",
        preset_engine="mimic",
        preset_voice_id="low",
        settings={"octaves": 7, "size": "small"},
    )

    answer = speak(fakes, name, "word")
    assert answer.status_code == 200
    assert answer.headers["x-voicebox-ignored"] == "settings.octaves"
    assert heard(fakes, name) == pytest.approx(LOW * 1.5, rel=HALF_A_TONE)
    assert "x-voicebox-ignored" not in speak(fakes, name, "word", settings={"octaves": 1}).headers
    refused(speak(fakes, name, "word", settings={"octaves": 7}), 400, "settings.octaves", None)


def test_settings_of_a_voice_are_kept_and_changed(fakes: Server) -> None:
    """They are shown with the voice, and another set, or none, takes their place."""
    made = create_profile(
        fakes,
        name=new_name(),
        voice_type="preset",
        preset_engine="mimic",
        preset_voice_id="low",
        settings={"size": "small"},
    )
    path = f"/voicebox/profiles/{made['id']}"

    assert made["settings"] == {"size": "small"}
    changed = json_of(call(fakes, "PATCH", path, json={"settings": {"octaves": 2}}))
    assert changed["settings"] == {"octaves": 2}
    assert "settings" not in json_of(call(fakes, "PATCH", path, json={"settings": None}))
    refused(call(fakes, "PATCH", path, json={"settings": {"x": [1]}}), 400, "settings[...]", None)


def test_settings_are_listed(fakes: Server) -> None:
    """Each engine's settings are in the list of models, with their limits; the list of files has those of the
    models that were never run.
    """
    listed = {model["id"]: model for model in json_of(call(fakes, "GET", "/models"))["data"]}
    settings: dict[str, Json] = {one["name"]: one for one in listed["mimic"]["settings"]}
    assert settings["octaves"]["minimum"] == 0
    assert settings["octaves"]["maximum"] == 2
    assert settings["size"]["choices"] == ["small", "grown", "giant"]
    assert settings["size"]["default"] == "grown"

    dia = json_of(call(fakes, "GET", "/voicebox/models/dia-1.6b"))
    assert {one["name"] for one in dia["settings"]} == {"temperature", "guidance_scale"}
    assert dia["longest_seconds"] == 30
    assert any("laughs" in mark for mark in dia["marks"])


def test_the_command_line_tells_them() -> None:
    """`voicebox models show` tells the settings of a model, with their limits."""
    command = [sys.executable, "-m", "gateway", "models", "show", "dia-1.6b"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    facts = json.loads(subprocess.run([*command, "--json"], capture_output=True, check=True).stdout)

    assert "guidance_scale" in shown
    assert "a number from 1 to 6" in shown
    assert [one["name"] for one in facts["settings"]] == ["temperature", "guidance_scale"]
