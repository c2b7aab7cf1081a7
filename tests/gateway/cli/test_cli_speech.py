"""Tests of `say`, `transcribe`, `voices` and `models`: with a running server, and with one that the command
starts itself.
"""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import TIMEOUT, Server, running, wait_until

from gateway.security.keys import KEYS_FILE, KeyStore
from streaming.audio import wav

SPEECH = "Good morning to you all."
VOICEBOX = [sys.executable, "-m", "gateway"]


def voicebox(*words: str, url: str, sent: bytes = b"", **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command against a server."""
    return subprocess.run(
        [*VOICEBOX, *words, "--url", url],
        input=sent,
        capture_output=True,
        timeout=TIMEOUT,
        env={**os.environ, **environ},
    )


def seconds(path: Path) -> float:
    """Return the seconds of audio in a file."""
    with av.open(str(path)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder that is importable from."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def faulty_server() -> Iterator[str]:
    """Run a server that announces more audio than it sends, and answers other routes as no speech server
    would.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_error(404)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("words", "file", "codec"),
    [
        ([], "speech.mp3", "mp3"),
        (["-o", "a.opus"], "a.opus", "opus"),
        (["-o", "b.ogg", "--voice", "nova"], "b.ogg", "opus"),
        (["-o", "c.bin", "--format", "flac"], "c.bin", "flac"),
        (["-o", "d.WAV", "--speed", "2"], "d.WAV", "pcm_s16le"),
    ],
)
def test_say_writes_a_file(server: Server, tmp_path: Path, words: list[str], file: str, codec: str) -> None:
    """The format is the requested one, else that of the file's ending, else mp3; the file is whole, and
    nothing else is left.
    """
    done = voicebox("say", SPEECH, *words, url=server.url)

    assert done.returncode == 0, done.stderr
    assert done.stdout == b""
    assert [path.name for path in tmp_path.iterdir()] == [file]
    with av.open(str(tmp_path / file)) as container:
        assert container.streams.audio[0].codec_context.name.startswith(codec)
    assert 0.5 < seconds(tmp_path / file) < 6


def test_say_tells_what_verifies(server: Server, tmp_path: Path) -> None:
    """`--verify` has the speech verified, and a note tells by what, or why by nothing."""
    done = voicebox("say", SPEECH, "--verify", url=server.url)

    assert done.returncode == 0, done.stderr
    assert re.search(rb"voicebox: verification: \S+", done.stderr)
    assert b"verification" not in voicebox("say", SPEECH, url=server.url).stderr


def test_a_wav_file_has_its_sizes(server: Server, tmp_path: Path) -> None:
    """A WAV file's header has its sizes, though it was received as a stream of unknown length."""
    assert voicebox("say", SPEECH, "-o", "a.wav", url=server.url).returncode == 0
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert 44 + 2 * file.getnframes() == (tmp_path / "a.wav").stat().st_size > 10_000


@given(
    st.sampled_from([b"", wav.header(24_000), wav.header(24_000, 4), wav.header(24_000)[:43]]),
    st.binary(max_size=200),
)
def test_sizes_are_written_into_open_headers_only(begin: bytes, rest: bytes) -> None:
    """Sizes are written into a header that left them open, and into no other file."""
    was, left_open = begin + rest, wav.header(24_000)
    file = io.BytesIO(was)
    wav.fill_in_sizes(file)
    is_open = was.startswith(left_open)
    assert file.getvalue() == (wav.header(24_000, len(was) - 44) + was[44:] if is_open else was)


def test_say_reads_and_writes_pipes(server: Server) -> None:
    """`-` reads the text from standard input and writes audio, and nothing else, to standard output."""
    done = voicebox("say", "-", "-o", "-", "--format", "pcm", url=server.url, sent=SPEECH.encode())

    assert done.returncode == 0
    assert 0.5 < len(done.stdout) / 48000 < 6
    assert re.fullmatch(rb"voicebox: espeak, [\w+-]+, \d+\.\d s in \d+\.\d s\n", done.stderr)


