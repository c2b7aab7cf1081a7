"""Stubs in the place of packages that a library imports, and never needs for what is asked of it here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class StubModule(ModuleType):
    """A stub for a package that is imported and never called; it says so where it is called after all.

    `wanted_by` is the library that imports it.
    """

    def __init__(self, name: str, wanted_by: str) -> None:
        super().__init__(name)
        self.__dict__["_wanted_by"] = wanted_by

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - it has nothing
        raise AttributeError(
            f"{self.__dict__['_wanted_by']} wants {self.__name__}.{name}, but runs without {self.__name__}"
            " here: to speak needs none"
        )


@contextmanager
def replaced_modules(*modules: ModuleType) -> Iterator[None]:
    """Import these modules by their names in the block, and afterwards those from before, or none."""
    before = {module.__name__: sys.modules.get(module.__name__) for module in modules}
    sys.modules.update({module.__name__: module for module in modules})
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
