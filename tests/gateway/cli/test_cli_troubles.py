"""Tests of what commands say when something goes wrong: in words, with what to do, never a library's."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from servers import TIMEOUT, Server, running
from terminal import VOICEBOX, on_terminal

from gateway.cli.temporary_server import SPEECH, _wait_until_settled
from gateway.security.keys import KEYS_FILE, KeyStore
from streaming.audio.length import seconds_of

ALSA_LINES = """\
ALSA lib confmisc.c:855:(parse_card) cannot find card '0'
ALSA lib conf.c:5178:(_snd_config_evaluate) function snd_func_card_inum returned error: No such file or directory
ALSA lib pcm.c:2664:(snd_pcm_open_noupdate) Unknown PCM default
"""
LIBRARIES = (
    "ClientPayloadError",
    "ClientConnector",
    "ServerDisconnected",
    "aiohttp",
    "Traceback",
    "TransferEncoding",
)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder that is importable from."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with an engine that does wrong on request."""
    with running(tmp_path_factory.mktemp("faulty"), {"engines": {"tone": {"enabled": True}}}) as server:
        yield server


def voicebox(*words: str, url: str, status: int, **environ: str) -> str:
    """Run a command that must end with a status, and return what it says."""
    done = subprocess.run(
        [*VOICEBOX, *words, "--url", url],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env={**os.environ, **environ},
    )
    assert done.returncode == status, done.stderr
    assert not [word for word in LIBRARIES if word in done.stderr]
    return done.stderr


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("One two three four five. [noise]", "broke off"),
        ("One two three four five. [mute]", "broke off"),
        ("[fail-after 1] One two three four five six seven eight nine ten eleven twelve.", "broke off"),
    ],
)
def test_speech_that_breaks_is_told_in_the_servers_words(
    faulty: Server, tmp_path: Path, text: str, words: str
) -> None:
    """Speech that ran away or broke halfway is an error in the server's own words, and leaves no file."""
    said = voicebox("say", f"Good morning. {text}", "--model", "tone", url=faulty.url, status=1)

    assert words in said
    assert "status" not in said
    assert len(said.split("broke off: ")[1]) > 20
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def breaking() -> Iterator[str]:
    """Run a server that sends half of what it announced, with the id of the request."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._half()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self._half()

        def _half(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.send_header("x-request-id", "req_42")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("words", [("say", "Hello."), ("voices",), ("models",), ("voices", "export", "x")])
def test_an_answer_that_breaks_off_names_its_request(breaking: str, words: tuple[str, ...]) -> None:
    """Half an answer is told as that, with the id by which the server's log has the reason."""
    said = voicebox(*words, url=breaking, status=1)
    assert "broke off" in said
    assert "req_42" in said


def test_a_key_that_is_missing_or_wrong(tmp_path: Path) -> None:
    """Where a server asks for a key, the error names the option and the variable that give one."""
    secret = KeyStore(tmp_path / "server/data" / KEYS_FILE).create("reader", None)[1]
    with running(tmp_path / "server") as server:
        for words in (("say", "Hi."), ("models",), ("voices", "show", "alloy"), ("models", "load", "kokoro")):
            for key in ({}, {"VOICEBOX_API_KEY": f"{secret}x"}):
                said = voicebox(*words, url=server.url, status=1, **key)
                assert "--api-key" in said
                assert "VOICEBOX_API_KEY" in said


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("say", "Hi.", "--voice", "alloi"), "'alloy'"),
        (("say", "Hi.", "--model", "tts-1x"), "'tts-1'"),
        (("say", "Hi.", "--model", "espeek"), "'espeak'"),
        (("transcribe", "in.wav", "--model", "whisper-11"), "'whisper-1'"),
        (("models", "load", "kokorro"), "'kokoro'"),
        (("voices", "--engine", "tome"), "'tone'"),
        (("cache", "clear", "--voice", "aloy"), "'alloy'"),
    ],
)
def test_what_is_misspelt_is_told_with_what_is_near(
    faulty: Server, tmp_path: Path, words: tuple[str, ...], near: str
) -> None:
    """A model, an engine or a voice that nobody knows is told with the nearest names."""
    (tmp_path / "in.wav").write_bytes((Path(__file__).parents[2] / "data/jfk.flac").read_bytes())
    assert near in voicebox(*words, url=faulty.url, status=1)


def test_where_no_server_is_it_is_told_how_to_start_one() -> None:
    """A command that needs a running server says how to start it; one for another machine asks about both."""
    assert "voicebox serve" in voicebox(
        "models", "load", "x", url=f"http://127.0.0.1:{free_port()}", status=3
    )
    assert "--url" in voicebox("voices", url=f"http://no-such-host.invalid:{free_port()}", status=3)


# Playing...


def player(folder: Path, script: str, name: str = "aplay") -> str:
    """Put a player into a folder of programs, and return the folder."""
    (folder / "tools").mkdir(exist_ok=True)
    program = folder / "tools" / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(folder / "tools")


@pytest.mark.parametrize(
    "script",
    [
        f"/bin/cat > /dev/null; /bin/cat >&2 <<'END'\n{ALSA_LINES}END\nexit 0",
        f"/bin/cat >&2 <<'END'\n{ALSA_LINES}END\nexit 1",
        "/bin/cat > /dev/null; echo 'SDL_OpenAudio (1 channels, 24000 Hz): audio open failed' >&2",
        "/bin/cat > /dev/null; echo 'main:850: audio open error: No such file or directory' >&2; exit 1",
        "exit 1",
    ],
)
def test_no_sound_card(faulty: Server, tmp_path: Path, script: str) -> None:
    """Where nothing can be played the status is 1, one line says so and names `-o`, and no library is heard."""
    tools = player(tmp_path, script)
    said = voicebox("say", "Good morning.", "--play", url=faulty.url, status=1, PATH=tools)
    lines = [line for line in said.splitlines() if "aplay" in line]

    assert "ALSA" not in said
    assert len(lines) == 1
    assert "-o FILE" in lines[0]


