"""Tests of the names of spans."""

from __future__ import annotations

import pytest

from gateway.observability.request_log import RequestLog
from gateway.observability.tracing import span_name


@pytest.mark.parametrize(
    ("method", "route", "template", "name"),
    [
        ("POST", "speech", "/v1/audio/speech", "POST speech"),
        ("GET", None, "/v1/audio/voices/{voice_id}", "GET /v1/audio/voices/{voice_id}"),
        ("GET", None, None, "GET"),
        ("X-ANY-THING", None, None, "HTTP"),
    ],
)
def test_spans_have_few_names(method: str, route: str | None, template: str | None, name: str) -> None:
    """A span is named by what the program knows; a path or a method that a caller made up names none."""
    log_entry = RequestLog(method, "/whatever/a/caller/writes", route=route, template=template)
    assert span_name(log_entry) == name
