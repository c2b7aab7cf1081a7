"""The media type of JSON as every answer names it.

JSON is UTF-8 whether it says so or not, but PowerShell 5 and older clients of Java's read what does not say
so as Latin-1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

JSON = b"application/json"
JSON_UTF8 = JSON + b"; charset=utf-8"

Header = tuple[bytes, bytes]


def with_charset(headers: Iterable[Header]) -> Iterator[Header]:
    """Yield headers, with JSON's charset where it is missing."""
    for name, value in headers:
        yield (name, JSON_UTF8) if name.lower() == b"content-type" and value == JSON else (name, value)
