"""Where what the catalogue says of an engine is not what the engine says of itself.

Records describe what is pulled, and what is presumed of it until it has run; what it can do it says itself,
and that counts. Both must agree in what both say, or an engine is chosen by the one and refuses by the other.
"""

from __future__ import annotations

from engines.api import EngineInfo, SpeechCapabilities, TranscriptionCapabilities
from engines.catalogue.engines import EngineRecord
from engines.languages import primary_language

FIGURES = (
    "sample_rate",
    "streaming",
    "instructions",
    "design",
    "mixing",
    "marks",
    "longest_text",
    "longest_seconds",
)
"""fields of SpeechCapabilities that records state"""


def missing_kind(record: EngineRecord, info: EngineInfo) -> str:
    """Return why an engine is not what its record says that it is for; empty where it is."""
    does = {"speech": info.speech, "transcription": info.transcription}
    for kind in record.kinds:
        if not does[kind]:
            return f"its record says that it is for {kind}, and it says that it is not"
    return ""


def contradictions(presumed: EngineInfo, said: EngineInfo) -> dict[str, tuple[object, object]]:
    """Return what is presumed of a model and what it says, by the fields in which they differ."""
    found = {
        "voices": ({one.id for one in presumed.voices}, {one.id for one in said.voices}),
        "characters": (presumed.characters, said.characters),
        "speech": (presumed.speech is None, said.speech is None),
        "transcription": (presumed.transcription is None, said.transcription is None),
    }
    if presumed.speech and said.speech:
        one, other = presumed.speech, said.speech
        found |= {name: (getattr(one, name), getattr(other, name)) for name in FIGURES}
        found["settings"] = ({each.name for each in one.settings}, {each.name for each in other.settings})
        found["cloning"] = (one.cloning is None, other.cloning is None)
        found["languages"] = _languages(one, other)
    if presumed.transcription and said.transcription:
        heard, really = presumed.transcription, said.transcription
        found["rate heard"] = (heard.sample_rate, really.sample_rate)
        found["languages heard"] = _languages(heard, really)
    return {name: both for name, both in found.items() if both[0] != both[1]}


Capabilities = SpeechCapabilities | TranscriptionCapabilities


def _languages(presumed: Capabilities, said: Capabilities) -> tuple[object, object]:
    """Return the languages of both; nothing of either where the record leaves them open."""
    if not presumed.languages:
        return None, None
    return set(map(primary_language, presumed.languages)), set(map(primary_language, said.languages))
