"""A run of the tests that ends early leaves nothing behind, and a test that fails says what servers answered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_runs import ROOT, environ, pytest_command
from servers import TIMEOUT, parent_of, wait_until

HANGS = """
import json, time
from pathlib import Path
from servers import running

def test_hangs(tmp_path):
    engines = {"tone": {"enabled": True}, "espeak": {"enabled": False}, "pocketsphinx": {"enabled": False}}
    with running(tmp_path / "server", {"engines": engines}) as server:
        pids = [server.process.pid, *server.worker_pids()]
        Path(PIDS).with_suffix(".part").write_text(json.dumps(pids))
        Path(PIDS).with_suffix(".part").rename(PIDS)
        time.sleep(3600)
"""
FAILS = """
import httpx2

URL = "http://127.0.0.1:1/"

def answer(status):
    request = httpx2.Request("GET", URL)
    return httpx2.Response(status, json={"error": {"message": f"reason {status}"}}, request=request)

def test_one():
    assert answer(418).status_code == 200

def test_several():
    answers = [answer(200), answer(503)]
    assert [one.status_code for one in answers] == [200, 200]

def test_by_status():
    refused = answer(409)
    status = refused.status_code
    assert status == 200
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parents")
@pytest.mark.parametrize(
    ("number", "processes"),
    [
        (signal.SIGINT, "0"),
        (signal.SIGTERM, "0"),
        (signal.SIGINT, "2"),
        (signal.SIGTERM, "2"),
        (signal.SIGKILL, "2"),
    ],
)
def test_nothing_is_left(tmp_path: Path, number: signal.Signals, processes: str) -> None:
    """Ctrl-C, SIGTERM and even kill -9 leave no gateway and no worker, whether tests run in one process or several."""
    pids = tmp_path / "pids.json"
    file = tmp_path / "test_hangs.py"
    file.write_text(HANGS.replace("PIDS", repr(str(pids))))
    command = pytest_command(file, "-q", "--numprocesses", processes, "--dist", "worksteal")
    log = tmp_path / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdout=output, stderr=output, env=environ(), cwd=ROOT, process_group=0
        ) as process,
    ):
        wait_until(lambda: pids.exists() or process.poll() is not None, "the server runs", 2 * TIMEOUT)
        assert pids.exists(), log.read_text()
        started = json.loads(pids.read_text())
        assert len(started) >= 3
        if number is signal.SIGINT:  # a terminal signals all that it runs
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        assert process.wait(TIMEOUT) != 0
        wait_until(lambda: not [pid for pid in started if parent_of(pid) is not None], "all have ended")


def test_answers_are_shown(tmp_path: Path) -> None:
    """Where an assertion on a status fails, the report has the answer's body, wherever the test kept that."""
    file = tmp_path / "test_fails.py"
    file.write_text(FAILS)
    command = pytest_command(file, "--numprocesses", "0")
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=2 * TIMEOUT, env=environ(), cwd=ROOT
    )

    assert "3 failed" in done.stdout, done.stdout + done.stderr
    for status in (418, 503, 409):
        assert f"reason {status}" in done.stdout