def test_say_replaces_a_file(server: Server, tmp_path: Path) -> None:
    """An existing file is replaced once the new one is whole, through a link too; a device is written to, not
    replaced.
    """
    (tmp_path / "real.mp3").write_bytes(b"old")
    (tmp_path / "link.mp3").symlink_to("real.mp3")

    assert voicebox("say", SPEECH, "-o", "link.mp3", url=server.url).returncode == 0
    assert (tmp_path / "link.mp3").is_symlink()
    assert seconds(tmp_path / "real.mp3") > 0.5
    assert voicebox("say", SPEECH, "--format", "mp3", "-o", "/dev/null", url=server.url).returncode == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["say", SPEECH, "--voice", "alloi"], 1, "alloy"),
        (["say", SPEECH, "--model", "gpt-9"], 1, "gpt-9"),
        (["say", "  "], 2, "no text"),
        (["say", SPEECH, "-o", "x.xyz"], 2, "--format"),
        (["say", SPEECH, "-o", "no/such/folder.mp3"], 1, "cannot write no/such/folder.mp3"),
        (["transcribe", "gone.mp3"], 2, "cannot read gone.mp3"),
        (["transcribe", __file__], 1, "audio"),
        (["transcribe", __file__, "--stream", "--format", "srt"], 2, "--stream"),
    ],
)
def test_refusals_are_one_sentence(
    server: Server, tmp_path: Path, words: list[str], status: int, message: str
) -> None:
    """An error is reported in one sentence with its exit status, and leaves no file."""
    done = voicebox(*words, url=server.url)

    assert done.returncode == status
    assert message in done.stderr.decode()
    assert done.stderr.startswith(b"voicebox: ")
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_broken_answer_leaves_nothing(faulty_server: str, tmp_path: Path) -> None:
    """When the server breaks off, the exit status says so, and an existing file is untouched."""
    (tmp_path / "speech.mp3").write_bytes(b"old")
    done = voicebox("say", SPEECH, url=faulty_server)

    assert done.returncode == 1
    assert b"broke off" in done.stderr
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
    assert b"is --url right?" in voicebox("voices", url=faulty_server).stderr


def test_transcribe(server: Server, tmp_path: Path) -> None:
    """Files and pipes are transcribed into each format, to standard output or a file, whole or streamed."""
    voicebox("say", "One two three four five.", "-o", "in.flac", url=server.url)
    recording = (tmp_path / "in.flac").read_bytes()

    text = voicebox("transcribe", "in.flac", url=server.url).stdout
    assert text.strip()
    assert text.endswith(b"\n")
    assert voicebox("transcribe", "-", url=server.url, sent=recording).stdout == text
    assert voicebox("transcribe", "in.flac", "--stream", url=server.url).stdout.strip() == text.strip()
    assert (
        json.loads(voicebox("transcribe", "in.flac", "--format", "json", url=server.url).stdout)[
            "text"
        ].strip()
        == text.decode().strip()
    )
    assert voicebox("transcribe", "in.flac", "--format", "srt", "-o", "in.srt", url=server.url).stdout == b""
    assert (tmp_path / "in.srt").read_text().startswith("1\n00:00:")


def test_voices_and_models(server: Server) -> None:
    """Lists are tab-separated lines in a pipe, JSON on request, and can be narrowed to an engine or a
    language.
    """
    lines = voicebox("voices", url=server.url).stdout.decode().splitlines()
    german = json.loads(
        voicebox("voices", "--language", "de", "--engine", "espeak", "--json", url=server.url).stdout
    )
    models = json.loads(voicebox("models", "--json", url=server.url).stdout)

    assert {line.split("\t")[0] for line in lines} > {"alloy", "verse", "de"}
    assert all(line.count("\t") == 5 for line in lines)
    assert german
    assert all(any(language.split("-")[0] == "de" for language in voice["languages"]) for voice in german)
    assert {model["id"] for model in models} >= {"tts-1", "whisper-1", "espeak"}


def test_a_closed_pipe_is_no_failure(server: Server) -> None:
    """`voicebox voices | head -1` ends quietly."""
    command = f"{sys.executable} -m gateway voices --url {server.url} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=TIMEOUT)

    assert done.stdout.startswith(b"alloy\t")
    assert done.stderr == b""


def test_a_table_on_a_terminal(server: Server) -> None:
    """On a terminal there are headings and columns."""
    reader, writer = pty.openpty()
    with subprocess.Popen(
        [*VOICEBOX, "models", "--url", server.url], stdout=writer, env={**os.environ, "COLUMNS": "100"}
    ) as process:
        os.close(writer)
        shown = b""
        try:
            while chunk := os.read(reader, 4096):
                shown += chunk
        except OSError:  # Linux says EIO where others say end of file
            pass
        os.close(reader)
        assert process.wait(TIMEOUT) == 0

    assert b"model" in shown
    assert b"owner" in shown
    assert b"\t" not in shown


