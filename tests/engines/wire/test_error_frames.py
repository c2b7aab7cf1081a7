"""Tests of what the log is told of errors that no adapter has put into words."""

from __future__ import annotations

from pathlib import Path

from engines.errors import EngineFailed
from engines.wire.errors import FAILED, to_exception, to_frame

LIBRARY = "def compute(weights):\n    return weights['formant']\n"
ADAPTER = "def speak():\n    pass\n    compute({})\n"


def raised(folder: Path) -> Exception:
    """Return what a library raises that an adapter in a folder has called."""
    scope: dict[str, object] = {}
    exec(compile(LIBRARY, "/packages/singing/voice.py", "exec"), scope)  # noqa: S102 - for a file of any name
    exec(compile(ADAPTER, str(folder / "engine.py"), "exec"), scope)  # noqa: S102 - for a file of any name
    try:
        scope["speak"]()  # type: ignore[operator]
    except KeyError as exc:
        return exc
    raise AssertionError("nothing was raised")


def test_the_place_in_the_adapter_is_told() -> None:
    """The log names the line of the adapter at which a library raised; callers are told nothing of it."""
    arrived = to_exception(to_frame(raised(Path("/srv/engines/adapters/vowels"))))
    assert type(arrived) is EngineFailed
    assert (arrived.message, arrived.detail) == (
        FAILED,
        "KeyError: 'formant' (in speak, line 3 of vowels/engine.py)",
    )


def test_the_last_place_where_no_adapter_is_in_it() -> None:
    """Elsewhere it is the last line of all, and none where nothing was raised."""
    assert "(in compute, line 2 of singing/voice.py)" in to_frame(raised(Path("/srv/own"))).detail
    assert to_frame(KeyError("formant")).detail == "KeyError: 'formant'"
