"""Tests of commands that are given incompletely or wrongly: a list or help is shown, or that command's own usage."""

from __future__ import annotations

import io
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from servers import TIMEOUT, Server, running, wait_until
from terminal import VOICEBOX

from gateway.cli.parser import make_parser

GROUPS = ((), ("cache",), ("config",), ("voices", "samples"))
LISTS = (("keys",), ("voices", "aliases"), ("voices", "consents"), ("engines",))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server without anything in its library."""
    config = {"engines": {"tone": {"enabled": True}, "espeak": {"enabled": True}}}
    with running(tmp_path_factory.mktemp("plain"), config) as server:
        yield server


def voicebox(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a data folder of its own."""
    variables = {
        **os.environ,
        "VOICEBOX_DATA_DIR": str(folder / "data"),
        "PYTHONPATH": str(Path(__file__).parents[3]),
        **environ,
    }
    return subprocess.run(
        [*VOICEBOX, *words], capture_output=True, text=True, timeout=TIMEOUT, env=variables, cwd=folder
    )


@pytest.mark.parametrize("words", GROUPS)
def test_a_group_of_commands_shows_its_help(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A command that only has commands below it, and no list of anything, shows its help."""
    done = voicebox(tmp_path, *words)
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {' '.join(['voicebox', *words])}")
    assert "commands:" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("words", LISTS)
def test_a_group_with_a_list_shows_it(server: Server, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A command that has a list below it shows that, and what fills it where it is empty."""
    by_itself = voicebox(tmp_path, *words, VOICEBOX_URL=server.url)
    listed = voicebox(tmp_path, *words, "list", VOICEBOX_URL=server.url)
    assert by_itself.returncode == listed.returncode == 0
    assert (by_itself.stdout, by_itself.stderr) == (listed.stdout, listed.stderr)
    assert by_itself.stdout or f"voicebox {' '.join(words)}" in by_itself.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("say", "Hi."),
        ("keys", "list"),
        ("keys",),
        ("voices", "aliases", "list"),
        ("models", "available"),
        ("voices",),
        ("models", "delete", "kokoro"),
    ],
)
def test_what_is_not_known_is_told_by_its_command(words: tuple[str, ...]) -> None:
    """An unknown option is told with the usage of the command that it was given to."""
    said = io.StringIO()
    with redirect_stderr(said), pytest.raises(SystemExit) as ended:
        make_parser().parse_args([*words, "--frobnicate"])
    assert ended.value.code == 2
    names = [word for word in words if word not in ("Hi.", "kokoro")]
    assert said.getvalue().startswith(f"usage: {' '.join(['voicebox', *names])} ")


def test_the_flag_is_named(tmp_path: Path) -> None:
    """A flag with a value that it cannot have is told by its own name."""
    done = voicebox(tmp_path, "serve", "--workers", "0")
    assert done.returncode == 2
    assert "--workers" in done.stderr
    assert "override" not in done.stderr


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_server_of_ours_at_the_port(
    server: Server, tmp_path: Path, processes: str, log_format: str
) -> None:
    """Where a Voicebox Gateway listens already another says so, as an error."""
    done = voicebox(
        tmp_path,
        "serve",
        "--port",
        str(server.port),
        "--workers",
        processes,
        "--log-format",
        log_format,
    )
    assert done.returncode == 1
    assert "a Voicebox Gateway runs there already" in done.stderr
    if log_format == "json":
        assert [json.loads(line)["level"] for line in done.stderr.splitlines()] == ["error"]


@pytest.mark.parametrize("language", ["de", "de-DE", "de-AT", "German", "german"])
def test_languages_of_voices(server: Server, tmp_path: Path, language: str) -> None:
    """`voices --language` takes a language as `say` does: its tag, that of a country's variety, or its name."""
    done = voicebox(
        tmp_path, "voices", "--engine", "espeak", "--language", language, "--json", "--url", server.url
    )
    assert done.returncode == 0, done.stderr
    languages = {tag for voice in json.loads(done.stdout) for tag in voice["languages"]}
    assert "de" in languages
    assert not [tag for tag in languages if not tag.startswith("de")]


def test_tls_where_none_is_spoken(server: Server, tmp_path: Path) -> None:
    """With https where plain HTTP is spoken a command says so, and starts no server of its own."""
    for words in (("say", "Hi."), ("models", "pull", "kokoro"), ("models", "delete", "kokoro")):
        done = voicebox(tmp_path, *words, "--url", f"https://127.0.0.1:{server.port}")
        assert done.returncode == 3
        assert "http://, not https://" in done.stderr
        assert "starting" not in done.stderr


class Locked(BaseHTTPRequestHandler):
    """A server that knows no key, or no model."""

    status = 401

    def _answer(self) -> None:
        status = 200 if self.path == "/livez" else self.status
        body = json.dumps(
            {"error": {"message": "Incorrect API key provided.", "type": "x", "code": None}}
        ).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.mark.parametrize("action", ["pull", "delete"])
def test_a_wrong_key_for_work_on_models(tmp_path: Path, action: str) -> None:
    """A key that was given and is wrong is told as that, and nothing is done without it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Locked) as locked:
        threading.Thread(target=locked.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{locked.server_port}"
        done = voicebox(tmp_path, "models", action, "kokoro", "--url", url, "--api-key", "wrong")
        locked.shutdown()
    assert done.returncode == 1
    assert "This key is none of the server's" in done.stderr
    assert "without" not in done.stderr


def test_waiting_for_a_model_fills_no_log(tmp_path: Path) -> None:
    """Who asks again and again how far a model is leaves no line for each time."""
    with running(tmp_path) as server:
        for _ in range(3):
            with suppress(OSError):
                voicebox(tmp_path, "models", "load", "kokoro", "--url", server.url)
            assert server.sdk().get("/voicebox/models/kokoro", cast_to=object)
        assert server.sdk().get("/voicebox/models", cast_to=object)
        wait_until(
            lambda: [line for line in server.requests() if line["route"].endswith("models")], "that is told"
        )
        asked = [line for line in server.requests() if line["method"] == "GET"]
    assert [line["route"] for line in asked] == ["/v1/voicebox/models"]
