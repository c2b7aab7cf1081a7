"""The settings in effect, for people (YAML, the origin of each as a comment) and for machines; secrets
masked.
"""

from __future__ import annotations

from typing import Any

import yaml

from gateway.config import schema
from gateway.config.load import Loaded


def as_yaml(loaded: Loaded) -> str:
    """Write a settings file that says where each value comes from."""
    lines = [f"# file: {loaded.file or 'none'}"]
    above: schema.Path = ()
    for path, value in schema.leaves(loaded.settings):
        shared = _shared(above, path)
        for depth in range(shared, len(path) - 1):
            lines.append(f"{'  ' * depth}{_inline(path[depth])}:")
        above = path[:-1]
        text = f"{'  ' * (len(path) - 1)}{_inline(path[-1])}: {_inline(schema.masked(path, value))}"
        lines.append(f"{text}  # {loaded.origins.get(path, 'default')}")
    return "\n".join(lines) + "\n"


def as_data(loaded: Loaded) -> dict[str, Any]:
    """Give the same as plain data: file, values, and origins by dotted name."""
    values: dict[str, Any] = {}
    for path, value in schema.leaves(loaded.settings):
        section = values
        for key in path[:-1]:
            section = section.setdefault(key, {})
        section[path[-1]] = schema.masked(path, value)
    origins = {".".join(path): source for path, source in loaded.origins.items()}
    return {"file": str(loaded.file) if loaded.file else None, "settings": values, "origins": origins}


def _shared(above: schema.Path, path: schema.Path) -> int:
    """Count the sections of `path` that are open already."""
    count = 0
    for left, right in zip(above, path[:-1], strict=False):
        if left != right:
            break
        count += 1
    return count


def _inline(value: object) -> str:
    """Write a value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=1_000_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
