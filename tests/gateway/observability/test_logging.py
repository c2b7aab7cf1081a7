"""Tests of log lines: one form for our own and for those of uvicorn and other libraries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import logging, sys
from gateway.config.settings import LogSettings
from gateway.observability.logging import UNFINISHED, configure

log = configure(LogSettings(level=sys.argv[1], format=sys.argv[2]))
log = configure(LogSettings(level=sys.argv[1], format=sys.argv[2]))  # twice, and each line is still written once
log.info("ours", answer=42)
logging.getLogger("uvicorn.error").info("Started server process")
logging.getLogger("uvicorn.error").warning("Invalid %s request received.", "HTTP")
logging.getLogger("uvicorn.error").error(UNFINISHED)
logging.getLogger("asyncio").error("Task was %s", "destroyed")
try:
    secret = "a user's text"
    raise ValueError("wrong")
except ValueError:
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
"""


def log_lines(level: str, form: str) -> list[str]:
    """Return the lines that a process writes to stderr."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, level, form], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_json() -> None:
    """Each record is one JSON object: our own fields first, then event, level and timestamp; libraries add `source`."""
    lines = [json.loads(line) for line in log_lines("info", "json")]
    assert [list(line) for line in lines[:3]] == [
        ["answer", "event", "level", "timestamp"],
        ["source", "event", "level", "timestamp"],
        ["source", "event", "level", "timestamp"],
    ]
    assert [(line.get("source"), line["event"], line["level"]) for line in lines] == [
        (None, "ours", "info"),
        ("uvicorn.error", "Invalid HTTP request received.", "warning"),
        ("asyncio", "Task was destroyed", "error"),
        ("uvicorn.error", "Exception in ASGI application", "error"),
    ]
    (fault,) = lines[-1]["exception"]
    assert fault["exc_type"] == "ValueError"
    assert "a user's text" not in json.dumps([frame.get("locals") for frame in fault["frames"]])


def test_level() -> None:
    """The level holds for libraries too, which never log less than warnings."""
    assert [json.loads(line)["level"] for line in log_lines("error", "json")] == ["error", "error"]
    assert [json.loads(line)["level"] for line in log_lines("debug", "json")] == [
        "info",
        "warning",
        "error",
        "error",
    ]


@pytest.mark.parametrize("form", ["console", "auto"])
def test_console(form: str) -> None:
    """On the console a library's line has the form of ours; `auto` writes JSON where there is no terminal."""
    text = "\n".join(log_lines("info", form))
    assert ("\x1b" in text) is False
    assert ("source=uvicorn.error" in text) is (form == "console")
    assert ('"source": "uvicorn.error"' in text.replace('":"', '": "')) is (form == "auto")
