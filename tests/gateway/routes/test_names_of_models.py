"""End-to-end tests of the names of models that programs send: OpenAI's name before them, sizes of Whisper, and
models that need what nothing here can do.
"""

from __future__ import annotations

import io
import wave
from pathlib import Path

import httpx
import openai
import pytest
from servers import EAR, Server, running, wait_until

from engines.fakes.sine import faded_sine

RATE = 24_000


def short_recording() -> bytes:
    """Return a WAV of half a second of a tone, which every engine is done with at once."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(faded_sine(300.0, RATE // 2).tobytes())
    return file.getvalue()


RECORDING = short_recording()


def transcribe(server: Server, model: str, **fields: str) -> httpx.Response:
    """Have a recording transcribed."""
    return httpx.post(
        f"{server.base_url}/audio/transcriptions",
        files={"file": ("a.wav", RECORDING)},
        data={"model": model, **fields},
        timeout=60,
    )


def speak(server: Server, model: str, **fields: str) -> httpx.Response:
    """Have a text spoken."""
    body = {"model": model, "input": "Good morning.", "response_format": "pcm", **fields}
    return httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=60)


@pytest.mark.parametrize(
    ("model", "voice"),
    [("openai/tts-1", "alloy"), ("OpenAI/tts-1-hd", "nova"), ("openai/gpt-4o-mini-tts-2025-12-15", "alloy"),
     ("openai/tts-1", "openai/nova"), ("openai/espeak", "de"), ("openai/alloy", "")],
)  # fmt: skip
def test_openai_before_a_name_that_speaks(server: Server, model: str, voice: str) -> None:
    """A name speaks as it does without OpenAI's before it, whichever name it is."""
    prefixed = speak(server, model, voice=voice)
    plain = speak(server, model.partition("/")[2], voice=voice.removeprefix("openai/"))

    assert prefixed.status_code == 200, prefixed.text
    for name in ("x-voicebox-engine", "x-voicebox-voice"):
        assert prefixed.headers[name] == plain.headers[name]
    assert "x-voicebox-mapped" not in prefixed.headers


@pytest.mark.parametrize(
    "model", ["openai/whisper-1", "OpenAI/gpt-4o-transcribe", "openai/tone", "openai/gpt-transcribe"]
)
def test_openai_before_a_name_that_listens(server: Server, model: str) -> None:
    """The same goes for listening, and the SDK reads the answer."""
    plain = transcribe(server, model.partition("/")[2])
    answer = server.sdk().audio.transcriptions.create(model=model, file=("a.wav", RECORDING))

    assert answer.text == plain.json()["text"]
    assert transcribe(server, model).json() == plain.json()


def test_models_are_looked_up_by_the_same_names(server: Server) -> None:
    """A model that can be used by a name can be looked up by it."""
    client = server.sdk()

    assert client.models.retrieve("openai/whisper-1").owned_by == "system"
    assert client.models.retrieve("openai/tts-1").created == client.models.retrieve("tts-1").created
    assert client.models.retrieve("base.en").id == "base.en"


@pytest.mark.parametrize(
    ("model", "pull"),
    [("base", "faster-whisper-base"), ("base.en", "faster-whisper-base.en"), ("tiny", "faster-whisper-tiny"), ("large-v3", "faster-whisper-large-v3"),
     ("turbo", "faster-whisper-large-v3-turbo"), ("openai/whisper-small", "whisper-small"), ("Systran/faster-whisper-medium", "faster-whisper-medium"),
     ("distil-large-v3", "faster-whisper-distil-large-v3")],
)  # fmt: skip
def test_a_whisper_that_is_not_here(server: Server, model: str, pull: str) -> None:
    """What hears in place of a Whisper that is not here is told, with the command that brings it, and logged."""
    answer = transcribe(server, model)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-voicebox-mapped"].startswith(f"model={model}-")
    assert f"{pull}" in answer.headers["x-voicebox-warning"]
    id = answer.headers["x-request-id"]
    wait_until(lambda: any(line["id"] == id for line in server.requests()), "the request is logged")
    line = next(line for line in server.requests() if line["id"] == id)
    assert pull in line["warnings"][0]


@pytest.mark.parametrize("model", ["base", "tiny.en", "openai/whisper-1", "faster-whisper-small"])
def test_a_whisper_does_not_speak(server: Server, model: str) -> None:
    """A name of a Whisper is refused for speech as one that does not speak, with no advice to pull it."""
    answer = speak(server, model)

    assert answer.status_code == 404
    assert "does not speak" in answer.json()["error"]["message"]


def test_a_whisper_that_is_here(tmp_path: Path) -> None:
    """A size means the model of that size which is here, by every name that programs have for it."""
    with running(tmp_path, natural=True) as server:
        wait_until(lambda: transcribe(server, EAR).status_code == 200, "Whisper is loaded")
        for model in (
            "tiny.en",
            "openai/tiny.en",
            "whisper-tiny.en",
            "openai/whisper-tiny.en",
            EAR,
            f"Systran/{EAR}",
        ):
            answer = transcribe(server, model)

            assert answer.headers["x-voicebox-engine"] == EAR
            assert "x-voicebox-mapped" not in answer.headers, model
            assert "x-voicebox-warning" not in answer.headers


def test_nothing_tells_speakers_apart(server: Server) -> None:
    """A model that tells speakers apart is not listed while nothing can, and its use is refused with the reason."""
    client = server.sdk()

    assert "gpt-4o-transcribe" in {model.id for model in client.models.list()}
    assert "gpt-4o-transcribe-diarize" not in {model.id for model in client.models.list()}
    with pytest.raises(openai.NotFoundError, match="speakers"):
        client.models.retrieve("gpt-4o-transcribe-diarize")
    with pytest.raises(openai.BadRequestError, match="nothing here tells speakers apart"):
        client.audio.transcriptions.create(
            model="gpt-4o-transcribe-diarize",
            file=("a.wav", RECORDING),
            response_format="diarized_json",
            chunking_strategy="auto",
        )


def test_log_probabilities_are_refused_where_the_settings_say_so(tmp_path: Path) -> None:
    """Settings that refuse what has no effect refuse log-probabilities, too."""
    with running(tmp_path, {"compat": {"unsupported": "refuse"}}) as server:
        for form in ("json", "verbose_json"):
            answer = transcribe(
                server, "gpt-4o-transcribe", response_format=form, **{"include[0]": "logprobs"}
            )

            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "include")
