"""Tests of a server in a folder that has packages of our names: the program and its children use their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from servers import TIMEOUT, Server, running

NAMES = ("compat", "conformance", "engines", "streaming", "voices")


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Create a folder with packages of our names, which fail to import."""
    folder = tmp_path / "foreign"
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise RuntimeError('not our {name}')\n")
    return folder


def speak(server: Server) -> bytes:
    with server.sdk().audio.speech.with_streaming_response.create(
        model="espeak", voice="alloy", input="One, two, three.", response_format="mp3"
    ) as answer:
        return answer.read()


@pytest.mark.parametrize("args", [(), ("--workers", "2")], ids=["one process", "several"])
def test_a_server_speaks_and_transcribes(foreign: Path, tmp_path: Path, args: tuple[str, ...]) -> None:
    """Workers, encoder processes and further gateway processes all start there, once each."""
    config = {"speech": {"coders": 1}}
    with running(tmp_path / "server", config, args, cwd=foreign) as server:
        audio = speak(server)
        transcript = server.sdk().audio.transcriptions.create(model="pocketsphinx", file=("a.mp3", audio))
        assert len(audio) > 1000
        assert transcript.text
        assert "not our" not in server.log_path.read_text()


def test_a_server_for_one_call(foreign: Path, tmp_path: Path) -> None:
    """`voicebox say` without a server starts one there."""
    command = [sys.executable, "-m", "gateway", "say", "--output", str(tmp_path / "a.wav"), "One, two."]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, cwd=foreign)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.wav").stat().st_size > 1000
