"""Tests that no other caller's act changes what a request means, on a server with two keys and one that is
nobody's; and that a voice under one of the server's own names is told.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cloning_server import CLONER, Json, call, clone, create_profile, json_of, new_name, refused, short, speak
from servers import Server, running

from gateway.security.keys import KEYS_FILE, KeyStore

KOKORO = "voicebox models pull kokoro"


class Callers:
    """A server with the keys of Anna and Bert, and a key that is nobody's."""

    def __init__(self, server: Server) -> None:
        self.server = server
        store = KeyStore(server.folder / "data" / KEYS_FILE)
        self.anna = store.create("anna", None)[1]
        self.bert = store.create("bert", None)[1]
        self.nobody = store.create("guests", None, nobody=True)[1]

    def share(self, name: str) -> str:
        """Have Bert make a voice and share it; return its id."""
        voice = clone(self.server, short(), name, self.bert)
        path = f"/voicebox/profiles/{voice['id']}"
        json_of(call(self.server, "PATCH", path, self.bert, json={"shared": True}))
        return str(voice["id"])

    def alias(self, name: str, target: str, key: str) -> None:
        """Make an alias."""
        json_of(call(self.server, "PUT", f"/voicebox/aliases/{name}", key, json={"target": target}))

    def speaker(self, voice: str | None, key: str, **fields: str) -> str:
        """Return who speaks for a key under a name: engine and voice."""
        answer = speak(self.server, voice, key=key, **fields)
        assert answer.status_code == 200, answer.text
        return f"{answer.headers['x-voicebox-engine']}/{answer.headers['x-voicebox-voice']}"


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callers]:
    """Run a server with three callers."""
    config = {"engines": CLONER, "compat": {"voice_aliases": {"default": "low"}}}
    with running(tmp_path_factory.mktemp("others"), config) as server:
        yield Callers(server)


def test_shared_voices_take_no_names(callers: Callers) -> None:
    """Voices that another key shares under OpenAI's, an engine's, a peer's and the settings' names, and under my
    alias and its target, change nothing for me, nor does an alias that is made for everybody.
    """
    callers.alias("boss", "mid", callers.anna)
    names = ("alloy", "low", "af_heart", "default", "boss", None)
    before = {name: callers.speaker(name, callers.anna) for name in names}
    kokoro = callers.speaker(None, callers.anna, model="kokoro")
    for name in ("alloy", "low", "mid", "af_heart", "default", "boss", "kokoro"):
        callers.share(name)
    for name in ("alloy", "boss", "high"):
        callers.alias(name, "low", callers.nobody)

    assert {name: callers.speaker(name, callers.anna) for name in names} == before
    assert callers.speaker(None, callers.anna, model="kokoro") == kokoro
    assert callers.speaker("high", callers.anna) == "mimic/high"


def test_an_alias_keeps_to_its_voice(callers: Callers) -> None:
    """An alias of another's shared voice is shown and kept by that voice's id."""
    name = new_name("Shared")
    voice = callers.share(name)
    callers.alias("narrator", name, callers.anna)
    listed = json_of(call(callers.server, "GET", "/voicebox/aliases", callers.anna))["data"]
    assert {one["name"]: one["target"] for one in listed}["narrator"] == voice
    for one, key in (({"name": new_name()}, callers.bert), ({"shared": True}, callers.bert)):
        json_of(call(callers.server, "PATCH", f"/voicebox/profiles/{voice}", key, json=one))
    callers.share(name)
    assert speak(callers.server, "narrator", key=callers.anna).status_code == 200
    json_of(call(callers.server, "DELETE", f"/audio/voices/{voice}", callers.bert))
    refused(speak(callers.server, "narrator", key=callers.anna), 400, None, None)


