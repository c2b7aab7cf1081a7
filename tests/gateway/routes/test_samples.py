"""Tests of a voice's samples: several, with their transcripts, cut, downloaded, deleted, refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from cloning_server import (
    BRIGHTNESS_TOLERANCE,
    UPLOAD_LIMIT,
    Json,
    brightness_of,
    call,
    clone,
    create_profile,
    female,
    json_of,
    male,
    padded,
    profile,
    refused,
    sample_brightness,
    short,
    spoken_brightness,
)
from decoded import decoded, facts
from recordings import CODINGS, coded, noise, piece
from servers import Server

RATE = 44_100
KEYS = {
    "id", "object", "created_at", "seconds", "sample_rate", "media_type", "bytes", "sha256", "transcript", "facts",
}  # fmt: skip


def path_of(voice: Json) -> str:
    return f"/voicebox/profiles/{voice['id']}/samples"


def add(server: Server, voice: Json, data: bytes, **fields: str) -> Json:
    """Add a sample."""
    answer = call(
        server,
        "POST",
        path_of(voice),
        data=fields,
        files={"file": ("sample", data, "application/octet-stream")},
    )
    return json_of(answer)


def test_life_of_a_sample(cloning: Server) -> None:
    """A sample is added with its transcript, looked up, listed, given another transcript, deleted, and then
    not found by any call.
    """
    voice = create_profile(cloning)
    added = add(cloning, voice, female(), transcript=" The quick brown fox ")
    path = f"{path_of(voice)}/{added['id']}"

    assert set(added) == KEYS
    assert (added["transcript"], added["media_type"], added["bytes"]) == (
        "The quick brown fox",
        "audio/wav",
        len(female()),
    )
    assert 4 < added["seconds"] < 6
    assert json_of(call(cloning, "GET", path)) == added
    assert json_of(call(cloning, "GET", path_of(voice))) == {"object": "list", "data": [added]}
    for method in ("PATCH", "PUT"):
        assert (
            json_of(call(cloning, method, path, json={"transcript": f" {method} "}))["transcript"] == method
        )
    assert json_of(call(cloning, "DELETE", path)) == {
        "id": added["id"],
        "object": "voicebox.sample",
        "deleted": True,
    }
    tries = [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/audio"),
        ("POST", "/transcribe"),
        ("POST", "/trim"),
    ]
    for method, what in tries:
        refused(
            call(cloning, method, path + what, json={"transcript": "x"} if method == "PATCH" else {}),
            404,
            None,
            "sample_not_found",
        )
    assert "no sample" in refused(voice_speaks(cloning, voice), 400, "voice", "voice_not_speakable")


def voice_speaks(server: Server, voice: Json) -> Any:
    return call(
        server, "POST", "/audio/speech", json={"model": "tts-1", "voice": voice["id"], "input": "one"}
    )


def test_several_samples_are_one_voice(cloning: Server) -> None:
    """A voice of two samples sounds between those of each; without one of them it is the other; three are the
    most here.
    """
    voice = create_profile(cloning)
    first, second = add(cloning, voice, female(), transcript="x"), add(cloning, voice, male(), transcript="x")
    alone = [spoken_brightness(cloning, clone(cloning, data)["id"]) for data in (female(), male())]
    both = spoken_brightness(cloning, voice["id"])

    assert min(alone) < both < max(alone)
    json_of(call(cloning, "DELETE", f"{path_of(voice)}/{first['id']}"))
    assert spoken_brightness(cloning, voice["id"]) == pytest.approx(alone[1], rel=BRIGHTNESS_TOLERANCE)
    add(cloning, voice, female(), transcript="x")
    add(cloning, voice, female(), transcript="x")
    answer = call(cloning, "POST", path_of(voice), files={"file": ("a", female())})
    assert "3 samples" in refused(answer, 400, None, "too_many_samples")
    assert json_of(call(cloning, "GET", path_of(voice)))["data"][0]["id"] == second["id"]


def test_samples_added_at_once(cloning: Server) -> None:
    """Of six samples that are sent at once as many are added as the limit allows, and nothing of the others
    stays.
    """
    voice = create_profile(cloning)
    with ThreadPoolExecutor(6) as pool:
        files = [{"file": ("a", coded(piece(number, 1.5)))} for number in range(6)]
        answers = list(
            pool.map(
                lambda file: call(cloning, "POST", path_of(voice), files=file, data={"transcript": "x"}),
                files,
            )
        )
    folder = cloning.folder / "data" / "voices" / "profiles" / voice["id"]

    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [400] * 3
    assert len(profile(cloning, voice["id"])["samples"]) == 3
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 6


@pytest.mark.parametrize("coding", CODINGS[:-1], ids=lambda coding: coding[0])
def test_downloading_a_sample(cloning: Server, coding: Any) -> None:
    """A sample can be downloaded as it was sent, to the byte, and as it is used: a WAV, mono, of the same
    sound, trimmed of its silence.
    """
    silence = np.zeros(RATE)
    data = coded(np.concatenate([silence, piece(0, 3), silence]), coding)
    voice = create_profile(cloning)
    added = add(cloning, voice, data, transcript="x")
    path = f"{path_of(voice)}/{added['id']}/audio"
    prepared, original = call(cloning, "GET", path), call(cloning, "GET", f"{path}?original=true")

    assert original.content == data
    assert original.headers["content-type"] == added["media_type"]
    assert prepared.headers["content-type"] == "audio/wav"
    assert (
        prepared.headers["x-content-type-options"] == original.headers["x-content-type-options"] == "nosniff"
    )
    assert facts(prepared.content)[::3] == ("wav", 1)
    assert facts(prepared.content)[2] == added["sample_rate"]
    sound = decoded(prepared.content)
    assert len(sound) / added["sample_rate"] == pytest.approx(added["seconds"], abs=0.001)
    assert 1.9 < added["seconds"] < 3.2
    assert brightness_of(prepared.content) == pytest.approx(brightness_of(data), rel=BRIGHTNESS_TOLERANCE)


# Words...


def test_samples_are_transcribed(cloning: Server) -> None:
    """A sample without a transcript is transcribed by an engine, which is named; a transcript of the user's
    replaces it.
    """
    voice = create_profile(cloning)
    added = add(cloning, voice, short())
    path = f"{path_of(voice)}/{added['id']}"

    assert added["transcribed_by"] == "pocketsphinx"
    assert "americans" in added["transcript"]
    assert profile(cloning, voice["id"])["samples"] == [added]
    changed = json_of(call(cloning, "PATCH", path, json={"transcript": "And so, my fellow Americans"}))
    assert changed["transcript"] == "And so, my fellow Americans"
    assert "transcribed_by" not in changed
    again = json_of(call(cloning, "POST", f"{path}/transcribe"))
    assert (again["transcript"], again["transcribed_by"]) == (added["transcript"], "pocketsphinx")


@pytest.mark.parametrize("fields", [{"transcribe": "false"}, {"transcript": "My own"}])
def test_samples_that_are_not_transcribed(cloning: Server, fields: dict[str, str]) -> None:
    """A transcript that was sent is kept, and who asks for none gets none."""
    added = add(cloning, create_profile(cloning), short(), **fields)
    assert added["transcript"] == fields.get("transcript", "")
    assert "transcribed_by" not in added


def test_a_language_that_no_engine_transcribes(cloning: Server) -> None:
    """In a language that no engine transcribes a sample has no transcript, and a request for one is refused."""
    voice = create_profile(cloning, languages=["de"])
    added = add(cloning, voice, short())
    answer = call(cloning, "POST", f"{path_of(voice)}/{added['id']}/transcribe")

    assert added["transcript"] == ""
    assert "transcript" in refused(answer, 404, None, "model_not_found")


# Cutting...


def test_trimming(cloning: Server) -> None:
    """Only a part of a sample is used: its length, sound and voice are the part's; the original stays, and
    can be cut anew.
    """
    voice = create_profile(cloning)
    both = np.concatenate([piece(0, 3), decoded(female(), rate=RATE)])
    added = add(cloning, voice, coded(both), transcript="All of it")
    path = f"{path_of(voice)}/{added['id']}"
    mixed = spoken_brightness(cloning, voice["id"])
    parts = []
    for start, end in ((0, 3), (3, None)):
        cut = json_of(call(cloning, "POST", f"{path}/trim", json={"start": start, "end": end}))
        assert (cut["id"], cut["trimmed"], cut["sha256"], cut["transcript"]) == (
            added["id"],
            [start, end],
            added["sha256"],
            "",
        )
        assert cut["seconds"] < added["seconds"] - 2
        parts.append(spoken_brightness(cloning, voice["id"]))
        assert parts[-1] == pytest.approx(sample_brightness(cloning, voice["id"]), rel=BRIGHTNESS_TOLERANCE)

    assert parts[0] == pytest.approx(brightness_of(short()), rel=BRIGHTNESS_TOLERANCE)
    assert parts[0] < mixed < parts[1]
    assert call(cloning, "GET", f"{path}/audio?original=true").content == coded(both)
    whole = json_of(call(cloning, "POST", f"{path}/trim", json={}))
    assert whole["seconds"] == pytest.approx(added["seconds"])
    folder = cloning.folder / "data" / "voices" / "profiles" / voice["id"]
    assert len([one for one in folder.rglob("*") if one.is_file()]) == 2


def test_trimming_transcribes_anew(cloning: Server) -> None:
    """A transcript by an engine is that of the part after trimming."""
    voice = create_profile(cloning)
    added = add(cloning, voice, coded(piece(0, 6)))
    cut = json_of(call(cloning, "POST", f"{path_of(voice)}/{added['id']}/trim", json={"start": 0, "end": 3}))

    assert cut["transcribed_by"] == "pocketsphinx"
    assert "americans" in cut["transcript"]
    assert len(cut["transcript"]) < len(added["transcript"])


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"start": -1}, "start", None),
        ({"end": 0}, "end", None),
        ({"start": "1"}, "start", None),
        ({"begin": 1}, "begin", None),
        ({"start": 2, "end": 1}, "start", "invalid_value"),
        ({"start": 60}, "start", "invalid_value"),
        ({"start": 0, "end": 60}, "start", "invalid_value"),
        ({"start": 0, "end": 0.5}, "start", "audio_too_short"),
    ],
)
def test_invalid_parts(cloning: Server, body: Json, param: str, code: str | None) -> None:
    """A part that is not in the recording, or too short, is refused, and the sample stays as it was."""
    voice = create_profile(cloning)
    added = add(cloning, voice, short(), transcript="x")

    refused(call(cloning, "POST", f"{path_of(voice)}/{added['id']}/trim", json=body), 400, param, code)
    assert profile(cloning, voice["id"])["samples"] == [added]
    assert call(cloning, "GET", f"{path_of(voice)}/{added['id']}/audio").status_code == 200


def test_changes_during_a_transcription(cloning: Server) -> None:
    """While a sample is being transcribed it is cut and given transcripts: calls that come too late are
    refused, and nothing is half done.
    """
    voice = create_profile(cloning)
    data = coded(piece(0, 5))
    added = add(cloning, voice, data, transcript="x")
    path = f"{path_of(voice)}/{added['id']}"
    parts = ([0, 3], [1, 4])
    acts: list[tuple[str, str, Json]] = [("POST", "/transcribe", {}), ("PATCH", "", {"transcript": "mine"})]
    acts += [("POST", "/trim", {"start": start, "end": end}) for start, end in parts]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda act: call(cloning, act[0], path + act[1], json=act[2]), acts))
    after = profile(cloning, voice["id"])["samples"][0]

    assert answers[0].status_code in (200, 503)  # the latter where its recording went before it was read
    assert answers[1].status_code == 200
    assert after["trimmed"] in [
        part for part, answer in zip(parts, answers[2:], strict=True) if answer.status_code == 200
    ]
    for answer in answers[2:]:
        assert answer.status_code == 200 or refused(answer, 400, None, "changed_meanwhile")
    assert brightness_of(call(cloning, "GET", f"{path}/audio").content) == pytest.approx(
        spoken_brightness(cloning, voice["id"]), rel=BRIGHTNESS_TOLERANCE
    )
    assert call(cloning, "GET", f"{path}/audio?original=true").content == data


# Refusals...


SAMPLES = {
    "no file": ({}, "missing_required_parameter"),
    "a type that is no audio": ({"file": ("a.txt", female(), "text/plain")}, "unsupported_mime_type"),
    "bytes that are no audio": ({"file": ("a", b"nothing of the kind" * 100)}, None),
    "too short": ({"file": ("a", coded(piece(0, 0.4)))}, "audio_too_short"),
    "too long": ({"file": ("a", coded(np.tile(piece(0, 10), 4)))}, "audio_too_long"),
    "silent": ({"file": ("a", coded(np.zeros(3 * RATE)))}, "audio_silent"),
    "noise": ({"file": ("a", coded(noise(3 * RATE)))}, "no_speech"),
    "clipped": ({"file": ("a", coded(piece(0, 3) * 20))}, "audio_clipped"),
}


@pytest.mark.parametrize("what", SAMPLES)
def test_samples_that_are_refused(cloning: Server, what: str) -> None:
    """An invalid sample is refused by the name of its field, with the code of the reason, and nothing of it
    stays.
    """
    files, code = SAMPLES[what]
    voice = create_profile(cloning)
    answer = call(cloning, "POST", path_of(voice), files=files or {"transcript": (None, "x")})

    refused(answer, 400, "file", code)
    assert profile(cloning, voice["id"])["samples"] == []
    folder = cloning.folder / "data" / "voices" / "profiles" / voice["id"]
    assert [one for one in folder.rglob("*") if one.is_file()] == []


def test_ten_mebibytes_and_no_more(cloning: Server) -> None:
    """A sample of a byte more than 10 MiB answers 413."""
    voice = create_profile(cloning)
    refused(
        call(cloning, "POST", path_of(voice), files={"file": ("a", padded(short(), UPLOAD_LIMIT + 1))}),
        413,
        None,
        None,
    )


def test_presets_have_no_samples(cloning: Server) -> None:
    """A preset is cloned from nothing: samples are refused."""
    voice = create_profile(cloning, preset_engine="mimic", preset_voice_id="low")
    refused(call(cloning, "POST", path_of(voice), files={"file": ("a", short())}), 400, "file", None)


@pytest.mark.parametrize("body", [{}, {"transcript": 5}, {"transcript": "x" * 10_001}])
def test_transcripts_that_are_refused(cloning: Server, body: Json) -> None:
    """A transcript must be text of limited length."""
    voice = create_profile(cloning)
    added = add(cloning, voice, short(), transcript="x")
    refused(call(cloning, "PATCH", f"{path_of(voice)}/{added['id']}", json=body), 400, "transcript", None)
