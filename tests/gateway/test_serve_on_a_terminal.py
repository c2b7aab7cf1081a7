"""Tests of what `voicebox serve` says: sentences on a terminal, JSON to machines, each at its level."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx2 as httpx
import pytest
from servers import TIMEOUT, Server, running, wait_until
from terminal import VOICEBOX, on_terminal, open_terminal, plain, terminal_environ

from gateway.security.keys import KEYS_FILE, KeyStore

SETTINGS = "engines: {tone: {enabled: true}, hibari: {enabled: false}}\n"


class OnTerminal:
    """A server on a terminal, and what it has written there."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int, ready: Path) -> None:
        self.process = process
        self._terminal = terminal
        self._ready = ready
        self._written = b""
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while chunk := os.read(self._terminal, 4096):
                self._written += chunk
        except OSError:  # Linux says EIO where others say end of file
            pass

    @property
    def text(self) -> str:
        """All that it has written."""
        return plain(self._written.decode("utf-8", "replace"))

    @property
    def raw(self) -> bytes:
        """The same with a terminal's escapes."""
        return self._written

    @property
    def url(self) -> str:
        """Its address."""
        return str(json.loads(self._ready.read_text())["url"])

    def say(self, text: str, model: str = "tone") -> int:
        """Return the status of a request to speak, 0 where the answer broke off."""
        body = {"model": model, "input": text, "voice": "alloy"}
        try:
            return httpx.post(f"{self.url}/v1/audio/speech", json=body, timeout=TIMEOUT).status_code
        except httpx.RemoteProtocolError:
            return 0


