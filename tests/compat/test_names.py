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
     ("whisper-large-v3-turbo", "transcription"), ("distil-whisper/distil-large-v3", "transcription"), ("base.en", "transcription"),
     ("large-v3", "transcription"), ("turbo", "transcription"), ("openai/tiny", "transcription"), ("small.de", None), ("large-v9", None), ("whisper-99", None), ("whisper", "transcription")],
)  # fmt: skip
def test_peers_models(model: str, use: str | None) -> None:
    """Names that users of other self-hosted servers have in their settings are known by their kind."""
    assert names.peer_kind(model) == use


@pytest.mark.parametrize(
    ("model", "kind"),
    [("openai/whisper-1", "transcription"), ("OpenAI/TTS-1-HD", "speech"), ("openai/gpt-4o-mini-tts-2025-12-15", "speech"),
     ("openai/gpt-4o-transcribe", "transcription"), ("openai/", None), ("acme/tts-1", None)],
)  # fmt: skip
def test_openai_before_a_name(model: str, kind: str | None) -> None:
    """The name of OpenAI before a name of theirs changes nothing, as programs with several providers send it."""
    assert names.openai_kind(model) == kind
    assert names.gives_logprobs("openai/gpt-4o-transcribe")
    assert names.counts_tokens("openai/gpt-4o-transcribe")
    assert names.tells_languages("openai/gpt-transcribe")
    assert names.diarizes("openai/gpt-4o-transcribe-diarize")


@pytest.mark.parametrize(
    ("model", "size"),
    [("base", "base"), ("base.en", "base.en"), ("tiny", "tiny"), ("small", "small"), ("medium.en", "medium.en"), ("large", "large-v3"),
     ("large-v3", "large-v3"), ("turbo", "large-v3-turbo"), ("large-v3-turbo", "large-v3-turbo"), ("large-v2", "large-v2"),
     ("distil-large-v3", "distil-large-v3"), ("distil-whisper/distil-large-v3", "distil-large-v3"),
     ("Systran/faster-distil-whisper-large-v3", "distil-large-v3"), ("Systran/faster-whisper-small.en", "small.en"),
     ("openai/whisper-large-v3-turbo", "large-v3-turbo"), ("deepdml/faster-whisper-large-v3-turbo-ct2", "large-v3-turbo"),
     ("mlx-community/whisper-tiny-mlx", "tiny")],
)  # fmt: skip
def test_what_sizes_of_whisper_mean(model: str, size: str) -> None:
    """A size of Whisper means it in whichever form an engine has it."""
    found = {model.casefold(), *names.other_names(model)}
    assert {f"faster-whisper-{size}", f"whisper-{size}"} <= found


@pytest.mark.parametrize(
    "model", ["whisper-1", "tts-1", "espeak", "base/x", "af_heart", "", "parakeet-ctc-1.1b"]
)
def test_names_that_mean_themselves(model: str) -> None:
    """Other names mean nothing else."""
    assert names.other_names(model) == ()


@pytest.mark.parametrize(
    "written",
    ["openai/{}", "openai:{}", "azure/{}", "azure:{}", "models/{}", "litellm_proxy/{}", "openai_compatible/{}", "{}:latest",
     "litellm/openai/{}", "models/{}:latest", " {} ", "OpenAI:{}"],
)  # fmt: skip
@pytest.mark.parametrize(("model", "kind"), [("tts-1", "speech"), ("whisper-1", "transcription")])
def test_names_with_providers_and_versions(written: str, model: str, kind: str) -> None:
    """A provider before a name of OpenAI's, and a version as Ollama writes it behind, change nothing."""
    assert names.openai_kind(written.format(model)) == kind
    assert model in names.other_names(written.format(model))


@pytest.mark.parametrize("model", ["mlx-community/Kokoro-82M-bf16", "mlx-community/Kokoro-82M-4bit", "kokoro-v1.0-fp16", "kokoro:latest", "onnx-community/Kokoro-82M-v1.0-ONNX"])  # fmt: skip
def test_packed_kokoros_are_kokoro(model: str) -> None:
    """Kokoro is Kokoro however its weights are packed."""
    assert "kokoro" in names.other_names(model)


@pytest.mark.parametrize("model", ["espeak-ng", "eSpeak-NG", "models/espeak-ng", "espeak_ng:latest"])
def test_espeak_goes_by_its_library(model: str) -> None:
    """eSpeak NG is found by its whole name."""
    assert "espeak" in names.other_names(model)


@pytest.mark.parametrize(
    "model", ["mytts-1", "acme/tts-1", "tts-1:x", "openai/", "models/", ":latest", "openai:gpt-4o"]
)
def test_what_only_looks_like_a_provider(model: str) -> None:
    """Other words before or behind a name make it another one."""
    assert names.openai_kind(model) is None
