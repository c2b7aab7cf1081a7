"""Logs: for people on a terminal, JSON otherwise, always on stderr; uvicorn's own go through the same door."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from gateway.config.settings import LogSettings

UNFINISHED = "ASGI callable returned without completing response."
"""what uvicorn says of a stream that we broke on purpose; the request's own line tells it better"""
TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""without the values of variables, which are users' texts and voices"""


def configure(settings: LogSettings) -> FilteringBoundLogger:
    """Set logging up for the process and give its logger."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if console
        else [TRACEBACKS, structlog.processors.JSONRenderer()]
    )
    level = getattr(logging, settings.level.upper())
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    log: FilteringBoundLogger = structlog.get_logger()
    _adopt_uvicorn(log, level)
    return log


def _adopt_uvicorn(log: FilteringBoundLogger, level: int) -> None:
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = False
        logger.setLevel(max(level, logging.WARNING))
    logging.getLogger("uvicorn.error").addHandler(_Forward(log))


class _Forward(logging.Handler):
    """Hands a standard-library log record on."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == UNFINISHED:
            return
        fields: dict[str, Any] = {"source": record.name}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        self._log.log(record.levelno, record.getMessage(), **fields)