@contextmanager
def serving(folder: Path, *words: str, columns: int = 80, **environ: str) -> Iterator[OnTerminal]:
    """Run a server on a terminal for the block."""
    ours, theirs = open_terminal(columns)
    ready = folder / "ready.json"
    (folder / "own.yaml").write_text(SETTINGS)
    command = [
        *VOICEBOX,
        "serve",
        "--port",
        "0",
        "--config",
        str(folder / "own.yaml"),
        "--ready-file",
        str(ready),
    ]
    variables = terminal_environ(VOICEBOX_DATA_DIR=str(folder / "data"), **environ)
    with subprocess.Popen(
        [*command, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=variables
    ) as process:
        os.close(theirs)
        server = OnTerminal(process, ours, ready)
        try:
            wait_until(lambda: ready.exists() or process.poll() is not None, "it listens")
            wait_until(lambda: status_of(f"{server.url}/readyz") == 200, "it is ready")
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(TIMEOUT)
            os.close(ours)


def status_of(url: str) -> int:
    """Return the status of a GET; 0 for one that is refused."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            return int(answer.status)
    except OSError:
        return 0


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_banner(tmp_path: Path, columns: int) -> None:
    """On a terminal the server says where it listens, who speaks and hears, whether keys are needed, and what to
    do next, in lines that fit.
    """
    with serving(tmp_path, columns=columns) as server:
        wait_until(lambda: "Ctrl-C" in server.text, "the banner is whole")
        text = server.text
        url = server.url

    assert f"is listening at {url}" in " ".join(text.split())
    for words in (
        "tone",
        "espeak",
        "pocketsphinx",
        "none needed",
        "voicebox say",
        f"{url}/schema",
        f"{url}/v1",
    ):
        assert words in text
    banner = text.partition("Ctrl-C")[0].splitlines()
    assert max(len(line) for line in banner if " " in line.strip()) <= columns
    assert '"event"' not in text


def test_what_happens_is_told_in_sentences(tmp_path: Path) -> None:
    """What was spoken, refused and broken off are sentences, with the levels that they deserve."""
    with serving(tmp_path) as server:
        assert server.say("One two three four five.") == 200
        assert server.say("One.", "nosuch") == 404
        assert server.say("[fail]") == 500
        words = " ".join(["word"] * 30)
        server.say(f"{words}. [fail-after 1] {words}.")
        wait_until(lambda: "broke off" in server.text, "all has been told")
        assert status_of(f"{server.url}/v1/models") == 200
        wait_until(lambda: "/v1/models: 200" in server.text, "that has been told")
        text = server.text

    assert re.search(r"^\d\d:\d\d:\d\d spoke 0\.\d s in .*s \(tone, .*mp3\)$", text, re.MULTILINE)
    assert re.search(
        r"^\d\d:\d\d:\d\d speech refused with 404: The model `nosuch` does not exist", text, re.MULTILINE
    )
    assert re.search(r"^\d\d:\d\d:\d\d error: speech failed with 500: .*\[req_", text, re.MULTILINE)
    assert re.search(r"^\d\d:\d\d:\d\d error: speech broke off: .*\[req_", text, re.MULTILINE)
    assert "UnknownModel" not in text
    assert "stopping (SIGINT)" in server.text


def test_keys_that_are_needed_are_told(tmp_path: Path) -> None:
    """With keys the banner says so, and never shows one."""
    secret = KeyStore(tmp_path / "data" / KEYS_FILE).create("laptop", None)[1]
    with serving(tmp_path) as server:
        wait_until(lambda: "Ctrl-C" in server.text, "the banner is whole")
        assert "needed; 1 good" in server.text
        assert secret not in server.text


def test_colours_can_be_refused(tmp_path: Path) -> None:
    """With NO_COLOR nothing but text is written."""
    with serving(tmp_path, NO_COLOR="1") as server:
        assert server.say("[fail]") == 500
        wait_until(lambda: "failed" in server.text, "that has been told")
        assert b"\x1b" not in server.raw


def test_machines_get_json_on_a_terminal_too(tmp_path: Path) -> None:
    """With `--log-format json` every line is JSON, whatever it is written to."""
    with serving(tmp_path, "--log-format", "json") as server:
        wait_until(lambda: '"listening"' in server.text, "it says that it listens")
        lines = server.text.splitlines()
    assert {json.loads(line)["level"] for line in lines if line.startswith("{")} <= {"info", "warning"}
    assert not [line for line in lines if line and not line.startswith("{")]


def test_levels(tmp_path: Path) -> None:
    """In JSON what the server failed at is an error, what its caller did wrong information."""
    with running(tmp_path, {"engines": {"tone": {"enabled": True}}}) as server:
        levels = {text: level_of(server, text) for text in ("One.", "[fail]")}
        httpx.post(
            f"{server.base_url}/audio/speech", json={"model": "nosuch", "input": "x", "voice": "alloy"}
        )
        httpx.post(
            f"{server.base_url}/audio/speech", json={"model": "tone", "input": "[crash]", "voice": "alloy"}
        )
        wait_until(lambda: any(line["event"] == "worker died" for line in server.lines()), "a death is told")
        refused = [line for line in server.requests() if line["outcome"] == "refused"]
        died = [line for line in server.lines() if line["event"] == "worker died"]

    assert levels == {"One.": "info", "[fail]": "error"}
    assert [line["level"] for line in refused] == ["info"]
    assert {line["level"] for line in died} == {"warning"}


def level_of(server: Server, text: str) -> str:
    """Return the level of the line of a request to speak."""
    body = {"model": "tone", "input": text, "voice": "alloy"}
    id = httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=TIMEOUT).headers["x-request-id"]
    wait_until(lambda: any(line["id"] == id for line in server.requests()), "its line is written")
    return str(next(line["level"] for line in server.requests() if line["id"] == id))


def test_a_taken_port_on_a_terminal() -> None:
    """A port that is taken is a sentence, and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        status, text = on_terminal("serve", "--port", port)
    assert status == 1
    assert text.startswith("voicebox: ")
    assert port in text
    assert "another program listens there" in " ".join(text.split())


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    """A folder given as settings is told as that, with the file in it that was meant."""
    for words in (["serve"], ["config", "check"], ["models", "available"]):
        status, text = on_terminal(*words, "--config", str(tmp_path), columns=200)
        assert status == 2
        assert "is a folder" in text
        assert "no such file" not in text
    (tmp_path / "config.yaml").write_text("{}")
    assert str(tmp_path / "config.yaml") in on_terminal("serve", "--config", str(tmp_path), columns=200)[1]
