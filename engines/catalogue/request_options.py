"""The settings, marks and limits of engines that run models, known before these have ever run."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from engines.api.request_options import NO_OPTIONS, RequestOptions
from engines.catalogue.records import Adapter


def request_options(engine: Adapter) -> RequestOptions:
    """Return what requests to an engine may hold besides what all engines know."""
    return _read(engine.request_options) if engine.request_options else NO_OPTIONS


def readable_options(engine: Adapter) -> RequestOptions:
    """Return the same for who looks at all engines: none of one whose module fails, which is why its model is
    left out.
    """
    try:
        return request_options(engine)
    except Exception:  # an adapter's module may raise anything while it is imported; the others go on
        return NO_OPTIONS


@cache
def _read(place: str) -> RequestOptions:
    """Return the options at `module:NAME`."""
    module, _, name = place.partition(":")
    options: RequestOptions = getattr(import_module(module), name)
    return options
