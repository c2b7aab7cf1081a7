"""Tests of models, voices and probes: what clients look up before they ask for anything."""

from __future__ import annotations

import urllib.request

import httpx
import pytest
from servers import Server, wait_until

VOICES = [
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
]


def get(server: Server, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{server.url}{path}", headers=headers)


def test_models_through_the_sdk(server: Server) -> None:
    """The strict SDK lists OpenAI's names and the engines' own, and retrieves each of them."""
    client = server.sdk(strict=True)
    models = [model.id for model in client.models.list()]

    assert {
        "tts-1",
        "tts-1-hd",
        "gpt-4o-mini-tts",
        "whisper-1",
        "gpt-4o-transcribe",
        "espeak",
        "pocketsphinx",
    } <= set(models)
    assert [client.models.retrieve(model).id for model in models] == models
    assert len(set(models)) == len(models)


@pytest.mark.parametrize(
    "model",
    [
        "tts-1-1106",
        "gpt-4o-mini-tts-2025-12-15",
        "whisper-small",
        "hexgrad%2FKokoro-82M",
        "hexgrad/Kokoro-82M",
    ],
)
def test_aliases_can_be_looked_up(server: Server, model: str) -> None:
    """Every name that a request may use can be looked up, slashes raw or escaped."""
    assert get(server, f"/v1/models/{model}").status_code == 200


def test_voices(server: Server) -> None:
    """The voice list has the shape that every client reads: strings `id` and `name`, the same, under both
    keys; no key needed.
    """
    body = get(server, "/v1/audio/voices").json()

    assert body["voices"] == body["data"]
    assert [voice["id"] for voice in body["voices"][:13]] == sorted(VOICES) or set(VOICES) <= {
        voice["id"] for voice in body["voices"]
    }
    assert all(isinstance(voice["id"], str) and voice["name"] == voice["id"] for voice in body["voices"])
    assert len({voice["id"] for voice in body["voices"]}) == len(body["voices"]) > 100


def test_every_listed_voice_resolves(server: Server) -> None:
    """Every listed voice can be named in a request."""
    for voice in get(server, "/v1/audio/voices").json()["voices"][::15]:
        answer = httpx.post(
            f"{server.base_url}/audio/speech", json={"model": "tts-1", "voice": voice["id"], "input": "1"}
        )

        assert answer.status_code == 200, voice


def test_open_webui_asks_for_audio_models(server: Server) -> None:
    """Open WebUI gets the models at /audio/models."""
    assert "tts-1" in [model["id"] for model in get(server, "/v1/audio/models").json()["models"]]


def test_probes_of_the_wyoming_bridge(server: Server) -> None:
    """The bridge to Home Assistant does not mistake us for LocalAI or Speaches, and finds the real voices."""
    assert get(server, "/v1/readyz").status_code == 404
    assert get(server, "/health").text.strip() != "OK"
    assert get(server, "/v1/test").json() == {"status": "ok"}
    assert {voice["name"] for voice in get(server, "/v1/models/tts-1").json()["voices"]} >= set(VOICES)


def test_health(server: Server) -> None:
    """The server is alive and ready, by two routes, and /health reports on each engine."""
    assert get(server, "/livez").status_code == get(server, "/readyz").status_code == 200
    assert {"espeak", "pocketsphinx"} <= set(get(server, "/health").json()["engines"])


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/v1/models", "/v1/models/", "/models/"])
def test_paths_however_joined(server: Server, path: str) -> None:
    """Base URLs work with and without /v1, and with slashes at the end."""
    assert get(server, path).json()["object"] == "list"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/"])
def test_roots(server: Server, path: str) -> None:
    """The roots, on which clients warm up, answer 200."""
    assert get(server, path).status_code == 200


def test_head(server: Server) -> None:
    """HEAD answers as GET does, without the body."""
    answer = httpx.head(f"{server.base_url}/models")

    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize(
    "key", [None, "Bearer", "Bearer ", "Bearer null", "Bearer undefined", "undefined", "Basic eDp5"]
)
def test_any_key_while_none_is_set(server: Server, key: str | None) -> None:
    """Without keys in the settings, whatever key a client sends is accepted."""
    request = urllib.request.Request(
        f"{server.base_url}/models", headers={"Authorization": key} if key else {}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def test_request_ids_and_log_lines(server: Server) -> None:
    """Each answer has its own id, and one log line with what it was and no text of the user's."""
    secret = "xylophone quartz"
    answer = httpx.post(f"{server.base_url}/audio/speech", json={"model": "tts-1", "input": secret})
    wait_until(
        lambda: any(line["id"] == answer.headers["x-request-id"] for line in server.requests()),
        "its line is written",
    )
    line = next(line for line in server.requests() if line["id"] == answer.headers["x-request-id"])

    assert (line["route"], line["engine"], line["characters"], line["outcome"]) == (
        "speech",
        "espeak",
        len(secret),
        "ok",
    )
    assert line["audio_seconds"] > 0.3
    assert 0 < line["first_byte_ms"] <= line["total_ms"]
    assert "xylophone" not in server.log_path.read_text()
