"""Tests of the choice of a transcriber: the best one that knows what is spoken."""

from __future__ import annotations

import pytest

from engines.api import EngineInfo, SpeechCapabilities, TranscriptionCapabilities
from gateway.services.engine_snapshot import EngineSnapshot
from gateway.services.speech_check import NoTranscriber, choose_transcriber, language_to_hear
from voices.naming.resolver import ResolverRules

RULES = ResolverRules("alloy", {}, {}, map_unknown=False)


def engines(**languages: tuple[str, ...] | None) -> EngineSnapshot:
    """Return engines, the best first, each with the languages that it transcribes; None speaks only."""
    infos = {}
    for name, known in languages.items():
        speech = SpeechCapabilities(24_000, ("en",)) if known is None else None
        transcription = None if known is None else TranscriptionCapabilities(known)
        infos[name] = EngineInfo(name, "1", "MIT", (name,), speech=speech, transcription=transcription)
    return EngineSnapshot(infos, (), RULES)


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "tiny"), ("en-GB", "tiny"), ("de-AT", "large"), ("yo", "any"), (None, "large")],
)
def test_the_best_that_knows_the_language(language: str | None, expected: str) -> None:
    """Engines are tried from the best; regions do not matter, and an unknown language is for engines of several."""
    present = engines(espeak=None, tiny=("en",), large=("en", "de", "fr"), any=())
    assert choose_transcriber(present, language) == expected


@pytest.mark.parametrize(
    ("language", "known", "reason"),
    [
        ("de", ("en",), "no engine that transcribes 'de' is ready"),
        (None, ("en",), "the voice's language is not known"),
        ("en", None, "no engine that transcribes is ready"),
    ],
)
def test_there_may_be_none(language: str | None, known: tuple[str, ...] | None, reason: str) -> None:
    """It is said why nothing can transcribe: no engine at all, or none that knows the language."""
    with pytest.raises(NoTranscriber, match=reason):
        choose_transcriber(engines(one=known), language)


@pytest.mark.parametrize(
    ("text", "voice", "expected"),
    [
        ("de", ("en-US", "de-DE"), "de"),
        ("de", ("en-US",), "en-US"),
        ("de", (), "de"),
        (None, ("en-US", "de-DE"), "en-US"),
        (None, (), None),
    ],
)
def test_the_language_to_hear(text: str | None, voice: tuple[str, ...], expected: str | None) -> None:
    """It is the text's where the voice speaks that, and the voice's own otherwise."""
    assert language_to_hear(text, voice) == expected
