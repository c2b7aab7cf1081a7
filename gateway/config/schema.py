"""The settings' schema, read off their types: which keys there are, and what each may hold."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Annotated, Literal, TypeGuard, get_args, get_origin

import msgspec
from msgspec import inspect

from engines.catalogue.engines import CATALOGUE, FAKES
from engines.settings import EngineSettings
from gateway.config.settings import Settings

Path = tuple[str, ...]

SECRET = re.compile(r"(^|_)(key|token|secret|password|passphrase|credentials?)s?($|_)", re.IGNORECASE)
MASK = "********"


def is_section(kind: object) -> bool:
    """Return whether a type holds further settings: a Struct, or a mapping."""
    return is_struct(kind) or get_origin(kind) is dict


def is_struct(kind: object) -> TypeGuard[type[msgspec.Struct]]:
    """Return whether a type is a Struct."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def keys(kind: object) -> list[str]:
    """Return the keys of a section; none when any name is allowed."""
    if is_struct(kind):
        return [field.name for field in msgspec.structs.fields(kind)]
    if get_args(kind)[1] is EngineSettings:
        return [record.name for record in CATALOGUE]
    key_type = get_args(kind)[0]
    return [str(choice) for choice in get_args(key_type)] if get_origin(key_type) is Literal else []


def offered_keys(kind: object) -> list[str]:
    """Return the keys of a section that messages name."""
    return [key for key in keys(kind) if key not in FAKES]


def type_of_key(kind: object, key: str) -> object:
    """Return the type of a key of a section, None when there is no such key."""
    if is_struct(kind):
        return next((field.type for field in msgspec.structs.fields(kind) if field.name == key), None)
    known = keys(kind)
    return get_args(kind)[1] if not known or key in known else None


def required(kind: object) -> list[str]:
    """Return the keys that a section requires."""
    return [field.name for field in msgspec.structs.fields(kind) if field.required] if is_struct(kind) else []


def type_at(path: Path) -> object:
    """Return the type at a path into the settings, None when there is no such setting."""
    kind: object = Settings
    for key in path:
        kind = type_of_key(kind, key) if is_section(kind) else None
        if kind is None:
            return None
    return kind


def leaves(settings: Settings) -> Iterator[tuple[Path, object]]:
    """Yield every setting with its value, mappings entry by entry, in the order of the file."""
    yield from _leaves(Settings, msgspec.to_builtins(settings), ())


def _leaves(kind: object, value: object, path: Path) -> Iterator[tuple[Path, object]]:
    if not is_section(kind) or not isinstance(value, dict) or not value:
        yield path, value
        return
    for key, inner in value.items():
        yield from _leaves(type_of_key(kind, key), inner, (*path, key))


URL_PASSWORD = re.compile(r"([a-z0-9+.-]+://[^:/@\s]*:)[^@\s]+(@.*)", re.DOTALL | re.IGNORECASE)
"""a URL with a password in it: what is before it, and what after"""


def is_secret(path: Path) -> bool:
    """Return whether a setting must not be shown, by its name."""
    return bool(SECRET.search(path[-1]))


def masked(path: Path, value: object) -> object:
    """Return a value as it may be shown: a secret and a URL's password masked."""
    if isinstance(value, str) and (address := URL_PASSWORD.fullmatch(value)):
        return f"{address[1]}{MASK}{address[2]}"
    return MASK if value and is_secret(path) else value


# Values...


def wants_text(kind: object) -> bool:
    """Return whether a setting holds a plain text."""
    return _bare(kind) is str


def wants_list(kind: object) -> bool:
    """Return whether a setting holds a list."""
    return get_origin(_bare(kind)) is tuple


def convert(value: object, kind: object) -> object:
    """Return a value in its exact type. Raises msgspec.ValidationError."""
    if isinstance(value, float) and not math.isfinite(value):
        raise msgspec.ValidationError("Expected a finite number")
    return msgspec.convert(value, kind)


def allowed(kind: object) -> str:
    """Return in words what a setting may hold."""
    if get_origin(kind) is Literal:
        words = get_args(kind)  # in the order they were written, which msgspec loses
        return "one of " + ", ".join(filter(None, words)) + ("" if all(words) else ", or empty")
    return _description(inspect.type_info(kind))


def _description(info: inspect.Type) -> str:
    match info:
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType(pattern=pattern):
            return f"text that matches {pattern}" if pattern else "text"
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(str(value) for value in values)
        case inspect.IntType():
            return "a whole number" + _range(info)
        case inspect.FloatType():
            return "a number" + _range(info)
        case inspect.VarTupleType(item_type=item, min_length=least):
            allowed = _description(item)
            kinds = allowed if isinstance(item, inspect.LiteralType) else f"{allowed}s"
            return f"a list of {kinds}" + (f", at least {least}" if least else "")
        case inspect.UnionType(types=kinds):
            return ", ".join(_description(kind) for kind in kinds[:-1]) + f" or {_description(kinds[-1])}"
        case inspect.DictType(key_type=key, value_type=value):
            return f"a mapping from {_description(key)} to {_description(value)}"
        case _:
            return "a section of settings"


def _range(info: inspect.IntType | inspect.FloatType) -> str:
    if info.ge is not None and info.le is not None:
        return f" from {info.ge:g} to {info.le:g}" if info.le < 1_000_000 else f" from {info.ge} to {info.le}"
    bounds = (("of at least", info.ge), ("of at most", info.le), ("above", info.gt), ("below", info.lt))
    return "".join(f" {words} {bound:g}" for words, bound in bounds if bound is not None)


def _bare(kind: object) -> object:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind
