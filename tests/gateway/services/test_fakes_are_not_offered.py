"""Tests that engines made for tests are named to nobody who has not enabled them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from cloning_server import call, clone, create_profile, json_of, refused, short, speak
from servers import TIMEOUT, running

from engines.catalogue.engines import FAKES

NAMED = re.compile(rf"\b(?:{'|'.join(sorted(FAKES))})\b")


def test_no_answer_offers_them(tmp_path: Path) -> None:
    """A voice that nothing here can speak, a name that is none, and what fits a voice: a fake is never offered."""
    with running(tmp_path, {}) as server:
        server.wait_ready()
        cloned = clone(server, short())
        told = [
            refused(speak(server, cloned["id"]), 400, "voice", "voice_not_speakable"),
            json.dumps(json_of(call(server, "GET", f"/voicebox/profiles/{cloned['id']}/engines"))),
            json.dumps(call(server, "POST", "/audio/speech", json={"model": "mimik", "voice": "a", "input": "x"}).json()),
            call(server, "PATCH", f"/voicebox/profiles/{cloned['id']}", json={"engines": ["mimik"]}).text,
            json.dumps(json_of(call(server, "GET", "/models"))),
        ]  # fmt: skip
        assert create_profile(server)

    assert [message for message in told if NAMED.search(message)] == []
    assert "pocket" in told[0]


def test_no_message_of_settings_offers_them(tmp_path: Path) -> None:
    """Names of engines that are wrong in the settings are told with those that somebody can use."""
    config = tmp_path / "config.yaml"
    for text in ("engines: {ton: {enabled: true}}\n", "speech: {engine: mimik}\n", "engines: 5\n"):
        config.write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "config", "check", "--config", str(config)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert done.returncode != 0
        assert "espeak" in done.stderr + done.stdout
        assert not NAMED.search(done.stderr + done.stdout), done.stderr + done.stdout


def test_they_can_still_be_enabled(tmp_path: Path) -> None:
    """Who names one in the settings has it."""
    config = tmp_path / "config.yaml"
    config.write_text("engines: {mimic: {enabled: true}}\n")
    command = [sys.executable, "-m", "gateway", "config", "check", "--config", str(config)]

    assert subprocess.run(command, capture_output=True, timeout=TIMEOUT).returncode == 0
