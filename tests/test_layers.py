"""Tests of the layers: which module may import which, no cycles, and what the gateway process never loads."""

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
BASE = ("engines.api", "engines.errors", "engines.languages")
"""what every layer may import; these import nothing of ours"""
ALLOWED = {
    "gateway": ("compat", "streaming", "voices", "engines"),
    "compat": (*BASE, "streaming.formats"),
    "streaming": BASE,
    "voices": (*BASE, "streaming.audio", "streaming.formats"),
    "engines": (),
    "conformance": (),
}
"""for each top folder what it may import of the others"""
LAYERS: dict[str, list[set[str]]] = {
    "gateway": [
        {"__main__"},
        {"cli"},
        {"cluster"},
        {"serve"},
        {"app"},
        {"routes"},
        {"http"},
        {"services"},
        {"models", "security", "observability"},
        {"config"},
    ],
    "engines": [
        {"fleet"},
        {"environments"},
        {"worker", "hub"},
        {"adapters", "catalogue"},
        {"toolkit", "wire", "memory", "fakes"},
        {"settings"},
        {"api", "errors", "languages"},
    ],
    "streaming": [
        {"pipeline"},
        {"segment_audio"},
        {"encode"},
        {"audio"},
        {"text", "http", "pacing"},
        {"formats"},
    ],
    "voices": [
        {"authoring"},
        {"samples"},
        {"library"},
        {"consents", "prompts"},
        {"archive", "storage", "naming"},
        {"profile"},
        {"pronunciation", "errors", "limits"},
        {"crowded_text"},
    ],
}
"""for each top folder its modules and packages, from the top; each imports itself and the ones below"""
ADAPTERS_MAY_IMPORT = (*BASE, "engines.toolkit")
SAME_MODELS = {
    "engines.adapters.mlx": (
        "engines.adapters.chatterbox",
        "engines.adapters.kokoro",
        "engines.adapters.pocket",
        "engines.adapters.qwen3_tts",
        "engines.adapters.whisper",
    )
}
"""adapters that run the models of others by another library, and say the same of them"""
FOLDERS_OF_LIBRARIES = {
    "litestar": ("gateway",),
    "av": ("streaming", "conformance"),
    "openai": ("conformance",),
}
"""libraries that only some top folders import"""
HEAVY = ("torch", "transformers", "onnxruntime", "tensorflow", "mlx", "ctranslate2")


def module_name(path: Path) -> str:
    """Return the dotted name of a file's module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for top in ALLOWED for path in sorted((ROOT / top).rglob("*.py"))}


def imports(path: Path, *, deferred: bool = True) -> Iterator[str]:
    """Yield what a file imports, modules where `from` names some; without those in functions unless
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
    """Return whether a module is a package or lies in it."""
    return f"{module}.".startswith(f"{package}.")


def part(module: str) -> str:
    """Return the second name of a module: `fleet` of `engines.fleet.pool`, nothing of `engines`."""
    return module.partition(".")[2].partition(".")[0]


@pytest.mark.parametrize("top", ALLOWED)
def test_directions(top: str) -> None:
    """A top folder imports from the folders it may, and from no other, not even inside a function."""
    wrong = [
        f"{name} imports {target}"
        for name, path in MODULES.items()
        if within(name, top)
        for target in imports(path)
        if target.partition(".")[0] in {*ALLOWED, "tests", "bench"} - {top}
        and not any(within(target, allowed) for allowed in ALLOWED[top])
    ]
    assert wrong == []


@pytest.mark.parametrize("top", LAYERS)
def test_layers(top: str) -> None:
    """Inside a top folder a module imports its own package and lower layers, nothing beside or above it."""
    height = {name: -depth for depth, names in enumerate(LAYERS[top]) for name in names}
    inside = {name: path for name, path in MODULES.items() if within(name, top) and part(name)}
    assert {part(name) for name in inside} == set(height)
    wrong = [
        f"{name} imports {target}"
        for name, path in inside.items()
        for target in imports(path)
        if within(target, top)
        and part(target) not in ("", part(name))
        and height[part(target)] >= height[part(name)]
    ]
    assert wrong == []


def test_adapters_stand_alone() -> None:
    """An adapter imports the base modules, the toolkit and its own folder: no other adapter, nothing of the
    fleet.
    """
    adapters = {
        name: path
        for name, path in MODULES.items()
        if name.count(".") > 2 and within(name, "engines.adapters")
    }
    assert len(adapters) > 30
    wrong = [
        f"{name} imports {target}"
        for name, path in adapters.items()
        for target in imports(path)
        if within(target, "engines")
        and not any(within(target, one) for one in importable_by(".".join(name.split(".")[:3])))
    ]
    assert wrong == []


def importable_by(adapter: str) -> tuple[str, ...]:
    """Return what an adapter may import of ours."""
    return (*ADAPTERS_MAY_IMPORT, adapter, *SAME_MODELS.get(adapter, ()))


@pytest.mark.parametrize("module", [*BASE, "streaming.formats"])
def test_base_modules_import_nothing_of_ours(module: str) -> None:
    """The modules that everybody may import import nothing of ours, but for parts of themselves."""
    for name in (one for one in MODULES if within(one, module)):
        foreign = [target for target in imports(MODULES[name]) if not within(target, module)]
        assert [target for target in foreign if target.partition(".")[0] in ALLOWED] == []


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


@pytest.mark.parametrize("library", FOLDERS_OF_LIBRARIES)
def test_libraries_are_imported_in_their_folders_only(library: str) -> None:
    """Litestar, av and the SDK are imported in their own top folders only."""
    homes = {
        name.partition(".")[0]
        for name, path in MODULES.items()
        if any(within(target, library) for target in imports(path))
    }
    assert homes <= set(FOLDERS_OF_LIBRARIES[library])


def engine_libraries() -> set[str]:
    """Return what only adapters may load: the packages that the catalogue names, and the heavy ones."""
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
    gateways = ("engines.api", "engines.catalogue", "engines.fleet", "engines.settings", "engines.wire")
    assert not [
        name for name in users if any(within(name, one) for one in gateways) or name == "engines.fakes.tone"
    ]


def test_the_gateway_process_loads_no_engine() -> None:
    """Importing all that `serve` runs loads no adapter, no engine library and no torch."""
    script = "import sys, gateway.serve, gateway.cli.serve; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    adapters = {record.import_path.partition(":")[0] for record in CATALOGUE}

    assert "gateway.app" in loaded
    assert not loaded & adapters
    assert not {name.partition(".")[0] for name in loaded} & engine_libraries()


def test_the_composition_root_is_imported_by_the_server_alone() -> None:
    """`gateway.app` imports everything, and only what serves imports it: one process, or one of several."""
    users = {name for name, path in MODULES.items() if "gateway.app" in imports(path)}
    assert users == {"gateway.serve", "gateway.cluster.supervisor"}