def test_no_sound_card_and_a_file(faulty: Server, tmp_path: Path) -> None:
    """What could not be played is in the file that was asked for beside."""
    tools = player(tmp_path, "exit 1")
    voicebox("say", "Good morning.", "--play", "-o", "a.pcm", url=faulty.url, status=1, PATH=tools)
    assert (tmp_path / "a.pcm").stat().st_size > 4800


def test_no_player_and_a_file(faulty: Server, tmp_path: Path) -> None:
    """Where no player is installed the file that was asked for beside is written all the same."""
    said = voicebox(
        "say", "Good morning.", "--play", "-o", "a.mp3", url=faulty.url, status=1, PATH="/nowhere"
    )
    assert (tmp_path / "a.mp3").stat().st_size > 1000
    assert "wrote a.mp3" in said
    assert "no player is here" in said


@pytest.mark.parametrize("name", ["a.mp3", "a.opus", "a.flac", "a.wav", "a.pcm"])
def test_a_player_of_plain_samples_and_a_file(faulty: Server, tmp_path: Path, name: str) -> None:
    """A file of any format is played too by a player that only knows samples, and whole."""
    tools = player(tmp_path, f"/bin/cat > {tmp_path}/played")
    words = ("say", "One two three four five six.", "--model", "tone", "--play", "-o", name)
    voicebox(*words, url=faulty.url, status=0, PATH=tools)
    with (tmp_path / name).open("rb") as file:
        whole = seconds_of(file) or (tmp_path / name).stat().st_size / 48_000
    assert abs((tmp_path / "played").stat().st_size / 48_000 - whole) < 0.2


def test_a_player_of_plain_samples_and_a_format(faulty: Server, tmp_path: Path) -> None:
    """Where nothing is kept the format is the player's affair."""
    tools = player(tmp_path, f"/bin/cat > {tmp_path}/played")
    voicebox("say", "Good morning.", "--play", "--format", "mp3", url=faulty.url, status=0, PATH=tools)
    assert (tmp_path / "played").stat().st_size > 4800


def test_a_player_that_only_talks_is_no_failure(faulty: Server, tmp_path: Path) -> None:
    """What a player says beside playing is neither shown nor a failure."""
    tools = player(tmp_path, "echo 'underrun occurred' >&2; /bin/cat > /dev/null")
    said = voicebox("say", "Good morning.", "--play", url=faulty.url, status=0, PATH=tools)
    assert "underrun" not in said


# Who spoke, and what goes on...


@pytest.mark.parametrize("audio_format", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_who_spoke(faulty: Server, audio_format: str) -> None:
    """`say` tells the engine, the voice, the seconds of speech and the seconds that it took, in any format."""
    said = voicebox("say", "One two three four five six.", "--model", "tone", "--format", audio_format,
                    "--voice", "tone-3", url=faulty.url, status=0)  # fmt: skip
    facts = said.splitlines()[-1].removeprefix("voicebox: ").split(", ")
    assert facts[:2] == ["tone", "tone-3"]
    seconds, _, rest = facts[2].partition(" s in ")
    assert 0.5 < float(seconds) < 1.5
    assert float(rest.removesuffix(" s")) >= 0


def test_progress_is_for_people(faulty: Server) -> None:
    """On a terminal a long text shows its progress; in a pipe nothing of it is written."""
    words = ("say", "One two [wait 1] three.", "--model", "tone", "-o", "a.mp3", "--url", faulty.url)
    assert "speech" in on_terminal(*words)[1]
    done = subprocess.run([*VOICEBOX, *words], capture_output=True, timeout=TIMEOUT, check=True)
    assert b"\x1b" not in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_only_what_is_needed_is_waited_for() -> None:
    """A command that speaks does not wait for an engine that only hears, however long that takes to start."""
    asked = []
    worker = {"state": "starting", "reason": ""}
    engines = {
        "espeak": {"ready": True, "workers": []},
        "pocketsphinx": {"ready": False, "workers": [worker]},
        "whisper-tiny": {"ready": False, "lazy": True, "known": False, "workers": [worker]},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"engines": engines}).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = asyncio.run(_wait_until_settled(f"http://127.0.0.1:{server.server_port}", SPEECH))
        server.shutdown()
    assert found["espeak"].ready
    assert asked == ["/health"]


def test_a_text_that_is_too_long(faulty: Server, tmp_path: Path) -> None:
    """A text that is too long is refused with its length and the most that it may have."""
    (tmp_path / "book.txt").write_text("word " * 42_001)
    with (tmp_path / "book.txt").open() as book:
        done = subprocess.run(
            [*VOICEBOX, "say", "-", "--url", faulty.url],
            stdin=book,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
    assert done.returncode == 1
    assert "at most 200,000 characters, and this one has 210,005" in done.stderr
    assert "input_characters" in done.stderr


def test_a_field_that_is_refused_is_told_in_words(faulty: Server) -> None:
    """What a server says of a field of a request comes as a sentence that names it, not as a list of Python's."""
    said = voicebox("say", "Hello.", "--instructions", "x" * 5000, url=faulty.url, status=1)
    assert "instructions: " in said
    assert "{'" not in said
    assert "loc" not in said
