"""Read settings from the YAML file, the environment and the command line, each value with its source.

The file is read as YAML nodes rather than as values, since nodes know their lines and show a key that comes
twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as FilePath

import msgspec
import yaml

from gateway.config import schema
from gateway.config.settings import Settings
from voices.naming.matching import did_you_mean

PREFIX = "VOICEBOX_"
RESERVED = frozenset({"VOICEBOX_CONFIG", "VOICEBOX_URL", "VOICEBOX_API_KEY"})
"""variables that the command line reads, and that are no settings"""
SERVICE_LINKS = re.compile(r"VOICEBOX_(SERVICE_(HOST|PORT)|PORT$|PORT_\d+_(TCP|UDP))")
"""variables that Kubernetes and Docker set beside a service that is named voicebox"""
FLAGS = {
    "server.host": "--host",
    "server.port": "--port",
    "server.processes": "--workers",
    "server.no_auth": "--no-auth",
    "log.level": "--log-level",
    "log.format": "--log-format",
}


class Given(msgspec.Struct, frozen=True):
    """A value that was given for one setting."""

    path: schema.Path
    value: object
    source: str


class Problem(msgspec.Struct, frozen=True):
    """A mistake in the settings, which stops the start."""

    source: str
    """a file and its line, a variable, or a flag"""
    path: schema.Path
    what: str

    def __str__(self) -> str:
        where = f"{'.'.join(self.path)}: " if self.path else ""
        return f"{self.source}: {where}{self.what}"


Values = Iterator[Given | Problem]


# The file...


def from_file(path: FilePath) -> Values:
    """Yield the values of a settings file, none for an empty one, or one Problem for an unreadable one."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as exc:
        yield Problem(str(path), (), f"cannot be read: {exc.strerror}")
    except UnicodeDecodeError as exc:
        line = path.read_bytes()[: exc.start].count(b"\n") + 1
        yield Problem(f"{path}:{line}", (), "is not UTF-8 text")
    except yaml.YAMLError as exc:
        yield Problem(*_syntax_problem(str(path), exc))
    else:
        if root is not None and not _is_null(root):
            yield from _walk(root, Settings, (), lambda node: f"{path}:{node.start_mark.line + 1}")


def _syntax_problem(where: str, exc: yaml.YAMLError) -> tuple[str, schema.Path, str]:
    mark = getattr(exc, "problem_mark", None)
    problem = getattr(exc, "problem", None) or str(exc).splitlines()[0]
    if "'\\t'" in problem:
        problem = "a tab where YAML allows only spaces"
    return (f"{where}:{mark.line + 1}" if mark else where), (), f"is not YAML: {problem}"


def _walk(node: yaml.Node, kind: object, path: schema.Path, source: Callable[[yaml.Node], str]) -> Values:
    if not schema.is_section(kind):
        yield from _leaf(node, path, source(node))
        return
    if _is_null(node):
        return
    if not isinstance(node, yaml.MappingNode):
        allowed = ", ".join(schema.offered_keys(kind)) or "any name"
        yield Problem(
            source(node), path, f"{_shown(node)} is given, a mapping is needed; keys allowed: {allowed}"
        )
        return
    seen: dict[str, str] = {}
    for key_node, value_node in node.value:
        key, where = str(key_node.value), source(key_node)
        if key in seen:
            yield Problem(where, (*path, key), f"is given twice, first at {seen[key]}")
            continue
        seen[key] = where
        inner = schema.type_of_key(kind, key)
        if inner is None:
            yield unknown_key(where, (*path, key))
        else:
            yield from _walk(value_node, inner, (*path, key), source)


def _leaf(node: yaml.Node, path: schema.Path, where: str) -> Values:
    try:
        yield Given(path, _construct(node), where)
    except (yaml.YAMLError, ValueError) as exc:
        yield Problem(where, path, f"cannot be understood: {getattr(exc, 'problem', None) or exc}")


def _construct(node: yaml.Node) -> object:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _shown(node: yaml.Node) -> str:
    return repr(node.value) if isinstance(node, yaml.ScalarNode) else "a list"


# The environment...


def from_environment(environ: Mapping[str, str]) -> Values:
    """Yield the values of `VOICEBOX_SECTION__NAME` variables.

    A text is taken as it is, a list may be written with commas, everything else is YAML.
    """
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in RESERVED or SERVICE_LINKS.match(name):
            continue
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        kind = schema.type_at(path)
        if kind is None:
            yield unknown_key(name, path, others=RESERVED)
        elif schema.wants_text(kind):
            yield Given(path, text, name)
        elif schema.wants_list(kind) and not text.lstrip().startswith("["):
            yield Given(path, [part for part in re.split(r"[,\s]+", text) if part], name)
        else:
            yield from _variable(name, path, kind, text)


def _variable(name: str, path: schema.Path, kind: object, text: str) -> Values:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as exc:
        yield Problem(name, path, f"{_syntax_problem(name, exc)[2]}; allowed: {schema.allowed(kind)}")
        return
    if node is None:
        yield Problem(name, path, f"nothing is given; allowed: {schema.allowed(kind)}")
    else:
        yield from _walk(node, kind, path, lambda _node: name)


# The command line...


def from_flags(overrides: Mapping[str, object]) -> Values:
    """Yield the values of flags by dotted name; None means that a flag was not given."""
    for name, value in overrides.items():
        if value is not None:
            yield Given(tuple(name.split(".")), value, FLAGS.get(name, f"override {name}"))


def unknown_key(source: str, path: schema.Path, others: frozenset[str] = frozenset()) -> Problem:
    """Return the problem of an unknown key, with similar ones and all that are allowed there."""
    parent: object = Settings
    for depth, key in enumerate(path):
        inner = schema.type_of_key(parent, key)
        if inner is None:
            break
        if not schema.is_section(inner):
            return Problem(source, path, f"there is nothing below {'.'.join(path[: depth + 1])}")
        parent = inner
    allowed = schema.offered_keys(parent)
    more = f"; besides settings there are {', '.join(sorted(others))}" if others else ""
    return Problem(
        source,
        path,
        f"there is no {key!r} here.{did_you_mean(key, allowed)} Allowed: {', '.join(allowed)}{more}",
    )
