"""Whether an engine is what it says it is, found out when it is loaded and not by its first job."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Sequence

import msgspec

from engines.api import Alone, Batches, EngineInfo, SpeechCapabilities, Steps, Threads

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
    if not isinstance(info, EngineInfo):
        raise BrokenContract(f"`load` returned {type(info).__name__}, and no EngineInfo.")
    try:
        msgspec.convert(msgspec.to_builtins(info), EngineInfo)
    except msgspec.ValidationError as exc:
        raise BrokenContract(f"The account of the engine `{info.name}` is not sound: {exc}") from exc
    if not info.models:
        raise BrokenContract(f"The engine `{info.name}` names no model: its own name is always one.")
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
    _check_calls(engine, info.name, needed)
    _check_figures(info)
    _check_voices(info)


def _check_calls(engine: object, name: str, methods: Sequence[str]) -> None:
    """Check that methods do their work when they are called, and not when somebody reads or awaits what they
    return. Raises BrokenContract.
    """
    for method in methods:
        function = getattr(engine, method)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise BrokenContract(f"`{method}` of `{name}` yields: what it makes goes to its output.")
        if inspect.iscoroutinefunction(function):
            raise BrokenContract(f"`{method}` of `{name}` is a coroutine: it is called in a thread.")


def _check_voices(info: EngineInfo) -> None:
    """Check that each voice has a name of its own, and that no name stands for one that is not there.

    Raises BrokenContract.
    """
    voices: set[str] = set()
    for one in info.voices:
        if not one.id or one.id in voices:
            what = f"two voices of the id '{one.id}'" if one.id else "a voice without an id"
            raise BrokenContract(f"The engine `{info.name}` has {what}: requests choose by it.")
        voices.add(one.id)
    for name, voice in info.characters.items():
        if voice not in voices and voice.partition("+")[0] not in voices:  # a variant of one, as espeak has
            raise BrokenContract(
                f"The engine `{info.name}` has no voice '{voice}', which '{name}' stands for."
            )


def _check_request_options(name: str, speech: SpeechCapabilities) -> None:
    """Check that the settings, marks and limits of an engine are such as can be. Raises BrokenContract."""
    for setting in speech.settings:
        if not setting.is_sound:
            raise BrokenContract(f"The setting `{setting.name}` of `{name}` contradicts itself.")
    if len({setting.name for setting in speech.settings}) < len(speech.settings):
        raise BrokenContract(f"The engine `{name}` has two settings of one name.")
    for mark in speech.marks:
        try:
            compiled = re.compile(mark)
        except re.error as exc:
            raise BrokenContract(f"The mark {mark!r} of `{name}` is no regular expression: {exc}.") from exc
        if compiled.match(""):
            raise BrokenContract(f"The mark {mark!r} of `{name}` fits where nothing is.")
    if speech.longest_text < 0 or not 0 <= speech.longest_seconds < math.inf:
        raise BrokenContract(f"The engine `{name}` takes less than no text.")


def _check_figures(info: EngineInfo) -> None:
    """Check that what others compute with can be computed with: a zero would stop, or starve, the first job.

    Raises BrokenContract.
    """
    rates = [one.sample_rate for one in (info.speech, info.transcription) if one]
    slowest, fastest = info.speech.speed if info.speech else (1.0, 1.0)
    if min(rates) <= 0 or not 0 < slowest <= fastest < math.inf or not 0 < info.cancel_grace < math.inf:
        raise BrokenContract(
            f"The engine `{info.name}` has a rate, a speed or a time to stop that cannot be: "
            f"{rates} Hz, {slowest:g} to {fastest:g}, {info.cancel_grace:g} s."
        )
    if info.speech:
        _check_request_options(info.name, info.speech)
    if info.transcription and isinstance(info.concurrency, Batches | Steps) and not info.speech:
        raise BrokenContract(f"The engine `{info.name}` transcribes only, which has no batches and no steps.")
    cloning = info.speech.cloning if info.speech else None
    if cloning and not 0 <= cloning.shortest <= cloning.longest:
        raise BrokenContract(
            f"The engine `{info.name}` wants samples of {cloning.shortest:g} to {cloning.longest:g} seconds."
        )
