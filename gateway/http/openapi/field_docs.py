"""What is written below the fields of Structs, as descriptions, so that it is said in one place."""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
from functools import cache

import msgspec


def field_docs(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the strings that stand below a Struct's fields, and its bases', by the fields' public names."""
    found: dict[str, str] = {}
    for base in reversed(struct.__mro__):
        if base is not msgspec.Struct and issubclass(base, msgspec.Struct):
            found |= _own_docs(base)
    public = dict(zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True))
    return {public[name]: text for name, text in found.items() if name in public}


def _own_docs(struct: type[msgspec.Struct]) -> dict[str, str]:
    body = _class_bodies(struct.__module__).get(struct.__qualname__, [])
    docs: dict[str, str] = {}
    for field, below in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and (text := _text(below)):
            docs[field.target.id] = sentence(text)
    return docs


@cache
def _class_bodies(module: str) -> dict[str, list[ast.stmt]]:
    """Return what stands in the classes of a module; nothing where its source did not come along."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except OSError:
        return {}
    return {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}


def _text(node: ast.stmt) -> str:
    """Return the text that a statement is, if it is nothing else."""
    constant = node.value if isinstance(node, ast.Expr) else None
    return constant.value if isinstance(constant, ast.Constant) and isinstance(constant.value, str) else ""


def sentence(text: str) -> str:
    """Return a text on one line, with a capital and a full stop."""
    line = " ".join(text.split())
    return line[:1].upper() + line[1:] + ("" if line.endswith((".", "!", "?", ":")) else ".")
