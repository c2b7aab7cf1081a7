"""Read what real clients send: values in the wrong type, empty where they mean unset, JSON that is nearly
JSON.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from engines.errors import BadInput

UNPARSEABLE = "We could not parse the JSON body of your request."
MOST_VALUES = 20_000
"""of a JSON body, keys and parts of lists included"""
MOST_DIGITS = 1000
"""of a whole number; a float ends at 309"""
SEPARATORS = (b",", b"[", b"{", b":")
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
SURROGATES = re.compile("[\ud800-\udfff]+")
REPLACEMENT = "\ufffd"
LONGEST_WORD = 20
LONGEST_NAME = 1000
"""code points of a field that names something: no model, voice or language has a longer name"""
FALSE_WORDS = frozenset({"false", "0", "no", "off"})
UNSET_WORDS = frozenset({"", "none", "null", "undefined"})
"""what string fields hold in clients that had nothing to put there"""


def json_object(body: bytes) -> dict[str, Any]:
    """Decode a JSON object; raw control characters inside strings are let through (FreeSWITCH sends them).

    Raises BadInput, also for one of too many values: each takes a thousand times as long as a byte of text.
    """
    if _separators(body) > MOST_VALUES:
        raise BadInput(f"{UNPARSEABLE} (It has more than {MOST_VALUES} values.)")
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _lenient(body)
    if not isinstance(value, dict):
        raise BadInput(f"{UNPARSEABLE} (It is not a JSON object.)")
    return value


def _separators(body: bytes) -> int:
    """Return how many signs stand between values; those in strings count only where there are few."""
    count = sum(map(body.count, SEPARATORS))
    if count <= MOST_VALUES:
        return count
    rest, strings = STRING.subn(b"", body, MOST_VALUES + 1)
    return max(strings, sum(map(rest.count, SEPARATORS)))


def _lenient(body: bytes) -> object:
    try:
        return _mended(json.loads(body, strict=False, parse_int=_integer))
    except (ValueError, RecursionError) as exc:
        reason = (
            f"{exc}" if isinstance(exc, json.JSONDecodeError) else "it is not valid UTF-8 or nests too deep"
        )
        raise BadInput(
            f"{UNPARSEABLE} (HINT: This likely means you aren't using your HTTP library correctly: {reason})"
        ) from exc


def _integer(digits: str) -> float:
    """Return a whole number; one of more digits than anybody needs is infinite, as Python reads no more."""
    if len(digits) > MOST_DIGITS:
        return -math.inf if digits.startswith("-") else math.inf
    return int(digits)


def _mended(value: object) -> object:
    """Replace lone surrogates wherever they are."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {whole(name): _mended(item) for name, item in value.items()}
    return value


def text(value: object) -> str | None:
    """Return a string; None when it is unset or says so in words."""
    if not isinstance(value, str) or word(value) in UNSET_WORDS:
        return None
    return whole(value)


def word(value: str) -> str:
    """Return a value in the form in which it is compared with words of a few letters."""
    stripped = value.strip()
    return stripped.casefold() if len(stripped) <= LONGEST_WORD else stripped


def name(value: str, field: str) -> str:
    """Return what names something, without outer spaces. Raises BadInput where nothing has so long a name."""
    if len(value) > LONGEST_NAME:
        raise BadInput(f"`{field}` has {len(value)} characters; {LONGEST_NAME} are the most.", param=field)
    return whole(value.strip())


def whole(value: str) -> str:
    """Replace lone surrogates, which no encoding carries."""
    if value.isascii():
        return value
    return SURROGATES.sub(lambda found: REPLACEMENT * len(found[0]), value)


def number(value: object, field: str) -> float | None:
    """Return a finite number, also as a numeric string; None when unset. Raises BadInput that names the
    field.
    """
    if value is None or (isinstance(value, str) and word(value) in UNSET_WORDS):
        return None
    try:
        if isinstance(value, bool) or (isinstance(value, str) and len(value) > LONGEST_NAME):
            raise ValueError
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        raise BadInput(
            f"[{{'type': 'float_parsing', 'loc': ('body', '{field}'), "
            "'msg': 'Input should be a valid number'}]"
        )
    return result


def flag(value: object, field: str) -> bool | None:
    """Return a boolean as `truth` reads it; None when unset. Raises BadInput that names the field."""
    if value is None or (isinstance(value, str) and word(value) in UNSET_WORDS):
        return None
    if value in (False, 0) or (isinstance(value, str) and word(value) in FALSE_WORDS):
        return False
    if not truth(value):
        raise BadInput(
            f"[{{'type': 'bool_parsing', 'loc': ('body', '{field}'), "
            "'msg': 'Input should be a valid boolean, unable to interpret input'}]"
        )
    return True


def truth(value: object) -> bool:
    """Return a boolean as SDKs, curl and .NET spell it."""
    return (
        value is True or (isinstance(value, str) and word(value) in {"true", "1", "yes", "on"}) or value == 1
    )
