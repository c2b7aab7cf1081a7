"""Tests that voices stay as they are whichever engines exist, through restarts and lost caches, and that
deleted ones are gone.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cloning_server import (
    BRIGHTNESS_TOLERANCE,
    CLONER,
    call,
    clone,
    design,
    female,
    json_of,
    male,
    pcm,
    profile,
    refused,
    sample_brightness,
    speak,
    spoken_brightness,
)
from servers import Server, running

from engines.fakes.cloner import LOWEST

PROMPT = "A bright and merry voice"
DESIGNED = LOWEST + zlib.crc32(PROMPT.encode()) % 3000
"""Hertz, in which mimic speaks the script"""
NO_TRANSCRIPTION: dict[str, Any] = {"pocketsphinx": {"enabled": False}}
"""settings for a faster start"""


@contextmanager
def library_server(folder: Path, number: int, engines: dict[str, Any], *args: str) -> Iterator[Server]:
    """Run a server on the one data folder."""
    with running(
        folder / str(number),
        {"engines": {**NO_TRANSCRIPTION, **engines}, "data_dir": str(folder / "data")},
        args,
    ) as server:
        yield server


def test_engines_come_and_go(tmp_path: Path) -> None:
    """Without an engine that clones, voices are created, listed and kept; with one they speak, and the same
    after each restart.
    """
    with library_server(tmp_path, 1, {}) as server:
        cloned, designed = clone(server, male(), "Jack"), design(server, PROMPT, "Merry")
        for voice in (cloned, designed):
            for model in ("tts-1", "espeak"):
                message = refused(
                    speak(server, voice["id"], model=model), 400, "voice", "voice_not_speakable"
                )
                assert voice["name"] in message
                assert "mimic" not in message
        assert profile(server, designed["id"])["samples"] == []
        fits = json_of(call(server, "GET", f"/voicebox/profiles/{cloned['id']}/engines"))["data"]
        assert ("espeak", False, False) in {(fit["engine"], fit["can"], fit["would"]) for fit in fits}
        assert "mimic" not in {fit["engine"] for fit in fits}, "it is there for tests only"
    with library_server(tmp_path, 2, CLONER, "--workers", "2") as server:
        listed = json_of(call(server, "GET", "/audio/voices"))["data"][:2]
        assert [(voice["id"], voice["name"]) for voice in listed] == [
            (voice["id"], voice["name"]) for voice in (cloned, designed)
        ]
        assert spoken_brightness(server, "Jack") == pytest.approx(
            sample_brightness(server, cloned["id"]), rel=BRIGHTNESS_TOLERANCE
        )
        first_speech_by_ten_requests(server, designed["id"])
        spoken = [pcm(server, voice["id"]) for voice in (cloned, designed)]
        reference = profile(server, designed["id"])
    shutil.rmtree(tmp_path / "data" / "voices" / "prompts")
    with library_server(tmp_path, 3, CLONER) as server:
        assert [pcm(server, voice["id"]) for voice in (cloned, designed)] == spoken
        assert json_of(call(server, "DELETE", "/voicebox/cache")) == {"prompts": 2}
        assert [pcm(server, voice["id"]) for voice in (cloned, designed)] == spoken
        assert profile(server, designed["id"]) == reference


def first_speech_by_ten_requests(server: Server, id: str) -> None:
    """Have a designed voice speak for the first time, in ten requests at once: one reference is created, and
    nothing else stays.

    There are two gateway processes, so that both create one.
    """
    with ThreadPoolExecutor(10) as pool:
        sounds = list(pool.map(lambda _: spoken_brightness(server, id), range(10)))
    profile_then = profile(server, id)
    kept = [
        path.name
        for path in (server.folder.parent / "data" / "voices" / "profiles" / id).rglob("*")
        if path.is_file()
    ]

    assert len(profile_then["samples"]) == 1
    assert profile_then["designed_by"] == "mimic"
    assert sorted(kept) == ["original", "prepared.wav"]
    assert sample_brightness(server, id) == pytest.approx(DESIGNED, rel=BRIGHTNESS_TOLERANCE)
    assert sounds == pytest.approx([sample_brightness(server, id)] * 10, rel=BRIGHTNESS_TOLERANCE)


def test_a_designed_voice_keeps_its_reference(cloning: Server) -> None:
    """A designed voice cannot get another description, and its reference cannot be cut or deleted."""
    voice = design(cloning, PROMPT)
    path = f"/voicebox/profiles/{voice['id']}"
    before = profile(cloning, voice["id"])
    sample = f"{path}/samples/{before['samples'][0]['id']}"

    refused(call(cloning, "PATCH", path, json={"design_prompt": "Another"}), 400, "design_prompt", None)
    refused(
        call(cloning, "PATCH", path, json={"design_script": "Another script, long enough."}),
        400,
        "design_prompt",
        None,
    )
    refused(call(cloning, "PATCH", path, json={"voice_type": "cloned"}), 400, "voice_type", None)
    refused(
        call(cloning, "POST", f"{path}/samples", files={"file": ("a.wav", female(), "audio/wav")}),
        400,
        "file",
        None,
    )
    refused(call(cloning, "POST", f"{sample}/trim", json={"start": 1}), 400, None, "stays_as_made")
    refused(call(cloning, "DELETE", sample), 400, None, "stays_as_made")
    assert profile(cloning, voice["id"]) == before
    assert spoken_brightness(cloning, voice["id"]) == pytest.approx(DESIGNED, rel=2 * BRIGHTNESS_TOLERANCE)


# Deletion...


NAME = "Wilhelmina Quartz"
RENAMED = "Xanthippe Zirconium"
TRANSCRIPT = "pomegranates and persimmons"
REWRITTEN = "kumquats and mandarins"
DESCRIPTION = "the daughter of the lighthouse keeper"
SPELLING = "Villhelmeena"
WORDS = (
    NAME,
    RENAMED,
    TRANSCRIPT,
    REWRITTEN,
    DESCRIPTION,
    SPELLING,
    "wilhelmina quartz",
    "xanthippe zirconium",
)


def found(folder: Path, secrets: tuple[bytes, ...]) -> set[bytes]:
    """Return which of some byte strings any file under a folder contains."""
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return {secret for secret in secrets if any(secret in content for content in files)}


def slices(recording: bytes) -> tuple[bytes, ...]:
    """Return pieces of a recording, none of which two recordings share."""
    return tuple(recording[at : at + 64] for at in range(20_000, len(recording) - 64, 20_000))


def use_a_voice(server: Server) -> tuple[str, bytes]:
    """Do everything with a voice that may leave traces; return its id and its recording as it was prepared."""
    id = clone(server, female(), NAME, transcript=TRANSCRIPT)["id"]
    path = f"/voicebox/profiles/{id}"
    sample = f"{path}/samples/{profile(server, id)['samples'][0]['id']}"
    words = [{"word": "Wilhelmina", "respelling": SPELLING}]
    json_of(
        call(
            server, "PATCH", path, json={"name": RENAMED, "description": DESCRIPTION, "pronunciations": words}
        )
    )
    json_of(call(server, "PATCH", sample, json={"transcript": REWRITTEN}))
    json_of(call(server, "PUT", f"{path}/avatar", content=b"\x89PNG\r\n\x1a\n" + female()[30_000:40_000]))
    json_of(
        call(
            server,
            "POST",
            f"{path}/samples",
            files={"file": ("second", male())},
            data={"transcript": TRANSCRIPT},
        )
    )
    json_of(call(server, "PUT", "/voicebox/aliases/alloy", json={"target": RENAMED}))
    pcm(server, RENAMED)
    assert (
        call(server, "GET", f"{path}/export").status_code
        == call(server, "POST", f"{path}/preview").status_code
        == 200
    )
    return id, call(server, "GET", f"{sample}/audio").content


def test_deleted_voices_leave_no_trace(tmp_path: Path) -> None:
    """After DELETE no file holds a piece of the recordings, and once the server has ended no name and no
    transcript either.
    """
    data = tmp_path / "data"
    text = tuple(word.encode() for word in WORDS)
    with library_server(tmp_path, 1, CLONER) as server:
        other = clone(server, male(), "Somebody Else")
        id, prepared = use_a_voice(server)
        sound = slices(female()) + slices(prepared)
        there = {RENAMED.encode(), REWRITTEN.encode(), DESCRIPTION.encode(), SPELLING.encode()}
        assert found(data, sound) == set(sound)
        assert found(data, text) >= there
        json_of(call(server, "DELETE", f"/voicebox/profiles/{id}"))
        assert found(data, sound) == set()
        assert [path for path in (data / "voices").rglob(f"*{id}*/*") if path.is_file()] == []
    assert (data / "voices.db").exists()
    assert found(data, text) == set()
    assert found(data, (b"Somebody Else", other["id"].encode(), *slices(male())[:3])) == {
        b"Somebody Else", other["id"].encode(), *slices(male())[:3],
    }  # fmt: skip
