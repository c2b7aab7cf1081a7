"""Whether an engine is what it says it is, found out when it is loaded and not by its first job."""

from __future__ import annotations

import msgspec

from engines.api import Alone, Batches, EngineInfo, Steps, Threads

SPEAKS_BY = {
    Alone: ("speak",),
    Threads: ("speak",),
    Batches: ("speak_batch",),
    Steps: ("begin", "step", "drop"),
}
"""the methods of an engine that speaks, by its concurrency"""


class BrokenContract(TypeError):
    """An engine says something of itself that is not so: a fault in its adapter."""


def check_engine(engine: object, info: EngineInfo) -> None:
    """Check that an engine's account of itself is sound, and that it has the methods for it.

    Raises BrokenContract.
    """
    try:
        msgspec.convert(msgspec.to_builtins(info), EngineInfo)
    except msgspec.ValidationError as exc:
        raise BrokenContract(f"The account of the engine `{info.name}` is not sound: {exc}") from exc
    if not info.speech and not info.transcription:
        raise BrokenContract(f"The engine `{info.name}` neither speaks nor transcribes.")
    needed: list[str] = []
    if info.speech:
        needed += SPEAKS_BY[type(info.concurrency)]
        needed += ["create_prompt", "open_prompt"] if info.speech.cloning else []
    if info.transcription:
        needed.append("transcribe")
    if missing := [name for name in needed if not callable(getattr(engine, name, None))]:
        raise BrokenContract(
            f"The engine `{info.name}` says that it works by {type(info.concurrency).__name__}, "
            f"and has no {', '.join(missing)}."
        )
    _check_figures(info)


def _check_figures(info: EngineInfo) -> None:
    if info.transcription and isinstance(info.concurrency, Batches | Steps) and not info.speech:
        raise BrokenContract(f"The engine `{info.name}` transcribes only, which has no batches and no steps.")
    cloning = info.speech.cloning if info.speech else None
    if cloning and not 0 <= cloning.shortest <= cloning.longest:
        raise BrokenContract(
            f"The engine `{info.name}` wants samples of {cloning.shortest:g} to {cloning.longest:g} seconds."
        )
