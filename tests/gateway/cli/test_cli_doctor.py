"""Tests of the commands `doctor` and `serve`, and of `--help`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from servers import TIMEOUT, Server, wait_until
from terminal import on_terminal

from gateway.cli import machine_checks
from gateway.cli.parser import make_parser
from gateway.security.keys import KEYS_FILE, KeyStore

VOICEBOX = [sys.executable, "-m", "gateway"]


def doctor(tmp_path: Path, settings: str = "", **environ: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run `doctor` with settings of its own; return its exit status, and its checks by `area: name`."""
    config = tmp_path / "doctor.yaml"
    config.write_text(settings or "server: {port: 0}\n")
    environ = {**os.environ, "VOICEBOX_DATA_DIR": str(tmp_path / "data"), **environ}
    done = subprocess.run(
        [*VOICEBOX, "doctor", "--json", "--config", str(config)],
        capture_output=True,
        timeout=TIMEOUT,
        env=environ,
    )
    assert b"Traceback" not in done.stderr
    return done.returncode, {f"{check['area']}: {check['name']}": check for check in json.loads(done.stdout)}


def test_a_healthy_machine(tmp_path: Path) -> None:
    """On a machine in order workers start, all checks pass, and the status is 0."""
    status, checks = doctor(tmp_path)

    assert status == 0, checks
    assert checks["python: version"]["state"] == "ok"
    assert checks["package: all"]["state"] == "ok"
    assert checks["quality: good ear"]["found"]
    assert checks["memory: free"]["found"]
    assert checks["disk: data"]["found"]
    assert checks["models: here"]["found"]
    assert checks["server: running"]["found"]
    assert len([name for name in checks if name.startswith("package")]) == 1
    assert checks["worker: espeak"]["state"] == "ok"
    assert checks["worker: pocketsphinx"]["state"] == "ok"
    assert checks["device: cpu"]["found"]


def test_faults_come_with_a_remedy(tmp_path: Path, server: Server) -> None:
    """A port in use, keys that are all revoked, and a damaged key file are each reported with a remedy, and
    the status is 1.
    """
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        store = KeyStore(tmp_path / "data" / KEYS_FILE)
        store.create("only", None)
        store.revoke("only")
        status, checks = doctor(
            tmp_path,
            f"server: {{port: {occupied.getsockname()[1]}}}\nengines: {{espeak: {{enabled: false}}}}\n",
        )

    port = next(check for name, check in checks.items() if name.startswith("port:"))
    assert status == 1
    assert (port["state"], port["mend"]) == ("missing", "voicebox serve --port 8001")
    assert checks["data: keys"]["mend"] == "voicebox keys create NAME"
    assert "worker: espeak" not in checks

    store.path.write_text("{")
    status, checks = doctor(
        tmp_path, f"server: {{port: {server.port}}}\nengines: {{espeak: {{enabled: false}}}}\n"
    )
    assert status == 1
    assert checks["data: keys"]["state"] == "missing"
    assert checks[f"port: 127.0.0.1:{server.port}"]["found"] == "a Voicebox Gateway runs there"


def test_problems_come_first_with_what_to_do(tmp_path: Path) -> None:
    """On a terminal of any width what is wrong stands first, each with what mends it, then what is in order; the
    end says what is next, and the status is 1.
    """
    config = tmp_path / "doctor.yaml"
    keys = tmp_path / "data" / KEYS_FILE
    keys.parent.mkdir()
    keys.write_text("{")
    for columns in (60, 120):
        with socket.create_server(("127.0.0.1", 0)) as occupied:
            config.write_text(
                f"server: {{port: {occupied.getsockname()[1]}}}\nengines: {{espeak: {{enabled: false}}}}\n"
            )
            status, text = on_terminal(
                "doctor", "--config", str(config), columns=columns, VOICEBOX_DATA_DIR=str(keys.parent)
            )
        report = text[text.index("Wrong, and needed") :]
        wrong, _, rest = report.partition("In order:")
        assert status == 1
        assert "data keys" in wrong
        assert "-> voicebox serve --port 8001" in wrong
        assert "python version" in rest
        assert "Next: mend" in " ".join(rest.split())
        assert "package" in rest
        assert max(len(line) for line in rest.splitlines() if len(line.split()) > 4) <= columns


def test_a_running_server_is_asked(tmp_path: Path, server: Server) -> None:
    """Where a server runs, its own engines are reported, and none is started beside."""
    status, checks = doctor(tmp_path, f"server: {{port: {server.port}}}\n")
    assert status == 0, checks
    assert server.url in checks["server: running"]["found"]
    assert checks["worker: espeak"]["found"] in ("is ready", "rests until it is wanted")


def test_models_that_cannot_run_are_told(tmp_path: Path) -> None:
    """A model that is here in part, or is switched off, is told with what to do, and one that runs beside it."""
    model = 'models: {each: {"faster-whisper-tiny.en": {enabled: false}}}\n'
    status, checks = doctor(tmp_path, f"server: {{port: 0}}\n{model}")
    assert status == 0, checks
    assert "models.each" in checks["models: faster-whisper-tiny.en"]["mend"]
    assert checks["quality: good ear"]["state"] == "note"
    assert "models pull" in checks["quality: good ear"]["mend"]


def test_intels_gpus_tell_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an Intel GPU that models may use it is told that nobody knows its free memory."""
    monkeypatch.setattr(machine_checks, "devices", lambda: frozenset({"cpu", "xpu"}))
    found = {check.name: check for check in machine_checks._devices()}
    assert "nobody tells its free memory" in found["xpu"].found
    assert "gpu" not in found


def test_wrong_settings(tmp_path: Path) -> None:
    """A mistake in the settings is reported, and nothing is started with such settings."""
    status, checks = doctor(tmp_path, "server: {prot: 1}\n")

    assert status == 1
    assert "server.prot" in checks["settings: file"]["found"]
    assert not [name for name in checks if name.startswith("worker")]


def test_a_server_stops_with_its_standard_input(tmp_path: Path) -> None:
    """With --stop-with-stdin the server ends when its standard input closes."""
    ready = tmp_path / "ready.json"
    command = [*VOICEBOX, "serve", "--port", "0", "--stop-with-stdin", "--ready-file", str(ready)]
    environ = {**os.environ, "VOICEBOX_DATA_DIR": str(tmp_path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ) as process:
        wait_until(lambda: ready.exists() or process.poll() is not None, "it listens")
        assert json.loads(ready.read_text())["pid"] == process.pid
        assert process.stdin
        process.stdin.close()
        assert process.wait(TIMEOUT) == 0


@pytest.mark.parametrize(
    "words",
    [["serve", "--port", "x"], ["voices", "--url", "localhost"], ["nonsense"], ["keys", "nonsense"]],
)
def test_wrong_usage(words: list[str]) -> None:
    """Wrong usage ends with status 2 and a usage line."""
    done = subprocess.run([*VOICEBOX, *words], capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stderr.startswith("usage: voicebox")) == (2, True)


def test_every_command_can_be_imported() -> None:
    """Each command of the parser names a function that exists, and has a help text."""
    names = [
        "serve",
        "say x",
        "transcribe x",
        "voices",
        "models",
        "keys create x",
        "keys list",
        "keys revoke x",
        "config check",
        "config show",
        "doctor",
    ]
    for name in names:
        args = make_parser().parse_args(name.split())
        module, _, function = args.command.partition(":")
        assert callable(getattr(__import__(module, fromlist=[function]), function))
    assert "exit status" in make_parser().format_help()
