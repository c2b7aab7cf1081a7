"""Tests that an earlier version's data, settings and archives are read, and that nothing of them is lost or
computed anew.

`tests/data/earlier` was written by a server that really ran, before the code's modules and classes got the
names they have now. Files that this version writes are of no use here: the earlier ones are what users have.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from cloning_server import BRIGHTNESS_TOLERANCE, Json, brightness_of, call, json_of, pcm, profile, refused
from servers import TIMEOUT, Server, running

EARLIER = Path(__file__).parents[1] / "data" / "earlier"
EXPECTED: Json = json.loads((EARLIER / "expected.json").read_text("utf-8"))
KEY: str = EXPECTED["key"]["key"]
PROFILES: Json = EXPECTED["profiles"]
CLONED = PROFILES["cloned"]["id"]
DESIGNED = PROFILES["designed"]["id"]
PROMPTS = Path("data", "voices", "prompts")
UNIQUE = {"id", "name", "created_at", "updated_at", "avatar", "samples"}
"""what an imported voice has of its own"""
OF_A_SAMPLE = ("seconds", "sample_rate", "bytes", "sha256", "transcript", "media_type", "trimmed")
Stamp = tuple[int, int, str]
"""a file's inode, its time in nanoseconds, and its SHA-256"""


class Kept(NamedTuple):
    """A server on a copy of the earlier files, and the prompts that existed before it started."""

    server: Server
    prompts: dict[str, Stamp]


def copied(folder: Path) -> dict[str, Any]:
    """Copy the earlier files into a new folder; return settings that use it."""
    shutil.copytree(EARLIER, folder)
    return {**yaml.safe_load((folder / "config.yaml").read_text("utf-8")), "data_dir": str(folder / "data")}


def stamps(folder: Path) -> dict[str, Stamp]:
    """Return the prompts that exist, and of each what changes when it is written again."""
    files = sorted(path for path in (folder / PROMPTS).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): stamp(path) for path in files}


def stamp(path: Path) -> Stamp:
    seen = path.stat()
    return seen.st_ino, seen.st_mtime_ns, digest(path.read_bytes())


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Run a server of this version on the files of the earlier one."""
    folder = tmp_path_factory.mktemp("earlier") / "copy"
    config = copied(folder)
    prompts = stamps(folder)
    with running(folder, config) as server:
        yield Kept(server, prompts)


def say(server: Server, voice: Any, text: str = EXPECTED["spoken"]["text"], model: str = "mimic") -> bytes:
    """Synthesise a text, with the key."""
    return pcm(server, voice, text, KEY, model=model)


def fetched(server: Server, path: str) -> bytes:
    """Get a file, with the key."""
    answer = call(server, "GET", path, KEY)
    assert answer.status_code == 200, answer.text
    return answer.content


def test_voices_are_listed_as_before(kept: Kept) -> None:
    """The key's voices are listed exactly as before, and so are engines'; without the key, none of its own."""
    listed = json_of(call(kept.server, "GET", "/audio/voices", KEY))["data"]
    own = [voice for voice in listed if voice["id"].startswith("voice_")]
    before = [voice for voice in EXPECTED["voices"] if voice["id"].startswith("voice_")]
    anybody = {voice["id"] for voice in json_of(call(kept.server, "GET", "/audio/voices"))["data"]}

    assert own == before
    assert [voice for voice in listed if voice.get("engine") == "mimic"] == EXPECTED["voices"][len(before) :]
    assert anybody.isdisjoint(voice["id"] for voice in before)


@pytest.mark.parametrize("kind", sorted(PROFILES))
def test_profiles_are_as_before(kept: Kept, kind: str) -> None:
    """Every field of a profile is as before, by its id and by its name."""
    before = PROFILES[kind]

    assert profile(kept.server, before["id"], KEY) == before
    assert json_of(call(kept.server, "GET", f"/audio/voices/{before['name']}", KEY))["id"] == before["id"]


@pytest.mark.parametrize("kind", sorted(EXPECTED["audio"]))
def test_recordings_are_as_before(kept: Kept, kind: str) -> None:
    """A sample's recording is the same to the byte, as it was prepared and as it was sent."""
    voice, before = PROFILES[kind], EXPECTED["audio"][kind]
    path = f"/voicebox/profiles/{voice['id']}/samples/{voice['samples'][0]['id']}/audio"

    assert digest(fetched(kept.server, path)) == before["prepared"]
    assert digest(fetched(kept.server, f"{path}?original=true")) == before["original"]


def test_picture_and_consent_are_as_before(kept: Kept) -> None:
    """A voice's picture and its consent exist."""
    path, consent = "/audio/voice_consents", PROFILES["cloned"]["consent"]

    assert digest(fetched(kept.server, f"/voicebox/profiles/{CLONED}/avatar")) == EXPECTED["avatar"]
    assert json_of(call(kept.server, "GET", f"{path}/{consent}", KEY)) == EXPECTED["consent"]
    assert json_of(call(kept.server, "GET", path, KEY))["data"] == [EXPECTED["consent"]]


@pytest.mark.parametrize("kind", ["cloned", "designed"])
def test_voices_speak_with_their_prompts(kept: Kept, kind: str) -> None:
    """A voice sounds as before, from the stored prompt: none is computed anew, none is added."""
    spoken = say(kept.server, {"id": PROFILES[kind]["id"]})

    assert (len(spoken), digest(spoken)) == (EXPECTED["spoken"]["bytes"], EXPECTED["spoken"]["sha256"][kind])
    assert {path: sha256 for path, (_, _, sha256) in kept.prompts.items()} == EXPECTED["prompts"]
    assert stamps(kept.server.folder) == kept.prompts


