"""Tests of `voicebox voices`: everything that can be done with a voice of one's own, by its name."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from cloning_server import clone, design, female, male, new_name, short
from servers import TIMEOUT, Server, running
from terminal import VOICEBOX, on_terminal

from gateway.cli.voices import engine_command
from gateway.security.keys import KEYS_FILE, KeyStore

TWO_SECONDS_OF_PCM = 96_000


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, with a recording in it."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "anna.flac").write_bytes(male())
    (tmp_path / "short.wav").write_bytes(short())
    (tmp_path / "bright.wav").write_bytes(female())


def voices(server: Server, *words: str, status: int = 0, key: str = "") -> str:
    """Run a command on voices, and return what it prints; what it notes where it must fail."""
    given = ("--api-key", key) if key else ()
    done = subprocess.run(
        [*VOICEBOX, "voices", *words, "--url", server.url, *given],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


def shown(server: Server, voice: str) -> dict[str, object]:
    """Return what `voices show --json` tells of a voice."""
    found: dict[str, object] = json.loads(voices(server, "show", voice, "--json"))
    return found


def test_a_voice_from_its_making_to_its_end(cloning: Server) -> None:
    """A voice is cloned, shown, renamed, edited and deleted by its name."""
    first, second = new_name("Anna O'Neill"), new_name("Anna")
    id = voices(
        cloning, "create", first, "anna.flac", "--language", "en-US", "--description", "a speech"
    ).strip()
    assert id.startswith("voice_")
    text = voices(cloning, "show", first)
    assert id in text
    assert re.search(r"cloned from 1 recording of \d", text)
    assert "mimic" in text

    voices(cloning, "rename", first, second)
    edits = (
        "--speed",
        "1.5",
        "--language",
        "en-GB",
        "--language",
        "de",
        "--pronounce",
        "Nguyen=win",
        "--shared",
    )
    voices(cloning, "edit", second, *edits)
    profile = shown(cloning, id)
    assert (profile["name"], profile["speed"], profile["shared"]) == (second, 1.5, True)
    assert profile["languages"] == ["en-GB", "de"]
    assert profile["description"] == "a speech"
    assert profile["pronunciations"] == [{"word": "Nguyen", "respelling": "win"}]
    assert shown(cloning, second)["id"] == id

    assert "--yes" in voices(cloning, "delete", second, status=2)
    voices(cloning, "delete", second, "--yes")
    assert "there is no voice" in voices(cloning, "show", second, status=1)


def test_a_voice_is_designed_or_made_of_an_engines_own(cloning: Server) -> None:
    """A voice is made of a description, and of a preset; what cannot be made is told before anything is sent."""
    designed = new_name("Narrator")
    voices(
        cloning,
        "create",
        designed,
        "--design",
        "A bright voice.",
        "--script",
        "Good morning to you all, who hear me speak today.",
    )
    assert shown(cloning, designed)["design_prompt"] == "A bright voice."
    assert "designed: A bright voice." in voices(cloning, "show", designed)

    preset = new_name("Deutsch")
    voices(cloning, "create", preset, "--preset", "espeak/de", "--language", "de")
    assert shown(cloning, preset)["preset_voice_id"] == "de"
    assert "one of the three" in voices(cloning, "create", "x", status=2)
    assert "one of the three" in voices(cloning, "create", "x", "anna.flac", "--design", "y", status=2)
    assert "ENGINE/VOICE" in voices(cloning, "create", "x", "--preset", "espeak", status=2)
    assert "cannot read gone.wav" in voices(cloning, "create", "x", "gone.wav", status=2)


def test_a_voice_of_several_recordings_is_whole_or_not_there(cloning: Server, tmp_path: Path) -> None:
    """All recordings that are given become samples; where one is refused, no voice is left."""
    name, none = new_name(), new_name()
    voices(cloning, "create", name, "anna.flac", "bright.wav")
    samples = shown(cloning, name)["samples"]
    assert isinstance(samples, list)
    assert len(samples) == 2

    (tmp_path / "noise.wav").write_bytes(b"no audio at all")
    voices(cloning, "create", none, "anna.flac", "noise.wav", status=1)
    assert "there is no voice" in voices(cloning, "show", none, status=1)


def test_a_clones_columns_are_full(cloning: Server) -> None:
    """In the list a clone has its languages, what speaks it and what it was made of, as engines' voices have."""
    id = clone(cloning, male(), new_name("Full"))["id"]
    made = design(cloning, "A bright voice.", new_name("Made"))["id"]
    rows = {row[0]: row for row in (line.split("\t") for line in voices(cloning, "list").splitlines())}

    assert all(len(row) == 6 for row in rows.values())
    assert all(rows[id])
    assert all(rows[made])
    assert "mimic" in rows[id][4]
    assert "cloned from 1 recording" in rows[id][5]
    assert id in voices(cloning, "--engine", "mimic")
    assert id not in voices(cloning, "--engine", "espeak")


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("--engine", "espeek"), "'espeak'"),
        (("list", "--engine", "nosuch"), "there is no engine 'nosuch'"),
        (("list", "--engine", "kokoro"), "models available"),
        (("list", "--language", "tlh"), "'tlh'"),
        (("show", "aloy"), "'alloy'"),
        (("preview", "Somebody Els"), "'Somebody Else'"),
        (("rename", "alloy", "x"), "stays as it is"),
    ],
)
def test_what_is_not_there_is_told_with_what_is_near(
    cloning: Server, somebody_else: None, words: tuple[str, ...], near: str
) -> None:
    """An engine, a language or a voice that is not there is an error that names what is like it."""
    assert near in voices(cloning, *words, status=1)


