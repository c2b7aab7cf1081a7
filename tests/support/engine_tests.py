"""Which tests `make test-engines` runs: those that import torch or another library of models, themselves or by a
module of ours that they import, and those that are marked with `engines` by hand.

`make test` installs none of these libraries, runs the other tests, and does not even read the files of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

MARK = "engines"
LIBRARIES = frozenset(
    (
        "chatterbox",
        "diffusers",
        "einops",
        "kokoro",
        "mlx",
        "mlx_audio",
        "omnivoice",
        "pocket_tts",
        "qwen_tts",
        "s3tokenizer",
        "silero_vad",
        "spacy",
        "tada",
        "torch",
        "torchaudio",
        "transformers",
        "voxcpm",
        "zipvoice",
    )
)
"""modules that `scripts/setup test` does not install"""
ROOT = Path(__file__).parents[2]
PLACES = (ROOT, *(ROOT / "tests" / name for name in ("support", "checkpoints", "conformance")))
"""folders that our modules are imported from"""
LONG_STRING = re.compile(r'"""[\s\S]*?"""')
IMPORTS = re.compile(
    r"""^(?:from\ ([\w.]+)\ import\ (?:\(([^)]*)\)|(.*))   # the module, and what may be modules in it
        |import\ (.*)
        |(?:\w+\ =\ )?pytest\.importorskip\("([\w.]+)")""",
    re.MULTILINE | re.VERBOSE,
)
"""statements that every import of a file runs: those of functions, and for type checkers only, are indented"""
NAMES = re.compile(r"([\w.]+)(?:\s+as\s+\w+)?")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a file unread that has no test of those that are asked for: importing it could fail, or take long."""
    if not collection_path.match("test_*.py"):
        return None
    chosen = config.getoption("markexpr")
    if chosen == f"not {MARK}" and needs_libraries(collection_path):
        return True
    if chosen == MARK and not needs_libraries(collection_path) and not _has_marks(collection_path):
        return True
    return None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of a file that imports such a library."""
    if needs_libraries(item.path):
        item.add_marker(MARK)


@cache
def needs_libraries(file: Path) -> bool:
    """Return whether a file imports such a library, itself or by our modules that it imports."""
    seen, left = {file}, [file]
    while left:
        for module in imported(left.pop()):
            if module.partition(".")[0] in LIBRARIES:
                return True
            if (found := file_of(module)) and found not in seen:
                seen.add(found)
                left.append(found)
    return False


@cache
def imported(file: Path) -> tuple[str, ...]:
    """Return the names of the modules that importing a file imports, and of what may be modules in them."""
    return tuple(_imported(LONG_STRING.sub('""', file.read_text("utf-8"))))


def _imported(text: str) -> Iterator[str]:
    for package, lines, line, modules, skipping in IMPORTS.findall(text):
        if package:
            parts = package.split(".")
            yield from (".".join(parts[: count + 1]) for count in range(len(parts)))
        inside = NAMES.findall(_without_comments(lines or line))
        yield from (f"{package}.{name}" for name in inside)
        yield from NAMES.findall(_without_comments(modules))
        if skipping:
            yield skipping


def _without_comments(text: str) -> str:
    return re.sub(r"#.*", "", text)


@cache
def file_of(module: str) -> Path | None:
    """Return the file of a module of ours; None for what is no module, or another's."""
    for place in PLACES:
        path = place.joinpath(*module.split("."))
        for found in (path.with_suffix(".py"), path / "__init__.py"):
            if found.is_file():
                return found
    return None


@cache
def _has_marks(file: Path) -> bool:
    return f"pytest.mark.{MARK}" in file.read_text("utf-8")
