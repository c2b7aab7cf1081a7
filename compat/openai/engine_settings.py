"""Settings of an engine's own in a request: an object of numbers, words and booleans."""

from __future__ import annotations

import math
from typing import Any

from engines.api import Settings, SettingValue
from engines.errors import BadInput

MOST = 64
"""settings in one request"""
LONGEST = 100
"""code points of a name, and of a word"""


def read(value: Any) -> Settings:  # noqa: ANN401 - whatever JSON may hold
    """Return the settings in a request's field; what is null is not set. Raises BadInput."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInput("`settings` should be an object of numbers, words and booleans.", param="settings")
    if len(value) > MOST or any(len(name) > LONGEST for name in value):
        message = f"`settings` may have {MOST} names of {LONGEST} characters at most."
        raise BadInput(message, param="settings")
    return {name: _value(name, one) for name, one in value.items() if one is not None}


def _value(name: str, value: Any) -> SettingValue:  # noqa: ANN401 - whatever JSON may hold
    """Return the value of a setting. Raises BadInput."""
    param = f"settings.{name}"
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= LONGEST:
        return value
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise BadInput("A setting should be a number, a short word, true or false.", param=param)