@pytest.fixture(scope="module")
def somebody_else(cloning: Server) -> None:
    """Make a voice that is called so."""
    clone(cloning, male(), "Somebody Else")


def test_preview(cloning: Server, tmp_path: Path) -> None:
    """A voice is heard by its name, in a file named after it or one that is given; an engine's own needs a text."""
    name = new_name("Pre/view")
    clone(cloning, male(), name)
    voices(cloning, "preview", name, "--text", "One two three.", "--format", "pcm")
    (made,) = tmp_path.glob("Pre_view*.pcm")
    assert made.stat().st_size > 10_000
    voices(cloning, "preview", name, "-o", "own.wav")
    assert (tmp_path / "own.wav").stat().st_size > 10_000
    assert "--text" in voices(cloning, "preview", "alloy", status=2)
    voices(cloning, "preview", "alloy", "--text", "Hello.", "-o", "alloy.mp3")
    assert (tmp_path / "alloy.mp3").stat().st_size > 1000


def test_export_and_import(cloning: Server, tmp_path: Path) -> None:
    """A voice goes into a ZIP file and comes out of it under another name, with its recording."""
    name, copy = new_name("Export"), new_name("Copy")
    clone(cloning, male(), name)
    voices(cloning, "export", name)
    (archive,) = tmp_path.glob("*.voicebox.zip")
    assert zipfile.is_zipfile(archive)

    voices(cloning, "import", archive.name, "--name", copy)
    copied = shown(cloning, copy)["samples"]
    assert isinstance(copied, list)
    assert len(copied) == 1
    assert "cannot read" in voices(cloning, "import", "gone.zip", status=2)


def test_samples(cloning: Server, tmp_path: Path) -> None:
    """A voice's recordings are added, listed, given their words, trimmed, written to a file and deleted, by
    number or id.
    """
    name = new_name("Samples")
    clone(cloning, male(), name, transcript="And so my fellow Americans")
    second = voices(cloning, "samples", "add", name, "short.wav", "--transcript", "And so").strip()
    rows = [line.split("\t") for line in voices(cloning, "samples", "list", name).splitlines()]
    assert [row[0] for row in rows] == ["1", "2"]
    assert (rows[1][1], rows[1][4]) == (second, "And so")

    voices(cloning, "samples", "edit", name, "2", "--transcript", "And so my")
    trimmed = json.loads(voices(cloning, "samples", "trim", name, second, "--end", "2.5", "--json"))
    assert trimmed["seconds"] < 2.6
    voices(cloning, "samples", "export", name, "2", "-o", "two.wav")
    assert 0 < (tmp_path / "two.wav").stat().st_size < 3 * TWO_SECONDS_OF_PCM
    voices(cloning, "samples", "transcribe", name, "2")
    assert "has no recording '3'" in voices(cloning, "samples", "delete", name, "3", status=1)
    voices(cloning, "samples", "delete", name, "2")
    assert len(voices(cloning, "samples", "list", name).splitlines()) == 1


