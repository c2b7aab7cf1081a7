"""Names of a form's parts as clients write those of lists and objects: `include`, `include[]`, `include[0]`
(PHP, qs), `include.0`, `chunking_strategy[type]`, `chunking_strategy[server_vad][threshold]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

Fields = dict[str, list[Any]]
"""values by field name without brackets, in the order they came"""
DEEPEST = 8
"""parts of a name that are told apart"""
SEPARATOR = re.compile(r"[\[.]")


def gather(pairs: Iterable[tuple[str, Any]]) -> Fields:
    """Gather values by the base of their names: those of a list are in it, those of an object in one by their
    keys.
    """
    fields: Fields = {}
    for name, value in pairs:
        base, keys = split_name(name)
        for key in reversed(keys):
            value = {key: value}
        fields.setdefault(base, []).append(value)
    return fields


def split_name(name: str) -> tuple[str, list[str]]:
    """Return the base of a name, and the keys of objects in it; numbers and nothing are places in a list."""
    whole = unquote(name) if "%" in name else name
    base, *rest = SEPARATOR.split(whole.strip().replace("]", ""), DEEPEST)
    return base, [key for key in map(str.strip, rest) if key and not key.isdigit()]
