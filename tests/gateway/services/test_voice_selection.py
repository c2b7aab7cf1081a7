"""Tests that custom voices speak under every name, in every format, many at once, and on an engine that can."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cloning_server import (
    BRIGHTNESS_TOLERANCE,
    CLONER,
    WORD_SECONDS,
    WORDS,
    Json,
    brightness_of,
    call,
    clone,
    create_profile,
    female,
    json_of,
    male,
    new_name,
    pcm,
    refused,
    sample_brightness,
    seconds,
    speak,
    spoken_brightness,
)
from decoded import decoded, same_words
from servers import Server, running

LOW = 400.0
MID = 1000.0
HIGH = 2500.0
"""the brightness of mimic's presets `low`, `mid` and `high`, in Hertz"""


@pytest.fixture(scope="module")
def man(cloning: Server) -> Json:
    """Clone a voice from a recorded man."""
    return clone(cloning, male(), new_name("Jack"))


@pytest.fixture(scope="module")
def woman(cloning: Server) -> Json:
    """Clone a voice from a synthetic woman."""
    return clone(cloning, female(), new_name("Nora"))


def test_a_clone_sounds_as_its_sample(cloning: Server, man: Json, woman: Json) -> None:
    """A clone has the brightness of its sample, so that two voices differ as their samples do."""
    for voice in (man, woman):
        assert spoken_brightness(cloning, {"id": voice["id"]}) == pytest.approx(
            sample_brightness(cloning, voice["id"]), rel=BRIGHTNESS_TOLERANCE
        )
    assert spoken_brightness(cloning, woman["id"]) > 1.2 * spoken_brightness(cloning, man["id"])


@pytest.mark.parametrize(
    "form", ["{id}", "{name}", "{NAME}", "profile:{id}", "PROFILE:{id}", "profile:{name}", " {name} "]
)
def test_every_name_of_a_voice(cloning: Server, woman: Json, form: str) -> None:
    """A voice is found by its id or its name, in any case, with `profile:` or without; the SDK may send an
    object.
    """
    name = form.format(**woman, NAME=woman["name"].upper())

    assert pcm(cloning, name) == pcm(cloning, {"id": woman["id"]})
    assert pcm(cloning, {"id": name}) == pcm(cloning, woman["id"])
    spoken = cloning.sdk(strict=True).audio.speech.create(
        model="tts-1", voice={"id": name}, input=WORDS, response_format="wav"
    )
    assert brightness_of(spoken.content) == pytest.approx(
        sample_brightness(cloning, woman["id"]), rel=BRIGHTNESS_TOLERANCE
    )


def test_a_voice_in_the_field_model(cloning: Server, woman: Json) -> None:
    """A client that has only a field for the model may put the voice there."""
    for model in (woman["id"], woman["name"]):
        assert pcm(cloning, None, model=model) == pcm(cloning, woman["id"])


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_every_format(cloning: Server, man: Json, format: str) -> None:
    """Every format has the voice, as a file and as server-sent events."""
    file = pcm(cloning, man["id"], response_format=format)
    events = pcm(cloning, man["id"], response_format=format, stream_format="sse").split(b"\r\n\r\n")
    deltas = [json.loads(event.removeprefix(b"data: ")) for event in events[:-2]]
    parts = [base64.b64decode(delta["audio"]) for delta in deltas[:-1]]

    assert deltas[-1]["type"] == "speech.audio.done"
    for one in (file, b"".join(parts)):
        assert brightness_of(one, format) == pytest.approx(
            sample_brightness(cloning, man["id"]), rel=BRIGHTNESS_TOLERANCE
        )


def test_fifty_at_once(cloning: Server, man: Json, woman: Json) -> None:
    """Fifty simultaneous requests with alternating voices and a text each: every answer is what it is alone,
    to the sample.
    """
    texts = [f"{WORDS} {'whole ' * (number % 7)}number {number}" for number in range(50)]
    jobs = [((man, woman)[number % 2]["id"], text) for number, text in enumerate(texts)]
    alone = [pcm(cloning, *job) for job in jobs]
    with ThreadPoolExecutor(50) as pool:
        together = list(pool.map(lambda job: pcm(cloning, *job), jobs))

    assert len(set(alone)) > 40
    assert together == alone


