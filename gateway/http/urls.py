"""The same routes however a client joins its base URL: with `/v1`, without it, with it twice, with a slash at
the end.
"""

from __future__ import annotations

API_ROOTS = frozenset({"audio", "models", "test", "voicebox"})
"""first steps of paths that live under /v1; everything else outside it is the server's own"""


def canonical(path: str) -> str:
    """Give the path that routes are registered under."""
    steps = [step for step in path.split("/") if step]
    while steps[:2] == ["v1", "v1"]:
        steps = steps[1:]
    if steps and steps[0] in API_ROOTS:
        steps = ["v1", *steps]
    return "/" + "/".join(steps)
