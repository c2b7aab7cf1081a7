"""Paths by which routes are found however a client joins its base URL: with `/v1`, without it, with it twice,
with a slash at the end.
"""

from __future__ import annotations

API_ROOTS = frozenset({"audio", "models", "test", "voicebox"})
"""first segments of paths below /v1; all others are the server's own"""


def canonical(path: str, base_path: str = "") -> str:
    """Return the path under which a route is registered, without `base_path` where it begins with that."""
    if base_path and (path == base_path or path.startswith(f"{base_path}/")):
        path = path[len(base_path) :]
    parts = [part for part in path.split("/") if part]
    while parts[:2] == ["v1", "v1"]:
        parts = parts[1:]
    if parts and parts[0] in API_ROOTS:
        parts = ["v1", *parts]
    return "/" + "/".join(parts)
