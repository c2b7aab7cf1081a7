"""The marks of a request's text: those that its engine knows, and those that only others know."""

from __future__ import annotations

from functools import cache

from engines.api import EngineInfo
from engines.catalogue.models import MODELS
from engines.catalogue.request_options import readable_options
from gateway.services.engine_snapshot import EngineSnapshot
from streaming.text.marks import Marks


def known_marks(engines: EngineSnapshot) -> tuple[str, ...]:
    """Return the patterns of all marks that any engine knows, here or not."""
    here = [mark for info in engines.infos.values() if info.speech for mark in info.speech.marks]
    return tuple(dict.fromkeys((*here, *_catalogue_marks())))


def marks_for(info: EngineInfo, engines: EngineSnapshot) -> Marks:
    """Return the marks of a text that an engine is to speak."""
    known = info.speech.marks if info.speech else ()
    return Marks(known, (mark for mark in known_marks(engines) if mark not in known))


@cache
def _catalogue_marks() -> tuple[str, ...]:
    return tuple(mark for record in MODELS for mark in readable_options(record.engine).marks)
