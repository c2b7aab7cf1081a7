"""Names of signs, currencies and emoji are read from files when a language is first met: in a thread."""

from __future__ import annotations

import threading

from streaming.text.calendar_names import load_calendar
from streaming.text.dates import load_dates
from streaming.text.emoji_names import load_emoji_names
from streaming.text.emoji_table import forget_emoji_names
from streaming.text.money import load_currencies
from streaming.text.sign_names import row_of
from streaming.text.units import load_units

MOST = 24
"""languages that are remembered, as names are that are none"""
_loaded: set[str] = set()
_lock = threading.Lock()


def _code(language: str | None) -> str:
    return row_of(language or "en")


def are_loaded(language: str | None) -> bool:
    """Return whether a text in a language, English where nobody knows, needs no more files."""
    return _code(language) in _loaded


def load_names(language: str | None) -> None:
    """Load what the names in a language are read from."""
    code = _code(language)
    with _lock:
        if len(_loaded) > MOST:
            _loaded.clear()
            forget_emoji_names()
        if code not in _loaded:
            load_currencies(code)
            load_emoji_names(code)
            load_units(code)
            load_dates(code)
            load_calendar(code)
            _loaded.add(code)
