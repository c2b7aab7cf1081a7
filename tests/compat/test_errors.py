"""Tests of the map from our errors to OpenAI's envelope."""

from __future__ import annotations

import inspect

import msgspec
import pytest

import compat.errors
import engines.errors
from compat.errors import TABLE, NotPermitted, refusal, unexpected
from engines.errors import EngineFailed, EngineHung, Overloaded, SpeechError, UnknownModel

KINDS: list[type[SpeechError]] = [
    kind
    for module in (engines.errors, compat.errors)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, SpeechError)
]


@pytest.mark.parametrize("kind", sorted(set(KINDS), key=str))
def test_every_error_has_a_row(kind: type[SpeechError]) -> None:
    """Each of our error classes has a row of its own."""
    assert kind in TABLE


def test_all_four_keys() -> None:
    """The envelope always has message, type, param and code, null where they are unset."""
    for answer in (refusal(EngineFailed("lost")), unexpected()):
        body = msgspec.json.decode(msgspec.json.encode(answer.body))

        assert set(body["error"]) == {"message", "type", "param", "code"}


def test_an_errors_own_code_goes_first() -> None:
    """A code of the error itself replaces the table's."""
    assert refusal(UnknownModel("x")).body.error.code == "model_not_found"
    assert refusal(UnknownModel("x", code="other")).body.error.code == "other"


@pytest.mark.parametrize(("wait", "header"), [(0.0, "1"), (2.1, "3"), (4000, "60")])
def test_retry_after_in_whole_seconds(wait: float, header: str) -> None:
    """The time to come back is within what the SDKs obey: 1 to 60 whole seconds."""
    answer = refusal(Overloaded("full", retry_after=wait))

    assert (answer.status, answer.headers["retry-after"], answer.headers["x-should-retry"]) == (
        503,
        header,
        "true",
    )


def test_what_hung_an_engine_is_not_to_be_sent_again() -> None:
    """OpenAI's SDKs, which try again after a 500, are told not to where that would hang another worker."""
    answer = refusal(EngineHung("hung"))

    assert (answer.status, answer.headers["x-should-retry"]) == (500, "false")
    assert "x-should-retry" not in refusal(EngineFailed("failed")).headers


def test_a_401_has_the_challenge() -> None:
    """A 401 has the header WWW-Authenticate."""
    answer = refusal(NotPermitted("no key", status=401))

    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
