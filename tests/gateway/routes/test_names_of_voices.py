"""Tests of further names of voices: the presets that engines bring along, and aliases, of OpenAI's own names
too.
"""

from __future__ import annotations

import pytest
from cloning_server import (
    BRIGHTNESS_TOLERANCE,
    Json,
    call,
    clone,
    female,
    json_of,
    new_name,
    pcm,
    refused,
    seconds,
    speak,
    spoken_brightness,
)
from servers import Server


def test_presets(cloning: Server) -> None:
    """The presets of all engines are listed, or of one engine; each speaks by the id that is listed."""
    everything = json_of(call(cloning, "GET", "/voicebox/presets"))["data"]
    mimics = [one for one in everything if one["engine"] == "mimic"]

    assert [one["id"] for one in mimics] == ["mimic/low", "mimic/mid", "mimic/high"]
    assert (mimics[0]["voice"], mimics[0]["name"], mimics[0]["languages"]) == ("low", "Mimic low", ["en"])
    assert json_of(call(cloning, "GET", "/voicebox/presets?engine=mimic"))["data"] == mimics
    assert json_of(call(cloning, "GET", "/voicebox/engines/mimic/presets"))["data"] == mimics
    assert [spoken_brightness(cloning, one["id"]) for one in mimics] == pytest.approx(
        [400, 1000, 2500], rel=BRIGHTNESS_TOLERANCE
    )
    assert "alloy" in {alias for one in everything if one["engine"] == "espeak" for alias in one["aliases"]}
    for path in (
        "/voicebox/presets?engine=nothing",
        "/voicebox/engines/nothing/presets",
        "/voicebox/engines/tone/presets",
    ):
        refused(call(cloning, "GET", path), 404, None, "not_found")


def alias(server: Server, name: str) -> Json | None:
    """Return an alias from the list."""
    listed: list[Json] = json_of(call(server, "GET", "/voicebox/aliases"))["data"]
    return next((one for one in listed if one["name"] == name), None)


def test_an_alias_of_openais_own(cloning: Server) -> None:
    """`alloy` can be an alias of one's own voice, then of another, and its deletion restores what it was."""
    voice, before = clone(cloning, female()), pcm(cloning, "alloy")
    path = "/voicebox/aliases/alloy"
    own = alias(cloning, "alloy")
    assert own
    assert own == {"name": "alloy", "target": own["target"], "source": "engine"}

    assert json_of(call(cloning, "PUT", path, json={"target": voice["name"]}))["source"] == "api"
    assert alias(cloning, "alloy") == {"name": "alloy", "target": voice["name"], "source": "api"}
    for name in ("alloy", "ALLOY", None):
        assert pcm(cloning, name) == pcm(cloning, voice["id"])
    json_of(call(cloning, "PUT", path, json={"target": "mimic/high"}))
    assert spoken_brightness(cloning, "alloy") == pytest.approx(2500, rel=BRIGHTNESS_TOLERANCE)
    assert json_of(call(cloning, "DELETE", path)) == {
        "id": "alloy",
        "object": "voicebox.alias",
        "deleted": True,
    }
    assert seconds(pcm(cloning, "alloy")) == pytest.approx(seconds(before), rel=0.05)
    assert speak(cloning, "alloy").headers["x-voicebox-engine"] == "espeak"
    refused(call(cloning, "DELETE", path), 404, None, "not_found")


@pytest.mark.parametrize("name", ["Erzähler", "team/narrator", "the second one", "名"])
def test_names_of_aliases(cloning: Server, name: str) -> None:
    """An alias may have any name that a voice may have, slashes too; its target may be any name of a voice."""
    voice = clone(cloning, female())
    path = f"/voicebox/aliases/{name}"
    for target in (voice["id"], voice["name"].upper(), f"profile:{voice['id']}"):
        assert json_of(call(cloning, "PUT", path, json={"target": target})) == {
            "name": name,
            "target": target,
            "source": "api",
        }
        assert pcm(cloning, name.upper()) == pcm(cloning, voice["id"])
    json_of(call(cloning, "DELETE", path))
    refused(speak(cloning, name), 400, None, None)


def test_aliases_that_are_refused(cloning: Server) -> None:
    """An alias whose target is no voice that can be spoken is refused."""
    path = f"/voicebox/aliases/{new_name()}"
    refused(call(cloning, "PUT", path, json={"target": "nobody-at-all"}), 400, None, None)
    refused(call(cloning, "PUT", path, json={"target": ""}), 400, "target", None)
    refused(call(cloning, "PUT", path, json={}), 400, "target", None)
    refused(call(cloning, "PUT", "/voicebox/aliases/voice_1", json={"target": "low"}), 400, "name", None)
    refused(call(cloning, "DELETE", path), 404, None, "not_found")


def test_an_alias_of_an_alias(cloning: Server) -> None:
    """An alias that would only lead to another alias is refused, naming the target's target; so two names can
    be swapped.
    """
    voice = clone(cloning, female())
    path = f"/voicebox/aliases/{new_name()}"
    json_of(call(cloning, "PUT", path, json={"target": voice["id"]}))
    answer = call(cloning, "PUT", "/voicebox/aliases/alloy", json={"target": path.rsplit("/", 1)[1]})

    assert voice["id"] in refused(answer, 400, "target", None)
    for name, target in (("low", "high"), ("high", "low")):
        json_of(call(cloning, "PUT", f"/voicebox/aliases/{name}", json={"target": target}))
    assert [spoken_brightness(cloning, name) for name in ("low", "high")] == pytest.approx(
        [2500, 400], rel=BRIGHTNESS_TOLERANCE
    )
    for name in ("low", "high"):
        json_of(call(cloning, "DELETE", f"/voicebox/aliases/{name}"))
    assert [spoken_brightness(cloning, name) for name in ("low", "high")] == pytest.approx(
        [400, 2500], rel=BRIGHTNESS_TOLERANCE
    )


@pytest.mark.parametrize("form", ["{id}", "{name}", "profile:{id}", "PROFILE:{name}"])
def test_an_alias_goes_with_its_voice(cloning: Server, form: str) -> None:
    """When a voice is deleted its aliases go too, and their names mean what they meant before."""
    voice = clone(cloning, female())
    json_of(call(cloning, "PUT", "/voicebox/aliases/alloy", json={"target": form.format(**voice)}))
    json_of(call(cloning, "DELETE", f"/audio/voices/{voice['id']}"))

    assert speak(cloning, "alloy").headers.get("x-voicebox-engine") == "espeak"
    refused(call(cloning, "DELETE", "/voicebox/aliases/alloy"), 404, None, "not_found")
