"""Pages of lists: how long one is, and what it begins behind, so that each takes milliseconds."""

from __future__ import annotations

import msgspec

from engines.errors import BadInput
from gateway.http.context import RequestContext
from gateway.http.openapi.operation import page_query

HIGHEST_LIMIT = 1000
"""voices of a page, also where none is asked for"""

PAGE = page_query(HIGHEST_LIMIT, HIGHEST_LIMIT)


class Page(msgspec.Struct, frozen=True):
    """The part of a list that is asked for."""

    after: str
    """the id of the last that the caller has; empty: from the start"""
    limit: int


def asked_page(context: RequestContext) -> Page:
    """Return the page that `?limit=` and `?after=` ask for. Raises BadInput."""
    limit = context.query("limit") or str(HIGHEST_LIMIT)
    if not (limit.isascii() and limit.isdigit() and len(limit) < 9 and 1 <= int(limit) <= HIGHEST_LIMIT):
        raise BadInput(
            f"`limit` should be a number from 1 to {HIGHEST_LIMIT}.", param="limit", code="invalid_value"
        )
    return Page(context.query("after") or "", int(limit))
