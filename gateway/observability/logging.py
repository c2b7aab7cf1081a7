"""Logs on stderr, those of uvicorn and other libraries included: for people on a terminal, JSON otherwise."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from gateway.config.settings import LogSettings

HANDLER = "voicebox"
"""the name of our handler on the root logger"""
UNFINISHED = "ASGI callable returned without completing response."
"""what uvicorn logs of a stream that we broke on purpose; the request's own line says more"""
TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""without the values of variables, which are users' texts and voices"""


def configure(settings: LogSettings) -> FilteringBoundLogger:
    """Set logging up for the process and return its logger."""
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
    _configure_libraries(shared, render, max(level, logging.WARNING))
    log: FilteringBoundLogger = structlog.get_logger()
    return log


def _configure_libraries(shared: list[Processor], render: list[Processor], level: int) -> None:
    """Have the standard library's records from `level` on written in our form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(HANDLER)
    handler.addFilter(lambda record: record.msg != UNFINISHED)
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


def _add_source(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Add the name of the library's logger to a record of the standard library's."""
    return {"source": event["_record"].name, **event}
