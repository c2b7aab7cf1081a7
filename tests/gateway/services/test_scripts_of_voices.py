"""Tests of what is told of texts in scripts that the chosen voice does not read, where its engine's others do."""

from __future__ import annotations

import msgspec
import pytest

from compat.openai.speech import Bounds, SpeechRequest, parse
from engines.api import EngineInfo, SpeechCapabilities, Voice
from engines.errors import Unsupported
from gateway.config.settings import CompatSettings
from gateway.services.unsupported_parameters import of_speech, scripts_read
from voices.naming.resolver import Choice

VOICES = (
    Voice("af_heart", "Heart", ("en-US",), scripts=("Latin",)),
    Voice("zf_xiaobei", "Xiaobei", ("zh-CN",), scripts=("Han", "Latin")),
    Voice("ef_dora", "Dora", ("es",)),
)


def request(text: str) -> SpeechRequest:
    """Return a request for a text."""
    return parse(
        msgspec.json.encode({"model": "kokoro", "voice": "x", "input": text}),
        Bounds(1000, 1000, strict=False),
    )


def unread(text: str, choice: Choice, *scripts: str) -> list[str]:
    """Return what is told of a text, by an engine that reads some scripts."""
    speech = SpeechCapabilities(24_000, (), scripts=scripts)
    info = EngineInfo("kokoro", "1", "", ("kokoro",), VOICES, speech=speech)
    return of_speech(request(text), info, CompatSettings(), (), scripts_read(info, choice))


@pytest.mark.parametrize(
    "text", ["안녕하세요", "Привет мир", "مرحبا", "你好", "ⴰⵣⵓⵍ", "ᠮᠣᠩᠭᠣᠯ", "ℵ", "ᚠᚢ привет"]
)
def test_a_text_that_the_voice_cannot_read_is_refused(text: str) -> None:
    """A text in other scripts only is refused, whatever other voices of the engine read."""
    mixture = Choice("kokoro", "", "af_heart(1)+zf_xiaobei(1)", mix=(("af_heart", 0.5), ("zf_xiaobei", 0.5)))
    for choice in (Choice("kokoro", "", "af_heart"), mixture):
        with pytest.raises(Unsupported, match="reads Latin only"):
            unread(text, choice)


def test_what_the_voice_leaves_out_is_named() -> None:
    """Amid what is read, other scripts are named; a voice that names no scripts has its engine's."""
    text = "Hello 你好, Привет."
    assert unread(text, Choice("kokoro", "", "af_heart")) == ["input in Cyrillic", "input in Han"]
    assert unread(text, Choice("kokoro", "", "zf_xiaobei")) == ["input in Cyrillic"]
    assert unread(text, Choice("kokoro", "", "ef_dora")) == []
    assert unread(text, Choice("kokoro", "", "ef_dora"), "Latin", "Cyrillic") == ["input in Han"]
    assert unread("Hello ⴰⵣⵓⵍ, ᚠᚢ", Choice("kokoro", "", "af_heart")) == ["input in other letters"]
    assert unread("Hello 𝐛𝐨𝐥𝐝, 5 µm", Choice("kokoro", "", "af_heart")) == []
