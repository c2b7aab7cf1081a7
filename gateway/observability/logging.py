"""Logs on stderr, those of uvicorn and other libraries included: for people on a terminal, JSON otherwise.

What others wrote (a path, a name, a header) is escaped before it is written: no control character reaches a
terminal. Tracebacks never show the values of variables, which are users' texts and keys.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from typing import TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from engines.fleet.worker_launch import Log
from gateway.config.command_name import as_called_here
from gateway.config.settings import LogSettings
from gateway.observability.console import ConsoleLines, wants_colours
from gateway.observability.levels import worker_level

HANDLER = "voicebox"
"""the name of our handler on the root logger"""
TOLD_OTHERWISE = frozenset(
    {
        "ASGI callable returned without completing response.",
        "Cancel %s running task(s), timeout graceful shutdown exceeded",
    }
)
"""what uvicorn logs of streams that we broke on purpose; the requests' own lines say more"""
UPGRADES = ("Unsupported upgrade request.", "No supported WebSocket library detected.")
"""what uvicorn logs of a WebSocket, which no installation of anything would make work here"""
OWN_WORDS = "voicebox: "
"""before what this program itself says on standard error: why it ends"""
MULTILINE = frozenset({"exception", "stack"})
"""fields whose lines are ours, not a caller's"""
TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""without the values of variables, which are users' texts and voices"""


def configure(settings: LogSettings) -> FilteringBoundLogger:
    """Set logging up for the process and return its logger."""
    console = for_people(settings)
    timestamp = ("%H:%M:%S", False) if console else ("iso", True)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt=timestamp[0], utc=timestamp[1]),
        _commands_as_called_here,
    ]
    render: list[Processor] = (
        [
            structlog.processors.format_exc_info,  # the standard library's own, which shows no variables
            escape_controls,
            ConsoleLines(colours=wants_colours()),
        ]
        if console
        else [TRACEBACKS, structlog.processors.JSONRenderer()]
    )
    level = getattr(logging, settings.level.upper())
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # a line and its end in one piece: several processes write into one stream
        logger_factory=structlog.WriteLoggerFactory(_stream()),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(shared, render, max(level, logging.WARNING))
    logging.captureWarnings(capture=True)
    if not console and sys.stderr is sys.__stderr__:
        sys.stderr = Lines(_stream())
    log: FilteringBoundLogger = structlog.get_logger()
    return log


def for_people(settings: LogSettings) -> bool:
    """Return whether the log is for people: on a terminal, or where the settings say so."""
    return settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())


def engine_log(log: FilteringBoundLogger) -> Log:
    """Return what engines log with, each event at its level."""

    def write(event: str, **fields: object) -> None:
        log.log(worker_level(event), event, **fields)

    return write


def _configure_libraries(shared: list[Processor], render: list[Processor], level: int) -> None:
    """Have the standard library's records from `level` on written in our form."""
    handler = logging.StreamHandler(_stream())
    handler.set_name(HANDLER)
    handler.addFilter(
        lambda record: record.msg not in TOLD_OTHERWISE and not str(record.msg).startswith(UPGRADES)
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_add_source, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    for earlier in [other for other in root.handlers if other.get_name() == HANDLER]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level)
    # uvicorn reads its logger's own level, not the one in effect, to decide on a line for each connection.
    logging.getLogger("uvicorn.error").setLevel(level)


def _commands_as_called_here(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Put what a user types here in the place of our commands in a record."""
    return {name: as_called_here(value) if isinstance(value, str) else value for name, value in event.items()}


def _add_source(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Add the name of the library's logger to a record of the standard library's."""
    return {"source": event["_record"].name, **event}


def _stream() -> TextIO:
    """Return the stream that log lines go to."""
    return sys.stderr.stream if isinstance(sys.stderr, Lines) else sys.stderr


def escape_controls(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Return an event with escapes in the place of control characters, in whatever callers wrote."""
    return {name: _escaped(value, lines=name in MULTILINE) for name, value in event.items()}


def _escaped(value: object, *, lines: bool = False) -> object:
    if isinstance(value, str):
        return "".join(
            char if char.isprintable() or (lines and char in "\n\t") else _escape(char) for char in value
        )
    if isinstance(value, dict):
        return {_escaped(name): _escaped(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(one) for one in value]
    return value


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


class Lines(io.TextIOBase):
    """Standard error in a JSON log: each line that anything prints there becomes a record.

    A library may print, warn, or bring a handler of its own; who reads the log finds JSON on every line.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._rest = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Take a text, and log the lines that are whole."""
        with self._lock:
            *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            if line.startswith(OWN_WORDS):
                structlog.get_logger().error(line.removeprefix(OWN_WORDS).rstrip(), source="voicebox")
            elif line.strip():
                structlog.get_logger().warning(line.rstrip(), source="stderr")
        return len(text)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding below."""
        return self.stream.encoding

    def flush(self) -> None:
        """Write what is buffered below."""
        self.stream.flush()

    def fileno(self) -> int:
        """Return the descriptor below, for those who write there themselves."""
        return self.stream.fileno()

    def isatty(self) -> bool:
        """Return whether a terminal is below."""
        return self.stream.isatty()

    def writable(self) -> bool:
        """Return that this can be written to."""
        return True
