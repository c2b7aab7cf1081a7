"""Show the settings in effect, for people (YAML, the source of each as a comment) and for programs.

Secrets are masked.
"""

from __future__ import annotations

from typing import Any

import yaml

from gateway.config import schema
from gateway.config.load import Loaded


def as_yaml(loaded: Loaded) -> str:
    """Return the settings as a YAML file in which a comment names the source of each value."""
    lines = [f"# file: {loaded.file or 'none'}"]
    previous: schema.Path = ()
    for path, value in schema.leaves(loaded.settings):
        shared = _shared_depth(previous, path)
        for depth in range(shared, len(path) - 1):
            lines.append(f"{'  ' * depth}{_inline(path[depth])}:")
        previous = path[:-1]
        text = f"{'  ' * (len(path) - 1)}{_inline(path[-1])}: {_inline(schema.masked(path, value))}"
        lines.append(f"{text}  # {loaded.origins.get(path, 'default')}")
    return "\n".join(lines) + "\n"


def as_data(loaded: Loaded) -> dict[str, Any]:
    """Return the settings as plain data: file, values, and sources by dotted name."""
    values: dict[str, Any] = {}
    for path, value in schema.leaves(loaded.settings):
        section = values
        for key in path[:-1]:
            section = section.setdefault(key, {})
        section[path[-1]] = schema.masked(path, value)
    origins = {".".join(path): source for path, source in loaded.origins.items()}
    return {"file": str(loaded.file) if loaded.file else None, "settings": values, "origins": origins}


def _shared_depth(previous: schema.Path, path: schema.Path) -> int:
    """Return how many of the sections of `path` are open already."""
    count = 0
    for left, right in zip(previous, path[:-1], strict=False):
        if left != right:
            break
        count += 1
    return count


def _inline(value: object) -> str:
    """Return a value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=1_000_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
