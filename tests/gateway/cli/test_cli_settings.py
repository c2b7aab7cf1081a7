"""Tests of commands that talk to a server, and settings that cannot be used: nobody talks to another server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from servers import TIMEOUT
from terminal import VOICEBOX

COMMANDS = (
    ("say", "Hello."),
    ("transcribe", "talk.wav"),
    ("voices",),
    ("voices", "show", "alloy"),
    ("voices", "aliases", "list"),
    ("clone", "Anna", "anna.wav"),
    ("models",),
    ("models", "pull", "kokoro"),
    ("models", "load", "kokoro"),
    ("cache", "clear"),
)


@pytest.mark.parametrize("words", COMMANDS)
def test_settings_that_cannot_be_used(tmp_path: Path, words: tuple[str, ...]) -> None:
    """With a mistake in the settings a command says so and does nothing, whatever the environment adds."""
    (tmp_path / "config.yaml").write_text("server: {prot: 9000}\n")
    environ = {**os.environ, "VOICEBOX_SERVER__PORT": "8300", "PYTHONPATH": str(Path(__file__).parents[3])}
    environ.pop("VOICEBOX_URL", None)
    done = subprocess.run(
        [*VOICEBOX, *words], capture_output=True, text=True, cwd=tmp_path, env=environ, timeout=TIMEOUT
    )

    assert done.returncode == 2
    assert "the settings cannot be used" in done.stderr
    assert "prot" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