def test_aliases_are_as_before(kept: Kept) -> None:
    """Aliases, those of the settings too, have the same targets."""
    listed = json_of(call(kept.server, "GET", "/voicebox/aliases", KEY))["data"]

    assert [alias for alias in listed if alias["source"] != "engine"] == EXPECTED["aliases"]
    assert say(kept.server, "storyteller") == say(kept.server, CLONED)
    assert say(kept.server, "onyx", model="tts-1") == say(kept.server, DESIGNED)
    assert say(kept.server, "narrator", model="acme/anything") == say(kept.server, "mimic/low")


def test_pronunciations_are_as_before(kept: Kept) -> None:
    """The caller's dictionary and the voice's own exist, and are applied."""
    spelt = EXPECTED["spelt"]
    spoken = say(kept.server, CLONED, spelt["text"])

    assert json_of(call(kept.server, "GET", "/voicebox/pronunciations", KEY)) == EXPECTED["pronunciations"]
    assert (len(spoken), digest(spoken)) == (spelt["bytes"], spelt["sha256"])
    assert len(say(kept.server, "mimic/mid", spelt["text"])) == spelt["bytes_of_mimic_mid"]


def test_the_audit_goes_on(kept: Kept) -> None:
    """The audit of a voice is reported from its beginning, and new entries follow."""
    before: list[Json] = EXPECTED["audit"]
    say(kept.server, CLONED)
    audit = json_of(call(kept.server, "GET", f"/voicebox/profiles/{CLONED}/audit", KEY))["data"]

    assert audit[: len(before)] == before
    assert {line["event"] for line in audit[len(before) :]} == {"spoken"}


def test_an_archive_is_imported(kept: Kept) -> None:
    """An earlier archive becomes a voice with all that the exported one has, and sounds alike."""
    archive = (EARLIER / EXPECTED["archive"]["file"]).read_bytes()
    path, before = "/voicebox/profiles", PROFILES["cloned"]
    zipped = {"content-type": "application/zip"}
    back = json_of(
        call(kept.server, "POST", f"{path}/import?name=Again", KEY, content=archive, headers=zipped)
    )
    try:
        assert back["name"] == "Again"
        assert back["id"] != before["id"]
        assert {key: value for key, value in back.items() if key not in UNIQUE} == {
            key: value for key, value in before.items() if key not in UNIQUE
        }
        assert [[sample.get(key) for key in OF_A_SAMPLE] for sample in back["samples"]] == [
            [sample.get(key) for key in OF_A_SAMPLE] for sample in before["samples"]
        ]
        assert digest(fetched(kept.server, f"{path}/{back['id']}/avatar")) == EXPECTED["avatar"]
        sounds = [brightness_of(say(kept.server, id), "pcm") for id in (back["id"], CLONED)]
        assert sounds[0] == pytest.approx(sounds[1], rel=BRIGHTNESS_TOLERANCE)
    finally:
        json_of(call(kept.server, "DELETE", f"{path}/{back['id']}", KEY))


def test_the_key_is_valid(kept: Kept) -> None:
    """The earlier key is accepted; no key, and another one, are refused."""
    path, speech = "/voicebox/profiles", {"model": "mimic", "voice": "low", "input": "Hello"}

    assert {voice["id"] for voice in json_of(call(kept.server, "GET", path, KEY))["data"]} == {
        before["id"] for before in PROFILES.values()
    }
    for method, place, body in (("GET", path, None), ("POST", "/audio/speech", speech)):
        refused(call(kept.server, method, place, json=body), 401, None, None)
        refused(call(kept.server, method, place, f"{KEY[:-1]}-", json=body), 401, None, "invalid_api_key")


def test_an_environment_counts_as_installed(tmp_path: Path) -> None:
    """An environment that an earlier version installed is recognised: it is not installed again."""
    written, config = EXPECTED["environment"], tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(copied(tmp_path / "copy")))
    home = tmp_path / "copy" / "data" / "environments" / written["group"]
    python = home / written["folder"] / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()  # it only has to be there
    command = [sys.executable, "-m", "gateway", "engines", "list", "--json", "--config", str(config)]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert listed.returncode == 0, listed.stderr
    found = next(one for one in json.loads(listed.stdout) if one["name"] == written["group"])

    assert (found["python"], found["repaired"]) == (str(python), written["repaired"])


@pytest.mark.engines
def test_a_model_is_served_without_a_start(tmp_path: Path) -> None:
    """A pulled model is present, by its record and its files: it is listed and offered without a start.

    Of its files there are only the sizes, so that it could not be started either.
    """
    pytest.importorskip("transformers")
    pytest.importorskip("onnxruntime")
    learned, config = EXPECTED["learned"], copied(tmp_path / "copy")
    name, hub, file = learned["model"], tmp_path / "copy" / "hub", tmp_path / "copy" / learned["file"]
    snapshot = hub / learned["snapshot"]
    snapshot.mkdir(parents=True)
    for path, size in learned["files"].items():
        with (snapshot / path).open("wb") as empty:
            empty.truncate(size)
    file.write_text(file.read_text("utf-8").replace(learned["models_folder"], str(hub)))
    config["models"]["folder"] = str(hub)
    with running(tmp_path / "copy", config) as server:
        listed = {model["id"] for model in json_of(call(server, "GET", "/models", KEY))["data"]}
        state = json_of(call(server, "GET", f"/voicebox/models/{name}", KEY))["state"]

    assert name in listed
    assert state in ("resting", "starting", "failed")