def test_keys_are_sent(tmp_path: Path) -> None:
    """A key from a flag or the environment is sent; without one the server's refusal is printed."""
    _, secret = KeyStore(tmp_path / "server/data" / KEYS_FILE).create("reader", None)
    with running(tmp_path / "server") as server:
        refused = voicebox("models", url=server.url)
        assert refused.returncode == 1
        assert b"API key" in refused.stderr
        assert voicebox("models", "--api-key", secret, url=server.url).returncode == 0
        assert voicebox("models", url=server.url, VOICEBOX_API_KEY=secret).returncode == 0


def test_play(server: Server, tmp_path: Path) -> None:
    """`--play` pipes audio to an installed player, in a format it plays; without any, the error names players
    to install.
    """
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "aplay").write_text(f"#!/bin/sh\n/bin/cat > {tmp_path}/played\n")
    (tools / "aplay").chmod(0o755)

    played = voicebox("say", SPEECH, "--play", url=server.url, PATH=str(tools))
    assert played.returncode == 0, played.stderr
    assert 0.5 < (tmp_path / "played").stat().st_size / 48000 < 6
    assert not (tmp_path / "speech.mp3").exists()
    decoded = voicebox("say", SPEECH, "--play", "--format", "mp3", url=server.url, PATH=str(tools))
    assert decoded.returncode == 0, decoded.stderr
    assert 0.5 < (tmp_path / "played").stat().st_size / 48000 < 6
    none = voicebox("say", SPEECH, "--play", url=server.url, PATH="/nowhere")
    assert (none.returncode, b"ffplay" in none.stderr) == (1, True)


# A server that the command starts...


def servers_of(command: int) -> list[int]:
    """Return the process ids of servers and workers that a command started, directly or not."""
    found, known = [], {command}
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    for pid in sorted(parents):
        if parents[pid] in known:
            known.add(pid)
            found.append(pid)
    return found


def gone(pids: list[int]) -> bool:
    """Return whether none of the processes runs any more."""
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                return False
        except OSError:
            continue
    return True


def test_the_command_starts_a_server(tmp_path: Path) -> None:
    """Where no server runs on this machine the command starts one, says so, and stops it; the user's keys are
    not needed.
    """
    KeyStore(tmp_path / "data" / KEYS_FILE).create("mine", None)
    url = f"http://127.0.0.1:{free_port()}"
    done = voicebox("say", SPEECH, url=url, VOICEBOX_DATA_DIR=str(tmp_path / "data"))

    assert done.returncode == 0, done.stderr
    assert f"no server runs at {url}; starting one".encode() in done.stderr
    assert seconds(tmp_path / "speech.mp3") > 0.5


def test_no_server_is_started_for_another_machine() -> None:
    """For another machine's address no server is started: the status is 3, and the error names the address."""
    done = voicebox("voices", url=f"http://192.0.2.1.invalid:{free_port()}")
    assert (done.returncode, b"no server answers at http://192.0.2.1.invalid" in done.stderr) == (3, True)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """A mistake in the settings reaches the user."""
    (tmp_path / "bad.yaml").write_text("server: {prot: 1}\n")
    done = voicebox("voices", "--config", "bad.yaml", url=f"http://127.0.0.1:{free_port()}")
    assert (done.returncode, b"bad.yaml:1: server.prot" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)],
    ids=["int", "term", "kill"],
)
def test_an_interrupted_command_leaves_nothing(tmp_path: Path, number: int, status: int) -> None:
    """Ctrl-C, SIGTERM and even kill -9 leave no server, no worker, and no file under its name; the first two
    no partial file either.
    """
    text = "This goes on and on, and nobody listens to it to the end. " * 3000
    command = [*VOICEBOX, "say", "-", "--url", f"http://127.0.0.1:{free_port()}"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        process.stdin.write(text.encode())
        process.stdin.close()
        wait_until(lambda: list(tmp_path.glob("*.part")), "the file has begun")
        pids = servers_of(process.pid)
        assert len(pids) >= 3
        process.send_signal(number)
        assert process.wait(TIMEOUT) == status
        assert process.stderr
        assert b"Traceback" not in process.stderr.read()
    wait_until(lambda: gone(pids), "server and workers are gone")
    time.sleep(0.05)

    assert not (tmp_path / "speech.mp3").exists()
    assert status < 0 or list(tmp_path.iterdir()) == []
