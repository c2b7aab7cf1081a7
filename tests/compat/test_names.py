"""Tests of OpenAI's model ids, and those of other servers."""

from __future__ import annotations

import pytest

from compat.openai import names

SPEECH = ["tts-1", "tts-1-hd", "tts-1-1106", "tts-1-hd-1106", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-03-20",
          "gpt-4o-mini-tts-2025-12-15", "TTS-1"]  # fmt: skip
TRANSCRIPTION = ["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-mini-transcribe-2025-12-15",
             "gpt-4o-transcribe-diarize", "gpt-transcribe", "gpt-4o-transcribe-api-ev3", "gpt-live-transcribe",
             "gpt-realtime-whisper"]  # fmt: skip


@pytest.mark.parametrize("model", SPEECH)
def test_every_speech_id(model: str) -> None:
    """Every id that OpenAI had for speech is known as one, dated ones too."""
    assert names.openai_kind(model) == "speech"


@pytest.mark.parametrize("model", TRANSCRIPTION)
def test_every_transcription_id(model: str) -> None:
    """Every id that OpenAI had for transcription is known as one."""
    assert names.openai_kind(model) == "transcription"


@pytest.mark.parametrize(
    "model",
    ["", "gpt-4o", "tts", "whisper", "tts-1x", "tts-2", "whisper-99", "xtts-1", "espeak", "gpt-x-tts"],
)
def test_other_ids(model: str) -> None:
    """Other names do not count as OpenAI's."""
    assert names.openai_kind(model) is None


@pytest.mark.parametrize(
    ("model", "use"),
    [("kokoro", "speech"), ("hexgrad/Kokoro-82M", "speech"), ("whisper-small", "transcription"),
     ("Systran/faster-whisper-large-v3", "transcription"), ("gpt-4o", None), ("tts-l", None),
     ("whisper-large-v3-turbo", "transcription"), ("distil-whisper/distil-large-v3", None), ("whisper-99", None), ("whisper", "transcription")],
)  # fmt: skip
def test_peers_models(model: str, use: str | None) -> None:
    """Names that users of other self-hosted servers have in their settings are known by their kind."""
    assert names.peer_kind(model) == use


@pytest.mark.parametrize(
    ("voice", "traits"),
    [("af_bella", ("en-us", "female")), ("bm_george", ("en-gb", "male")), ("zf_xiaobei", ("cmn", "female")),
     ("af_bella+af_sky", ("en-us", "female")), ("am_adam(2)+af_sky(1)", ("en-us", "male")), ("alloy", None), ("xx_y", None)],
)  # fmt: skip
def test_kokoros_voices(voice: str, traits: tuple[str, str] | None) -> None:
    """Kokoro's voice names have language and gender, and so has the first of a blend."""
    assert names.kokoro_voice(voice) == traits
