"""The model that a name means among those of the engines, ready or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from engines.api import EngineInfo
from voices.naming.characters import speaks, transcribes
from voices.naming.compatibility import UnavailableEngine


class KnownModel(NamedTuple):
    """A model of an engine that is ready."""

    engine: str
    model: str


def first_known(names: Iterable[str], ready: Mapping[str, EngineInfo]) -> KnownModel | None:
    """Return the model that the first of some names means which means one."""
    return next(filter(None, (_known(name, ready) for name in names)), None)


def absent_model(names: Iterable[str], absent: Sequence[UnavailableEngine]) -> UnavailableEngine | None:
    """Return the engine that has one of some names and is not ready, one that is here before others."""
    wanted = [name.casefold() for name in names]
    found = [one for name in wanted for one in absent if one.name.casefold() == name]
    return next((one for one in found if one.here), next(iter(found), None))


def absence_of(model: UnavailableEngine) -> str:
    """Return what to tell of a model that another takes the place of, and what would bring it."""
    return f"`{model.name}` {'cannot be used yet' if model.here else 'is not here'}: {model.reason}"


def best_engine(
    ready: Mapping[str, EngineInfo], kind: Literal["speech", "transcription"], language: str
) -> str:
    """Return the best engine that knows a language; the best of all where none does."""
    knows = speaks if kind == "speech" else transcribes
    return next((name for name, info in ready.items() if knows(info, language)), next(iter(ready)))


def mapped_to(notes: Iterable[str], engine: str) -> tuple[str, ...]:
    """Return what is told of the names that chose an engine, where a voice has led to another in the end."""
    return tuple(f"{note.rpartition('->')[0]}->{engine}" for note in notes)


def _known(model: str, ready: Mapping[str, EngineInfo]) -> KnownModel | None:
    folded = model.casefold()
    engine, _, rest = folded.partition("/")
    for name, info in ready.items():
        for own in info.models:
            if folded == own.casefold() or (engine == name.casefold() and rest == own.casefold()):
                return KnownModel(name, own)
        if folded == name.casefold():
            return KnownModel(name, info.models[0] if info.models else "")
    return None
