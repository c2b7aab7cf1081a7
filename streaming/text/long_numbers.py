"""Numbers that are too long to be any, digit by digit.

Engines do that by themselves, but a segment that ends within such a number leaves a short one to the next,
which was read as thousands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engines.api.offsets import Edit

LONG = re.compile(r"\d{21,}")
"""more than there are words for"""


def spelt_long_numbers(text: str) -> Iterator[Edit]:
    """Yield the spaces between the digits of long numbers."""
    for number in LONG.finditer(text):
        for at in range(number.start() + 1, number.end()):
            yield Edit(at, at, " ")
