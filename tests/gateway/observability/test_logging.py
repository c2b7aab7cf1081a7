"""Tests of log lines: one form for our own and for those of uvicorn and other libraries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HOSTILE = """
import logging, sys, warnings
from gateway.config.settings import LogSettings
from gateway.observability.logging import configure

log = configure(LogSettings(level="info", format=sys.argv[2]))
log.info("request", route="/v1/\\x1b[31mred\\x1b[0m\\x9b\\u202e", mapped=["a\\x1bb"], ok="plain Grüße 名")

def check(key):
    text = "nobody may read " + key
    raise ValueError("bad \\x1b[2J")

try:
    check("sk-" + "secret")
except ValueError as exc:
    log.error("unexpected failure", exc_info=exc)
    logging.getLogger("library").exception("a library \\x1b failed")
warnings.warn("deprecated")
library = logging.getLogger("hub")
library.addHandler(logging.StreamHandler())
library.propagate = False
library.warning("with a handler of its own")
print("printed", file=sys.stderr)
logging.getLogger("uvicorn.error").warning("Unsupported upgrade request.")
logging.getLogger("uvicorn.error").warning("No supported WebSocket library detected. Please use pip install.")
"""
SCRIPT = """
import logging, sys
from gateway.config.settings import LogSettings
from gateway.observability.logging import TOLD_OTHERWISE, configure

log = configure(LogSettings(level=sys.argv[1], format=sys.argv[2]))
log = configure(LogSettings(level=sys.argv[1], format=sys.argv[2]))  # twice, and each line is still written once
log.info("ours", answer=42)
logging.getLogger("uvicorn.error").info("Started server process")
logging.getLogger("uvicorn.error").warning("Invalid %s request received.", "HTTP")
for message in TOLD_OTHERWISE:
    logging.getLogger("uvicorn.error").error(message)
logging.getLogger("asyncio").error("Task was %s", "destroyed")
try:
    secret = "a user's text"
    raise ValueError("wrong")
except ValueError:
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
"""


def log_lines(level: str, form: str, script: str = SCRIPT) -> list[str]:
    """Return the lines that a process writes to stderr."""
    done = subprocess.run(
        [sys.executable, "-c", script, level, form], capture_output=True, text=True, timeout=60, check=True
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


def test_what_others_wrote_is_escaped() -> None:
    """No control character of a caller's or a library's reaches a terminal; letters of all scripts do."""
    text = "\n".join(log_lines("info", "console", HOSTILE))

    assert not [char for char in text if not char.isprintable() and char not in "\n\t"]
    assert r"/v1/\x1b[31mred" in text
    assert "plain Grüße 名" in text


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_variables_in_tracebacks(form: str) -> None:
    """A traceback names files and lines, and never what a variable held: that is a key, or a text."""
    text = "\n".join(log_lines("info", form, HOSTILE))

    assert "ValueError" in text
    assert "sk-secret" not in text
    assert "nobody may read sk" not in text


def test_every_line_of_a_json_log_is_json() -> None:
    """What libraries print, warn of, or log by handlers of their own is JSON too, with its source."""
    lines = [json.loads(line) for line in log_lines("info", "json", HOSTILE)]

    found = [(line.get("source"), line["event"]) for line in lines]
    assert ("stderr", "with a handler of its own") in found
    assert ("stderr", "printed") in found
    assert any(source == "py.warnings" and "deprecated" in event for source, event in found)


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_refused_websocket_gives_no_advice(form: str) -> None:
    """Of a WebSocket nothing is logged but its request: no package would make it work."""
    assert not [
        line for line in log_lines("info", form, HOSTILE) if "pip install" in line or "upgrade" in line
    ]
