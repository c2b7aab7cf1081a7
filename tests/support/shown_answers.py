"""What servers answered is shown where a test fails: an assertion on a status says little without its body."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Any

import httpx
import httpx2
import pytest

LONGEST = 1000
"""characters of a body that are shown"""
MOST = 20
"""answers that are shown for one test"""
RESPONSES = (httpx.Response, httpx2.Response)


def shown(response: Any) -> str:
    """Return a response in words: its status, and its body where that tells what went wrong."""
    line = f"<Response [{response.status_code} {response.reason_phrase}]"
    if response.status_code < 400:
        return line + ">"
    try:
        body = response.text
    except RuntimeError:  # a stream that nobody has read
        return line + ", not read>"
    return f"{line}: {body[:LONGEST]}>"


def pytest_configure() -> None:
    """Have assertions show the body of an answer that is an error."""
    for response in RESPONSES:
        setattr(response, "__repr__", shown)  # noqa: B010 - mypy takes an assignment for a mistake


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the answers that a failed test had in hand to its report."""
    report = yield
    if call.excinfo and report.failed:
        values = (value for entry in call.excinfo.traceback for value in entry.frame.f_locals.values())
        answers = list(dict.fromkeys(map(shown, _responses(values))))[:MOST]
        if answers:
            report.sections.append(("Answers of servers", "\n".join(answers)))
    return report


def _responses(values: Iterable[Any]) -> Iterator[Any]:
    """Yield the responses among values, and in lists and tuples of them."""
    for value in values:
        if isinstance(value, RESPONSES):
            yield value
        elif isinstance(value, list | tuple):
            yield from (one for one in value if isinstance(one, RESPONSES))
