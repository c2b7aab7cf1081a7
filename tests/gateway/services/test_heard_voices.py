"""Tests that the voice which an answer names is the one that is heard, where voices go by their languages."""

from __future__ import annotations

import httpx
import pytest
from decoded import decoded, timbre_distance
from servers import Server

TEXTS = {
    "de": "Guten Morgen, wie geht es Ihnen heute?",
    "ko": "안녕하세요, 오늘은 날씨가 좋습니다.",
    "fr": "Bonjour, comment allez-vous ce matin ?",
    "pt-BR": "Bom dia, como vai você hoje?",
}


def spoken(server: Server, text: str, **fields: str) -> httpx.Response:
    body = {"model": "espeak", "voice": "alloy", "response_format": "pcm", "input": text, **fields}
    answer = httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("voice", ["alloy", "nova", "en-us", "en-gb+f3", "espeak/en-us"])
def test_the_voice_that_is_named_is_heard(server: Server, voice: str, language: str) -> None:
    """A voice that is told another language answers with the name of the voice that is heard, its variant
    kept: asked for by that name, it sounds the same. `x-voicebox-mapped` tells of the change.
    """
    told = spoken(server, TEXTS[language], voice=voice, language=language)
    heard = told.headers["x-voicebox-voice"]

    assert not heard.startswith("en")
    assert told.headers["x-voicebox-mapped"].endswith(f"->espeak/{heard}")
    again = spoken(server, TEXTS[language], voice=heard)
    assert again.headers["x-voicebox-voice"] == heard
    one, other = decoded(told.content, "pcm"), decoded(again.content, "pcm")
    assert len(one) == pytest.approx(len(other), rel=0.01)
    assert timbre_distance(one, other) < 1.5


@pytest.mark.parametrize("language", ["de", "ko"])
def test_a_language_that_is_found_moves_the_name_as_well(server: Server, language: str) -> None:
    """OpenAI's names speak the language that is found in the text, and the answer names that voice."""
    answer = spoken(server, TEXTS[language])

    assert answer.headers["x-voicebox-voice"].startswith(language)
    assert answer.headers["x-voicebox-mapped"] == f"voice=alloy->espeak/{answer.headers['x-voicebox-voice']}"


def test_a_voice_of_the_language_keeps_its_name(server: Server) -> None:
    """A voice that speaks the language anyhow is heard itself, and nothing is told."""
    for voice, language in (("en-gb", "en"), ("de", "de-DE"), ("fr-be", "fr")):
        answer = spoken(server, "One, two.", voice=voice, language=language)
        assert answer.headers["x-voicebox-voice"] == voice
        assert "x-voicebox-mapped" not in answer.headers


@pytest.mark.parametrize(
    ("tag", "voice"),
    [("zh-HK", "yue"), ("zh_hk", "yue"), ("zh-Hant-HK", "yue"), ("zh-yue", "yue"), ("zh-TW", "cmn"), ("zh", "cmn"),
     ("en", "en-us"), ("fr", "fr-fr"), ("pt", "pt"), ("en-GB", "en-gb"), ("de-CH", "de")],
)  # fmt: skip
def test_tags_name_the_voice_of_their_place(server: Server, tag: str, voice: str) -> None:
    """A tag as a voice's name is the voice of its place: Hong Kong's Chinese is Cantonese, plain English is
    that of the United States.
    """
    assert spoken(server, "一二三", voice=tag).headers["x-voicebox-voice"] == voice


@pytest.mark.parametrize(
    "model", ["espeak-ng", "openai:tts-1", "models/tts-1", "azure/tts-1", "tts-1:latest"]
)
def test_models_as_other_programs_write_them(server: Server, model: str) -> None:
    """The model's name with a provider, a version, or of the library, speaks as the plain one does."""
    answer = spoken(server, "One.", model=model)

    assert answer.headers["x-voicebox-engine"] == "espeak"
    assert "x-voicebox-mapped" not in answer.headers


@pytest.mark.parametrize(
    ("voice", "like"),
    [("alloy+echo", "alloy"), ("alloy,echo", "alloy"), ("0.5*nova+0.5*echo", "nova"), ("nova(2)+echo(1)", "nova"), ("af_nova,am_onyx", "af_nova"),
     ("0.5*af_nova+0.5*am_onyx", "af_nova"), ("kokoro/af_nova", "af_nova"), ("af_nova.pt", "af_nova"), ("voices/af_nova.pt", "af_nova")],
)  # fmt: skip
def test_mixtures_and_files_of_voices(server: Server, voice: str, like: str) -> None:
    """Where nothing mixes voices, a mixture is spoken by its first voice, and a voice's file by the voice; the
    answer says so, and as a sentence what would bring the voice that is missing.
    """
    answer = spoken(server, "One.", voice=voice)

    assert (
        answer.headers["x-voicebox-voice"] == spoken(server, "One.", voice=like).headers["x-voicebox-voice"]
    )
    assert answer.headers["x-voicebox-mapped"].startswith("voice=")


def test_warnings_keep_their_commas(server: Server) -> None:
    """A warning is a sentence, whose commas are no question marks."""
    warning = spoken(server, "One.", voice="en-US-AriaNeural").headers["x-voicebox-warning"]

    assert "is not here, nor in any model" in warning