def test_consents_and_aliases(cloning: Server) -> None:
    """Consents are kept, listed and deleted; a further name is given, leads to its voice, and is taken away."""
    consent = voices(cloning, "consents", "add", "Anna, today", "short.wav", "--language", "en-US").strip()
    assert consent in voices(cloning, "consents", "list")
    voices(cloning, "consents", "delete", consent)
    assert consent not in voices(cloning, "consents", "list")

    alias = new_name("alias")
    voices(cloning, "aliases", "set", alias, "onyx")
    assert alias in voices(cloning, "aliases", "list")
    voices(cloning, "aliases", "delete", alias)
    assert alias not in voices(cloning, "aliases", "list")


def test_who_is_asked_may_say_no(cloning: Server) -> None:
    """On a terminal a deletion is asked about; anything but yes keeps the voice."""
    name = new_name("Asked")
    clone(cloning, male(), name)
    status, text = on_terminal("voices", "delete", name, "--url", cloning.url, stdin="n\n")
    assert (status, "nothing was deleted" in text) == (1, True)
    status, text = on_terminal("voices", "delete", name, "--url", cloning.url, stdin="y\n")
    assert (status, "deleted" in text) == (0, True)


def test_a_key_and_options_may_stand_anywhere(tmp_path: Path) -> None:
    """URL and key count before the subcommand and behind it, and a voice is its key's own."""
    keys = KeyStore(tmp_path / "server/data" / KEYS_FILE)
    mine, other = keys.create("mine", None)[1], keys.create("other", None)[1]
    with running(tmp_path / "server", {"engines": {"mimic": {"enabled": True}}}) as server:
        voices(server, "create", "Anna", "anna.flac", key=mine)
        command = [*VOICEBOX, "voices", "--url", server.url, "--api-key", mine, "--json", "show", "Anna"]
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=True)
        assert json.loads(done.stdout)["name"] == "Anna"
        assert "there is no voice" in voices(server, "show", "Anna", status=1, key=other)


def test_without_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Voices of one's own are reached without a server that runs, as they lie on this machine."""
    monkeypatch.setenv("VOICEBOX_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "config.yaml").write_text("server: {port: 9}\n")
    for words in (["create", "Local", "anna.flac"], ["rename", "Local", "Here"], ["export", "Here"]):
        done = subprocess.run(
            [*VOICEBOX, "voices", *words, "--url", "http://127.0.0.1:9"], capture_output=True, timeout=TIMEOUT
        )
        assert done.returncode == 0, done.stderr
    assert zipfile.is_zipfile(tmp_path / "Here.voicebox.zip")


def test_a_voice_that_nothing_here_can_speak(server: Server) -> None:
    """A clone that no engine here can speak is made, and what would speak it is told, then and when it is shown."""
    name = new_name("Silent")
    command = [*VOICEBOX, "voices", "create", name, "anna.flac", "--url", server.url]
    made = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    (told,) = re.findall(r"can speak it yet: (voicebox (?:models pull|engines install) \S+)\n", made.stderr)
    assert told in voices(server, "show", name)
    voices(server, "delete", name, "--yes")


def test_what_to_install_for_a_voice_is_told() -> None:
    """Where every engine that would speak a voice lacks its packages, the command that installs them is told;
    a model that needs a pull only comes before it.
    """
    lacking = {"engine": "one", "can": False, "would": True}
    lacking["reason"] = "torch, one not installed: voicebox engines install main"
    pulled = {"engine": "two", "can": False, "would": True, "reason": "voicebox models pull two"}
    useless = {"engine": "three", "can": False, "would": False, "reason": "it does not clone voices"}

    assert engine_command([useless, lacking]) == "voicebox engines install main"
    assert engine_command([useless, lacking, pulled]) == "voicebox models pull two"
    assert engine_command([useless]) == ""