def test_my_own_voice_under_a_name_of_the_servers(callers: Callers) -> None:
    """A voice of my own named as OpenAI's speaks for me and for nobody else, and each answer tells it."""
    voice = clone(callers.server, short(), "nova", callers.anna)
    mine = speak(callers.server, "NOVA", key=callers.anna)
    assert f"voice=NOVA->{voice['id']}" in mine.headers["x-voicebox-mapped"]
    assert voice["id"] not in speak(callers.server, "nova", key=callers.bert).headers.get(
        "x-voicebox-mapped", ""
    )
    json_of(call(callers.server, "DELETE", f"/audio/voices/{voice['id']}", callers.anna))
    assert "x-voicebox-mapped" not in speak(callers.server, "nova", key=callers.anna).headers


def test_without_keys_it_is_told(cloning: Server) -> None:
    """Without keys a voice named as one of the server's is made, and told: in its answer, in the log, in each
    answer that it speaks; one with another name is not.
    """
    words = {"transcript": "And so, my fellow Americans"}
    form = {"name": "shimmer", **words}
    files = {"audio_sample": ("a.flac", short())}
    made = call(cloning, "POST", "/audio/voices", data=form, files=files)
    voice: Json = json_of(made)
    try:
        assert "every client without a key" in made.headers["x-voicebox-warning"]
        told = [
            line for line in cloning.lines() if line.get("voice") == "shimmer" and line["level"] == "warning"
        ]
        assert [line["profile"] for line in told] == [voice["id"]]
        assert speak(cloning, "shimmer").headers["x-voicebox-mapped"] == f"voice=shimmer->{voice['id']}"
    finally:
        json_of(call(cloning, "DELETE", f"/audio/voices/{voice['id']}"))
    other = call(cloning, "POST", "/audio/voices", data={"name": new_name(), **words}, files=files)
    assert "x-voicebox-warning" not in other.headers
    renamed = call(cloning, "PATCH", f"/voicebox/profiles/{other.json()['id']}", json={"name": "sage"})
    assert "x-voicebox-warning" in renamed.headers
    json_of(call(cloning, "DELETE", f"/audio/voices/{other.json()['id']}"))


# Profiles of models...


def test_presets_of_models(cloning: Server) -> None:
    """A profile may be a preset of a model, or be kept to one; while it is not here, what would change that is
    told when it is made, when it is asked for, and in the list of engines.
    """
    name = new_name()
    body = {"name": name, "preset_engine": "kokoro", "preset_voice_id": "af_heart"}
    made = call(cloning, "POST", "/voicebox/profiles", json=body)
    assert KOKORO in made.headers["x-voicebox-warning"]
    id = json_of(made)["id"]
    assert KOKORO in refused(speak(cloning, name), 400, "voice", "voice_not_speakable")
    fits = json_of(call(cloning, "GET", f"/voicebox/profiles/{id}/engines"))["data"]
    found = next(fit for fit in fits if fit["engine"] == "kokoro")
    assert (found["can"], found["would"], found["reason"]) == (False, True, KOKORO)

    kept = create_profile(cloning, engines=["kokoro", "mimic"])
    assert kept["engines"] == ["kokoro", "mimic"]
    wrong = call(
        cloning, "POST", "/voicebox/profiles", json=body | {"name": new_name(), "preset_engine": "kokoroo"}
    )
    assert "'kokoro'" in refused(wrong, 400, "preset_engine", None)
    for made_id in (id, kept["id"]):
        json_of(call(cloning, "DELETE", f"/voicebox/profiles/{made_id}"))


def test_a_voice_that_cannot_speak_takes_no_name(callers: Callers) -> None:
    """A profile without any sample, under one of OpenAI's names, does not stand before the engine's voice: that
    one speaks, and the answer says so.
    """
    before = callers.speaker("nova", callers.anna)
    made = json_of(call(callers.server, "POST", "/voicebox/profiles", callers.anna, json={"name": "nova"}))
    answer = speak(callers.server, "nova", key=callers.anna)
    call(callers.server, "DELETE", f"/voicebox/profiles/{made['id']}", callers.anna)

    assert answer.status_code == 200, answer.text
    spoken = f"{answer.headers['x-voicebox-engine']}/{answer.headers['x-voicebox-voice']}"
    assert spoken == before
    assert answer.headers["x-voicebox-mapped"] == f"voice=nova->{before}"
