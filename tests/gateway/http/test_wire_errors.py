"""Tests of errors as clients see them: the envelope, the status and the SDK's exception, on every route."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import openai
import pytest
from servers import Server

GOOD = {"model": "tts-1", "voice": "alloy", "input": "Hello."}


def error(answer: httpx.Response) -> dict[str, Any]:
    """Return the error in a response, after checks of what every error response must have."""
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["x-request-id"].startswith("req_")
    body = answer.json()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    assert isinstance(body["message"], str)
    assert body["message"]
    return body  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "status", "type", "param", "code", "message"),
    [
        ({"model": None}, 400, "invalid_request_error", None, None, "you must provide a model parameter"),
        ({"model": "no-such"}, 404, "invalid_request_error", None, "model_not_found", "`no-such` does not exist"),
        ({"model": "whisper-1"}, 404, "invalid_request_error", None, None, "Invalid URL (POST /v1/audio/speech)"),
        ({"model": 3}, 400, "invalid_request_error", None, None, "We could not parse the JSON body"),
        ({"input": ""}, 400, "invalid_request_error", None, None, "input"),
        ({"input": 3}, 400, "invalid_request_error", None, None, "string_type"),
        ({"input": "x" * 200_001}, 400, "invalid_request_error", None, None, "string_too_long"),
        ({"voice": "alloyy"}, 400, "invalid_request_error", None, None, "Did you mean 'alloy'"),
        ({"response_format": "midi"}, 400, "invalid_request_error", "response_format", "unsupported_value", "Invalid"),
        ({"speed": "fast"}, 400, "invalid_request_error", None, None, "speed"),
        ({"stream_format": "smoke"}, 400, "invalid_request_error", None, None, "stream_format"),
    ],
)  # fmt: skip
def test_speech_errors(
    server: Server,
    change: dict[str, Any],
    status: int,
    type: str,
    param: str | None,
    code: str | None,
    message: str,
) -> None:
    """Each mistake has OpenAI's status, type, param and code."""
    answer = httpx.post(f"{server.base_url}/audio/speech", json=GOOD | change)
    body = error(answer)

    assert (answer.status_code, body["type"], body["param"], body["code"]) == (status, type, param, code)
    assert message in body["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/v1/foo", 404, "Invalid URL (GET /v1/foo)"),
        ("POST", "/nowhere", 404, "Invalid URL (POST /nowhere)"),
        ("GET", "/v1/audio/speech", 405, "Not allowed to GET on /v1/audio/speech"),
        ("DELETE", "/v1/models", 405, "Not allowed to DELETE"),
        ("GET", "/v1/realtime?model=x", 404, "Invalid URL"),
        ("GET", "/v1/models/no-such", 404, "The model 'no-such' does not exist"),
    ],
)
def test_routes_and_methods(server: Server, method: str, path: str, status: int, message: str) -> None:
    """Unknown routes and wrong methods answer in the envelope too."""
    answer = httpx.request(method, f"{server.url}{path}")

    assert answer.status_code == status
    assert message in error(answer)["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"not json", b"\xff", b"[]"])
def test_bad_json(server: Server, body: bytes) -> None:
    """A body that is no JSON object is a 400 whatever its type says."""
    for content_type in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        answer = httpx.post(
            f"{server.base_url}/audio/speech", content=body, headers={"content-type": content_type}
        )

        assert answer.status_code == 400
        assert "We could not parse the JSON body" in error(answer)["message"]


def test_json_under_another_content_type(server: Server) -> None:
    """JSON that is sent as a form, as curl -d does, or without any type, is read all the same."""
    body = b'{"model":"tts-1","voice":"alloy","input":"Hello.\n"}'
    for headers in (
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=utf-8"},
        {},
    ):
        assert httpx.post(f"{server.base_url}/audio/speech", content=body, headers=headers).status_code == 200


def test_body_too_large(server: Server) -> None:
    """A body beyond the limit gets 413 in the envelope, announced or not, and the client can read it."""
    big = b" " * 5_000_000
    announced = httpx.post(f"{server.base_url}/audio/speech", content=big)
    chunked = httpx.post(
        f"{server.base_url}/audio/speech", content=(big[i : i + 65536] for i in range(0, len(big), 65536))
    )

    for answer in (announced, chunked):
        assert answer.status_code == 413
        assert error(answer)["type"] == "server_error"


def test_sdk_exceptions(server: Server) -> None:
    """The SDK raises what it raises against OpenAI, with code and request id."""
    client = server.sdk()

    with pytest.raises(openai.NotFoundError) as missing:
        client.audio.speech.create(model="no-such", voice="alloy", input="x")
    with pytest.raises(openai.BadRequestError):
        client.audio.speech.create(model="tts-1", voice="no-such", input="x")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such")

    assert missing.value.code == "model_not_found"
    assert missing.value.request_id is not None


def test_engine_failure_before_the_first_byte(server: Server) -> None:
    """An engine that fails before any audio causes a JSON error, for plain audio and for SSE."""
    for stream_format in ("audio", "sse"):
        answer = httpx.post(
            f"{server.base_url}/audio/speech",
            json={"model": "tone", "input": "[fail] never heard", "stream_format": stream_format},
        )

        assert answer.status_code == 500
        assert error(answer)["type"] == "server_error"


def test_engine_failure_after_the_first_byte(server: Server) -> None:
    """After the first byte a failure breaks the connection, so that truncated audio never ends cleanly."""
    for format in ("mp3", "pcm", "wav", "opus"):
        with pytest.raises(httpx.RemoteProtocolError), httpx.stream(
            "POST", f"{server.base_url}/audio/speech",
            json={"model": "tone", "input": "[fail-after 0.3] one two three four five six seven", "response_format": format},
        ) as answer:  # fmt: skip
            assert answer.status_code == 200
            for _ in answer.iter_raw():
                pass


def test_engine_failure_in_sse(server: Server) -> None:
    """In SSE a failure is an error event, and no [DONE] follows."""
    answer = httpx.post(
        f"{server.base_url}/audio/speech",
        json={
            "model": "tone",
            "input": "[fail-after 0.3] one two three four five six",
            "stream_format": "sse",
        },
    )
    records = answer.text.strip().split("\r\n\r\n")

    assert records[-1].startswith('data: {"error":')
    assert "[DONE]" not in answer.text


def test_websockets_are_refused(server: Server) -> None:
    """An upgrade to the realtime API, which does not exist here, is a plain 404."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(
            b"GET /v1/realtime?model=x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 404")