def test_first_speech_at_once(cloning: Server) -> None:
    """A voice that speaks for the first time in ten requests at once is computed into a prompt once."""
    voice = clone(cloning, female())
    with ThreadPoolExecutor(10) as pool:
        sounds = set(pool.map(lambda _: pcm(cloning, voice["id"]), range(10)))
    prompts = cloning.folder / "data" / "voices" / "prompts" / voice["id"]

    assert len(sounds) == 1
    assert len([path for path in prompts.rglob("*") if path.is_file()]) == 1


# The engine...


@pytest.mark.parametrize("model", ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "mimic", "MIMIC", "mimic/mimic"])
def test_a_clone_needs_an_engine_that_clones(cloning: Server, man: Json, model: str) -> None:
    """A cloned voice is spoken by the engine that clones, whether the model names it or is one of OpenAI's."""
    answer = speak(cloning, man["id"], model=model)

    assert answer.headers["x-voicebox-engine"] == "mimic"
    assert answer.headers["x-voicebox-voice"] == man["name"]
    assert brightness_of(answer.content, "pcm") == pytest.approx(
        sample_brightness(cloning, man["id"]), rel=BRIGHTNESS_TOLERANCE
    )


def test_an_engine_that_does_not_clone(cloning: Server, man: Json) -> None:
    """A model that cannot speak the voice is refused, before any audio, and the refusal names one that can."""
    message = refused(speak(cloning, man["id"], model="espeak"), 400, "voice", "voice_not_speakable")
    assert man["name"] in message
    assert "`espeak`" in message
    assert "`mimic`" in message


def test_a_voice_without_a_sample(cloning: Server) -> None:
    """A cloned voice that has no sample yet cannot speak, and the refusal says why."""
    voice = create_profile(cloning)
    message = refused(speak(cloning, voice["id"]), 400, "voice", "voice_not_speakable")
    assert "no sample" in message


def test_a_profile_of_a_preset(cloning: Server) -> None:
    """A profile of a preset speaks as the preset does, on its own engine only."""
    german = create_profile(cloning, preset_engine="espeak", preset_voice_id="de")
    answer = speak(cloning, german["name"])
    direct = speak(cloning, "espeak/de")

    assert german["voice_type"] == "preset"
    assert answer.headers["x-voicebox-engine"] == "espeak"
    assert same_words(decoded(answer.content, "pcm"), decoded(direct.content, "pcm"))
    assert not same_words(
        decoded(answer.content, "pcm"), decoded(speak(cloning, "espeak/en-us").content, "pcm")
    )
    assert "`espeak`" in refused(
        speak(cloning, german["id"], model="mimic"), 400, "voice", "voice_not_speakable"
    )


def test_a_voice_restricted_to_engines(cloning: Server) -> None:
    """A voice that its owner restricts to certain engines is spoken by no other."""
    voice = clone(cloning, female())
    json_of(call(cloning, "PATCH", f"/voicebox/profiles/{voice['id']}", json={"engines": ["espeak"]}))
    refused(speak(cloning, voice["id"]), 400, "voice", "voice_not_speakable")
    refused(speak(cloning, voice["id"], model="mimic"), 400, "voice", "voice_not_speakable")


@pytest.mark.parametrize(
    ("own", "sent", "effective"),
    [(2.0, None, 2.0), (2.0, 0.5, 0.5), (2.0, 1.0, 1.0), (None, 2.0, 2.0), (None, None, 1.0)],
)
def test_the_speed_of_a_voice(
    cloning: Server, own: float | None, sent: float | None, effective: float
) -> None:
    """A voice has a speed, which a request's speed overrides; the sound stays that of the voice."""
    voice = clone(cloning, female())
    json_of(call(cloning, "PATCH", f"/voicebox/profiles/{voice['id']}", json={"speed": own}))
    text = f"{WORDS} " * 4
    spoken = pcm(cloning, voice["id"], text, speed=sent)

    assert seconds(spoken) == pytest.approx(len(text.split()) * WORD_SECONDS / effective, rel=0.1)
    assert brightness_of(spoken, "pcm") == pytest.approx(
        sample_brightness(cloning, voice["id"]), rel=2 * BRIGHTNESS_TOLERANCE
    )


