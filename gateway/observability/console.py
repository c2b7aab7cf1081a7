"""Log lines for people: the time, and a sentence; what no sentence tells follows as `name=value`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from structlog.typing import EventDict

COLOURS = {"debug": "\x1b[2m", "warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m"}
RESET = "\x1b[0m"
REQUEST_DETAILS = frozenset(
    {
        "id",
        "method",
        "route",
        "status",
        "outcome",
        "client",
        "error",
        "engine",
        "model",
        "voice",
        "voice_type",
        "language",
        "format",
        "characters",
        "audio_seconds",
        "first_byte_ms",
        "queue_ms",
        "total_ms",
        "key",
        "verify_seconds",
    }
)
"""of a request: told in its sentence, or of use to machines only"""

DONE = {
    "speech": "spoke",
    "preview": "spoke",
    "transcriptions": "transcribed",
    "translations": "translated",
}
"""what was done, by the name of the route"""

Fields = dict[str, Any]
Sentence = Callable[[Fields], str]


class ConsoleLines:
    """Renders a log record as a line for people, in colours where `colours`."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def __call__(self, _logger: object, _method: str, event: EventDict) -> str:
        """Return the line, with a traceback below where there is one."""
        fields = dict(event)
        time, level = str(fields.pop("timestamp", "")), str(fields.pop("level", "info"))
        name = str(fields.pop("event", ""))
        traces = [str(fields.pop(key)) for key in ("exception", "stack") if fields.get(key)]
        mark = "" if level == "info" else f"{level}: "
        line = f"{mark}{_sentence(name, fields)}"
        if rest := " ".join(f"{key}={_shown(value)}" for key, value in fields.items()):
            line = f"{line}  {rest}"
        if self._colours and level in COLOURS:
            line = f"{COLOURS[level]}{line}{RESET}"
        return "\n".join([f"{time} {line}", *traces])


def wants_colours() -> bool:
    """Return whether standard error shows colours, and nobody minds them."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _sentence(event: str, fields: Fields) -> str:
    """Return the sentence of an event, and take out of its fields what it tells."""
    made = SENTENCES.get(event)
    before = dict(fields)
    try:
        return made(fields) if made else event
    except KeyError:  # a record that lacks what it usually has
        fields.update(before)
        return event


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value if value and " " not in value else f'"{value}"'
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _request(fields: Fields) -> str:
    """Return what became of a request, such as `spoke 3.4 s in 1.2 s (kokoro, af_alloy, mp3)`."""
    told = {name: fields.pop(name) for name in REQUEST_DETAILS if name in fields}
    by = f", by {told['key']}" if told.get("key") else ""
    if text := _outcome(told):
        return text + by
    taken = _seconds(told.get("total_ms", 0.0) / 1000)
    names = [told[name] for name in ("engine", "voice", "format") if told.get(name)]
    done = {
        "speech": "spoke",
        "preview": "spoke",
        "transcriptions": "transcribed",
        "translations": "translated",
    }
    if "audio_seconds" in told and told["route"] in done:
        what = f"{done[told['route']]} {told['audio_seconds']:.1f} s in {taken}"
    else:
        what = f"{told['method']} {told['route']}: {told.get('status', '')} in {taken}"
    return (f"{what} ({', '.join(names)})" if names else what) + by


def _outcome(told: Fields) -> str:
    """Return the sentence of a request that did not go well; empty for one that did."""
    what, outcome = _asked(told), told.get("outcome", "ok")
    why = _without_class(told.get("error", ""))
    why = f": {why}" if why else ""
    if outcome == "client_gone":
        return f"{what}: the client left after {_seconds(told.get('total_ms', 0.0) / 1000)}"
    if outcome == "refused":
        return f"{what} refused with {told.get('status')}{why}"
    if outcome == "failed":
        return f"{what} failed with {told.get('status')}{why} [{told['id']}]"
    return f"{what} broke off{why} [{told['id']}]" if outcome == "broken" else ""


def _asked(told: Fields) -> str:
    """Return what was asked for: a route by its name, or a method and a path."""
    route = str(told["route"])
    return f"{told['method']} {route}" if route.startswith("/") else route


def _without_class(error: str) -> str:
    """Return an error without the name of its class before it."""
    name, colon, text = error.partition(": ")
    return text if colon and name.isidentifier() else error


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{1000 * seconds:.0f} ms"


def _going_away(fields: Fields) -> str:
    running = fields.pop("running", fields.pop("processes", 0) and 0)
    why = fields.pop("signal", "") or fields.pop("reason", "")
    within = fields.pop("within", 0)
    waits = f"; {_requests(running)} may finish" if running else ""
    if running and within:
        waits += f" within {within:g} s, unless Ctrl-C is pressed again"
    return f"stopping{f' ({why})' if why else ''}{waits}"


def _requests(count: int) -> str:
    return f"{count} request{'s' if count != 1 else ''}"


def _worker_says(fields: Fields) -> str:
    fields.pop("pid", None)
    return f"{fields.pop('engine')} says: {fields.pop('text')}"


def _of_worker(what: str) -> Sentence:
    def sentence(fields: Fields) -> str:
        engine = fields.pop("engine")
        for name in ("pid", "permanent"):
            fields.pop(name, None)
        reason = fields.pop("reason", "")
        return f"{engine} {what}{f': {reason}' if reason else ''}"

    return sentence


SENTENCES: dict[str, Sentence] = {
    "request": _request,
    "going away": _going_away,
    "worker ready": _of_worker("is ready"),
    "worker rests": _of_worker("rests until it is wanted"),
    "worker died": _of_worker("died, and is started again"),
    "worker broke": _of_worker("broke"),
    "worker did not start": _of_worker("did not start"),
    "worker does not answer": _of_worker("does not answer, and is started again"),
    "worker given up for now": _of_worker("is given up for now"),
    "worker says": _worker_says,
    "model pulled": lambda fields: f"pulled {fields.pop('model')} in {fields.pop('seconds')} s",
    "model not pulled": lambda fields: f"{fields.pop('model')} was not pulled: {fields.pop('reason')}",
    "listening": lambda fields: f"listening at {fields.pop('url')}",
    "breaking off requests": lambda fields: (
        f"cutting {_requests(fields.pop('running'))} whose end is not waited for"
    ),
}
"""by event; each takes out of the fields what it tells"""
