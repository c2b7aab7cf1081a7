"""Tests of what the catalogue's records name in the adapters: that it is there, without importing an engine's library."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from engines.api import EngineInfo, RequestOptions, SpeechCapabilities
from engines.catalogue.engines import CATALOGUE
from engines.catalogue.models import MODELS
from engines.catalogue.records import Adapter
from engines.catalogue.request_options import request_options
from engines.environments.groups import GROUPS
from engines.worker.contract_check import check_engine

ROOT = Path(__file__).parents[3]
ADAPTERS = {record.engine.import_path: record.engine for record in MODELS}


class Speaks:
    """What speaks, as far as its account of itself is concerned."""

    def speak(self) -> None:
        """Say nothing."""


@cache
def defined(module: str) -> frozenset[str]:
    """Return the names that a module of ours defines; raises where there is none."""
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
    return frozenset(
        name
        for node in tree.body
        for name in (
            [node.name]
            if isinstance(node, ast.ClassDef | ast.FunctionDef)
            else [target.id for target in ast.walk(node) if isinstance(target, ast.Name)]
        )
    )


@pytest.mark.parametrize("path", sorted({*ADAPTERS, *(record.import_path for record in CATALOGUE)}))
def test_the_class_of_an_engine_is_there(path: str) -> None:
    """A record names a class by its module, and the module has it."""
    module, _, name = path.partition(":")
    assert name in defined(module)


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=lambda adapter: str(adapter.import_path))
def test_what_an_adapter_names(adapter: Adapter) -> None:
    """Its environment is one that can be installed, the function for its voices is there, and what a request may
    set of it is sound before it has ever run.
    """
    assert adapter.group in {group.name for group in GROUPS}
    if adapter.voices:
        module, _, name = adapter.voices.partition(":")
        assert name in defined(module)
    options = request_options(adapter)
    assert isinstance(options, RequestOptions)
    speech = SpeechCapabilities(
        24_000,
        ("en",),
        settings=options.settings,
        marks=options.marks,
        longest_text=options.longest_text,
        longest_seconds=options.longest_seconds,
    )
    check_engine(Speaks(), EngineInfo(adapter.name, "1", "MIT", (adapter.name,), speech=speech))


def test_names_are_taken_once() -> None:
    """No two records have one name: a request could mean either."""
    names = [*(model.name for model in MODELS), *(engine.name for engine in CATALOGUE)]
    assert len(names) == len({name.casefold() for name in names})


def test_a_model_has_files_from_somewhere() -> None:
    """A model comes from a repository or from wheels; a folder of one machine is named while an engine is tried
    out, and nowhere in the catalogue.
    """
    assert [record.name for record in MODELS if record.folder or not record.source_names] == []