def test_instructions_on_an_engine_without_support(cloning: Server) -> None:
    """Instructions, of the request or of the voice, that the engine does not follow are named in the answer,
    which is speech all the same.
    """
    voice = clone(cloning, female())
    assert speak(cloning, voice["id"], instructions="Whisper").headers["x-voicebox-ignored"] == "instructions"
    assert "x-voicebox-ignored" not in speak(cloning, voice["id"]).headers


# Mixtures...


@pytest.mark.parametrize(
    ("mixture", "frequency"),
    [
        ("low+high", (LOW + HIGH) / 2),
        ("low(2)+high(1)", (2 * LOW + HIGH) / 3),
        ("low(0.2)+mid(0.3)+high(0.5)", 0.2 * LOW + 0.3 * MID + 0.5 * HIGH),
        ("low(3)", LOW),
        ("mimic/low(200)+high(100)", (2 * LOW + HIGH) / 3),
        (" LOW ( 1 ) + High", (LOW + HIGH) / 2),
        ("low+low+high", (2 * LOW + HIGH) / 3),
    ],
)
def test_mixtures(cloning: Server, mixture: str, frequency: float) -> None:
    """Presets of an engine that mixes are mixed by weight, through OpenAI's models and its own."""
    for model in ("tts-1", "mimic"):
        assert spoken_brightness(cloning, mixture, model=model) == pytest.approx(
            frequency, rel=BRIGHTNESS_TOLERANCE
        )


@pytest.mark.parametrize("mixture", ["low(0)+high", "low(-1)+high", "low(x)+high", "low(nan)+high", "low(+high", "low+", "low(1e999)", "+".join(["low"] * 17)])  # fmt: skip
def test_invalid_mixtures(cloning: Server, mixture: str) -> None:
    """An invalid weight, an empty part or an open parenthesis is refused, with the reason."""
    for model in ("tts-1", "mimic"):
        message = refused(speak(cloning, mixture, model=model), 400, "voice", None)
        assert "mixture" in message


def test_mixtures_of_unknown_presets(cloning: Server, man: Json) -> None:
    """A part that is no preset of the engine makes the whole an unknown voice."""
    for mixture in ("low+nobody", "nobody(2)+high", f"low+{man['name']}"):
        assert "known voice" in refused(speak(cloning, mixture), 400, None, None)
    assert "`mimic` can" in refused(speak(cloning, "low+high", model="espeak"), 400, None, None)


def test_a_profile_of_a_mixture(cloning: Server) -> None:
    """A mixture can be stored as a voice of one's own, unless one of its voices is unknown."""
    voice = create_profile(cloning, preset_engine="mimic", preset_voice_id="low(2)+high(1)")
    assert spoken_brightness(cloning, voice["name"]) == pytest.approx(
        (2 * LOW + HIGH) / 3, rel=BRIGHTNESS_TOLERANCE
    )
    for preset in ("low+nobody", "low(0)+high"):
        body = {"name": new_name(), "preset_engine": "mimic", "preset_voice_id": preset}
        refused(call(cloning, "POST", "/voicebox/profiles", json=body), 400, "preset_voice_id", None)


# Several gateway processes...


def test_two_processes(tmp_path: Path) -> None:
    """With two gateway processes a voice that one creates, even the very first, speaks the same through both."""
    with running(
        tmp_path, {"engines": {**CLONER, "pocketsphinx": {"enabled": False}}}, ("--workers", "2")
    ) as server:
        with ThreadPoolExecutor(8) as pool:
            men = pool.map(lambda number: clone(server, male(), f"man {number}"), range(4))
            women = pool.map(lambda number: clone(server, female(), f"woman {number}"), range(4))
            clones = [*men, *women]
            sounds = list(pool.map(lambda voice: {pcm(server, voice["id"]) for _ in range(6)}, clones))
        listed = [json_of(call(server, "GET", "/audio/voices"))["data"][:8] for _ in range(6)]
        assert all(len(same) == 1 for same in sounds)
        assert len(set.union(*sounds)) == 2
        assert brightness_of(sounds[0].pop(), "pcm") == pytest.approx(
            sample_brightness(server, clones[0]["id"]), rel=BRIGHTNESS_TOLERANCE
        )
        assert {voice["id"] for voice in clones} == {voice["id"] for one in listed for voice in one}
        for voice in clones:
            json_of(call(server, "DELETE", f"/audio/voices/{voice['id']}"))
            assert {speak(server, voice["id"]).status_code for _ in range(4)} == {400}
