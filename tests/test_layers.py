"""The house: which floor may import which, no cycles, and what the gateway process never loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from engines.catalogue.engines import CATALOGUE

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "gateway": ("compat", "streaming", "voices", "engines"),
    "compat": ("engines.api",),
    "streaming": ("engines.api",),
    "voices": ("engines.api", "streaming.audio.decode"),
    "engines": (),
    "conformance": (),
}
AT_HOME = {"litestar": ("gateway",), "av": ("streaming", "conformance"), "openai": ("conformance",)}
"""libraries that one floor keeps from the others"""
HEAVY = ("torch", "transformers", "onnxruntime", "tensorflow", "mlx", "ctranslate2")


def module_name(path: Path) -> str:
    """Give the module a file is."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for floor in ALLOWED for path in sorted((ROOT / floor).rglob("*.py"))}


def imports(path: Path, *, deferred: bool = True) -> Iterator[str]:
    """Give what a file imports, modules where `from` names some; without those in functions unless
    `deferred`.
    """
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            base = node.module or ""
            yield from (
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names
            )
        elif deferred or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting.extend(ast.iter_child_nodes(node))


def within(module: str, package: str) -> bool:
    """Tell whether a module is a package or lies in it."""
    return f"{module}.".startswith(f"{package}.")


@pytest.mark.parametrize("floor", ALLOWED)
def test_directions(floor: str) -> None:
    """A floor imports from the floors it may, and from no other, not even inside a function."""
    wrong = [
        f"{name} imports {target}"
        for name, path in MODULES.items()
        if within(name, floor)
        for target in imports(path)
        if target.partition(".")[0] in {*ALLOWED, "tests", "bench"} - {floor}
        and not any(within(target, allowed) for allowed in ALLOWED[floor])
    ]
    assert wrong == []


def test_no_cycles() -> None:
    """No module imports itself by way of others."""
    graph = {
        name: {target for target in imports(path) if target in MODULES} - {name}
        for name, path in MODULES.items()
    }
    assert len(graph) > 50
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        pytest.fail(f"import cycle: {' → '.join(exc.args[1])}")


@pytest.mark.parametrize("library", AT_HOME)
def test_libraries_stay_on_their_floor(library: str) -> None:
    """Litestar, av and the SDK are imported on their own floors only."""
    floors = {
        name.partition(".")[0]
        for name, path in MODULES.items()
        if any(within(target, library) for target in imports(path))
    }
    assert floors <= set(AT_HOME[library])


def engine_libraries() -> set[str]:
    """Name what only adapters may load: the packages the catalogue tells, and the heavy ones."""
    return {file.partition("/")[0] for record in CATALOGUE for file in record.files} | set(HEAVY)


def test_engine_libraries_only_in_engines() -> None:
    """An engine's library is imported in `engines/` only, and never by what the gateway imports of it."""
    libraries = engine_libraries()
    assert "espeakng_loader" in libraries
    users = {
        name
        for name, path in MODULES.items()
        if {target.partition(".")[0] for target in imports(path)} & libraries
    }

    assert users
    assert all(within(name, "engines") for name in users)
    assert not users & {
        "engines.api",
        "engines.catalogue.engines",
        "engines.fleet.runtime",
        "engines.fleet.pool",
        "engines.settings",
        "engines.fakes.tone",
    }


def test_the_gateway_process_loads_no_engine() -> None:
    """Importing all that `serve` runs loads no adapter, no engine library and no torch."""
    script = "import sys, gateway.serve, gateway.cli.serve; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.split())
    adapters = {record.adapter.partition(":")[0] for record in CATALOGUE}

    assert "gateway.app" in loaded
    assert not loaded & adapters
    assert not {name.partition(".")[0] for name in loaded} & engine_libraries()


def test_the_composition_root_is_imported_by_the_server_alone() -> None:
    """`gateway.app` imports everything, and only what serves imports it: one process, or one of several."""
    assert {name for name, path in MODULES.items() if "gateway.app" in imports(path)} == {
        "gateway.serve",
        "gateway.cluster.supervisor",
    }
