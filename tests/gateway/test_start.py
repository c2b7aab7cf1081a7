"""Tests of a server that cannot start, or is not let: a sentence, the place, what to do; never a traceback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.security.keys import KEYS_FILE

TIMEOUT = 60
"""seconds until a test gives up; only for liveness"""
ROOT = Path(__file__).parents[2]


def environ(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a user whose home is a folder."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **more}


def serve(
    folder: Path, *args: str, before: tuple[str, ...] = (), variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Return how a server ended that does not start."""
    command = [*before, sys.executable, "-m", "gateway", "serve", "--log-format", "console", *args]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=environ(folder, **(variables or {})),
        cwd=folder,
        check=False,
    )


def explained(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """Check that a server said what is wrong in words of ours, and ended with a status."""
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("voicebox: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_taken_port(tmp_path: Path, processes: str) -> None:
    """A port that another program has is named, with what to do, and nothing of uvicorn's."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = serve(tmp_path, "--port", port, "--workers", processes)
    explained(done, 1, port, "another program listens there", "--port")
    assert "Errno" not in done.stderr


@pytest.mark.parametrize(
    ("host", "words"), [("192.0.2.1", "no such address"), ("no-such-host.invalid", "no address is known")]
)
def test_an_address_that_cannot_be_had(tmp_path: Path, host: str, words: str) -> None:
    """An address that this machine has not, and a name that nobody knows, are told as that."""
    explained(serve(tmp_path, "--host", host, "--port", "0", "--no-auth"), 1, host, words, "server.host")


def test_a_ready_file_without_a_folder(tmp_path: Path) -> None:
    """A ready file whose folder is not there keeps the server from starting, by its name."""
    done = serve(tmp_path, "--port", "0", "--ready-file", str(tmp_path / "nowhere" / "ready.json"))
    explained(done, 1, "nowhere", "--ready-file")


@pytest.mark.parametrize(
    ("name", "value", "setting"),
    [
        ("VOICEBOX_DATA_DIR", "~no-such-user/data", "data_dir"),
        ("VOICEBOX_AUTH__FILE", "~no-such-user/keys.json", "auth.file"),
        ("VOICEBOX_MODELS__FOLDER", "~no-such-user", "models.folder"),
        ("VOICEBOX_VOICES__DATABASE", "mysql://host/voices", "voices.database"),
        ("VOICEBOX_TELEMETRY__OTLP_ENDPOINT", "collector:4318", "telemetry.otlp_endpoint"),
    ],
)
def test_settings_that_lead_nowhere(tmp_path: Path, name: str, value: str, setting: str) -> None:
    """Paths of users who are not there, and URLs of another kind, are named with their setting and its source."""
    explained(serve(tmp_path, "--port", "0", variables={name: value}), 2, setting, name)


def test_a_file_setting_that_is_no_name(tmp_path: Path) -> None:
    """A path with a NUL in it is a mistake in its line of the file."""
    config = tmp_path / "config.yaml"
    config.write_text('log: {}\ndata_dir: "a\\0b"\n')
    explained(serve(tmp_path, "--port", "0", "--config", str(config)), 2, "config.yaml:2", "data_dir")


def test_no_home(tmp_path: Path) -> None:
    """Without HOME, for a user whom the system does not know, the server says so, and no folder `~` is made."""
    hidden = ("unshare", "--user", "--map-user=54321", "env", "-u", "HOME")
    if not shutil.which("unshare") or subprocess.run([*hidden, "true"], check=False).returncode:
        pytest.skip("this system lets nobody be a user whom it does not know (unshare --user)")
    done = serve(tmp_path, "--port", "0", before=hidden)
    explained(done, 2, "HOME", "data_dir")
    assert not (tmp_path / "~").exists()


def test_a_damaged_key_file(tmp_path: Path) -> None:
    """A key file that cannot be understood keeps the server from starting, by its name, in one line."""
    (tmp_path / KEYS_FILE).write_text('{"keys": [')
    done = serve(tmp_path, "--port", "0", variables={"VOICEBOX_DATA_DIR": str(tmp_path)})
    explained(done, 1, KEYS_FILE, "is damaged")
    assert len(done.stderr.splitlines()) == 1


START = """
import sys
from gateway.__main__ import main
print("begun", flush=True)
sys.argv = ["voicebox", "serve", "--port", "0", "--log-format", "console"]
sys.exit(main())
"""


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.6, 0.9, 1.2])
def test_ctrl_c_while_it_starts(tmp_path: Path, delay: float) -> None:
    """Ctrl-C at any moment of the start ends it without a traceback: with 130, or 0 once it listens."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", START]
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=environ(tmp_path), cwd=tmp_path
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=TIMEOUT)
    assert process.returncode == (0 if "listening" in said else 130), said
    assert "Traceback" not in said


EARLY = """
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from gateway.__main__ import main

class Watch(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "litestar":
            sys.meta_path.remove(self)
            tasks = Path("/proc/self/task").glob("*/children")
            for child in [pid for task in tasks for pid in task.read_text().split()]:
                print(Path(f"/proc/{child}/cmdline").read_text().replace("\\0", " "), flush=True)

sys.meta_path.insert(0, Watch())
sys.argv = ["voicebox", "serve", "--port", "0", "--host", "0.0.0.0"]
sys.exit(main())
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_the_voice_starts_while_the_server_is_loaded(tmp_path: Path) -> None:
    """When the server begins to load what serves HTTP, the worker of the voice has been launched; and a server that
    may not start after all leaves neither worker nor folder behind.
    """
    done = subprocess.run(
        [sys.executable, "-c", EARLY],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=environ(tmp_path, TMPDIR=str(tmp_path)),
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    workers = [line for line in done.stdout.splitlines() if "engines.worker" in line]
    assert workers
    assert all(tmp_path.as_posix() in line for line in workers)
    assert not list(tmp_path.glob("voicebox-*"))
