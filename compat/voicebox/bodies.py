"""Read a JSON body into a Struct, and say what is wrong with it in a sentence that names the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from engines.errors import BadInput

T = TypeVar("T", bound=msgspec.Struct)
PLACE = re.compile(r" - at `\$\.?([^`]*)`$")


def read(fields: Mapping[str, Any], kind: type[T]) -> T:
    """Check fields against a Struct. Raises BadInput that names the first field that is wrong."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as exc:
        message = str(exc)
        place = PLACE.search(message)
        named = re.search(r"(?:unknown|required) field `([^`]+)`", message)
        param = place[1] if place and place[1] else named[1] if named else None
        raise BadInput(f"{PLACE.sub('', message)}{f' (`{param}`)' if param else ''}.", param=param) from exc
