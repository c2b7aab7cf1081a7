"""Tests of the codes by which engines are told a language."""

from __future__ import annotations

import pytest

from gateway.services.transcription import own_code


@pytest.mark.parametrize(
    ("language", "known", "own"),
    [("no", ("en", "nb"), "nb"), ("tl", ("fil",), "fil"), ("de", ("de-DE",), "de-DE"), ("zh", ("cmn",), "cmn"), ("de", ("en",), "de"), (None, ("en",), None)],
)  # fmt: skip
def test_an_engine_is_asked_by_its_own_code(
    language: str | None, known: tuple[str, ...], own: str | None
) -> None:
    """An engine that knows a language by another code than Whisper's is told its own."""
    assert own_code(language, known) == own
