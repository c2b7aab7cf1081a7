"""Tests of keys, hosts, origins and bindings on a real server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import openai
import pytest
from opened_files import FileWatch
from servers import Server, running

from gateway.security.keys import KEYS_FILE, KeyStore

SPEECH: dict[str, object] = {"model": "tts-1", "voice": "alloy", "input": "Hello."}
RECORDING = Path(__file__).parents[2] / "data" / "jfk.flac"


def test_foreign_host_and_origin(server: Server) -> None:
    """A rebound host name and a page from elsewhere are both refused, in the envelope."""
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "null"}):
        answer = httpx.post(f"{server.base_url}/audio/speech", json=SPEECH, headers=headers)

        assert answer.status_code == 403
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert "access-control-allow-origin" not in answer.headers


def test_names_in_requests_are_not_opened(server: Server, tmp_path: Path) -> None:
    """No voice, model, language, text or file name of a request is opened as a path or fetched as an address, by
    the gateway or a worker: a file they name is never opened, and nothing connects to an address in them.
    """
    marker = tmp_path / "marker.wav"
    marker.write_bytes(RECORDING.read_bytes())
    relative = os.path.relpath(marker, server.folder / "data")
    with FileWatch(marker) as watch, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        names = (
            str(marker),
            f"file://{marker}",
            relative,
            os.path.relpath(marker),
            f"http://{address}/a.wav",
        )
        for name in names:
            for answer in answers_about(server, name):
                assert answer.status_code in (200, 400, 404, 422), (name, answer.text)
        assert not watch.opened()
        with pytest.raises(BlockingIOError):
            listener.accept()

        marker.read_bytes()
        with socket.create_connection(listener.getsockname()):  # both would have been seen
            assert watch.opened()
            listener.accept()[0].close()


def answers_about(server: Server, name: str) -> Iterator[httpx.Response]:
    """Put a name into each field of requests that may be taken for one of something to open."""
    speech = f"{server.base_url}/audio/speech"
    spoken: list[dict[str, object]] = [
        {"voice": name},
        {"model": name},
        {"input": name},
        {"instructions": name},
        {"language": name},
        {"voice": f"espeak/{name}"},
        {"voice": {"id": name}},
        {"model": f"espeak/{name}"},
        {"model": "espeak", "voice": name},
        {"model": "tone", "voice": name},
    ]
    for fields in spoken:
        yield httpx.post(speech, json=SPEECH | fields, timeout=60)
    for form in (
        {"model": name},
        *({"model": "tone", field: name} for field in ("language", "prompt", "file_name")),
    ):
        with RECORDING.open("rb") as recording:
            files = {"file": (name, recording)}
            yield httpx.post(f"{server.base_url}/audio/transcriptions", data=form, files=files, timeout=60)
    upload = {"file": (name, name.encode())}
    yield httpx.post(f"{server.base_url}/audio/transcriptions", data={"model": "tone"}, files=upload)
    for profile in (
        {"name": "marked", "preset_engine": name, "preset_voice_id": name},
        {"name": "marked", "preset_engine": "espeak", "preset_voice_id": name},
        {"name": "marked", "model": name, "avatar": name, "samples": [name]},
    ):
        answer = httpx.post(f"{server.base_url}/voicebox/profiles", json=profile)
        yield answer
        if answer.is_success:
            httpx.delete(f"{server.base_url}/voicebox/profiles/{answer.json()['id']}")
    yield httpx.get(f"{server.base_url}/models/{quote(name, safe='')}")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Run a server with a key, an expired key, and CORS for one origin."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = KeyStore(folder / "data" / KEYS_FILE)
    _, secret = keys.create("reader", None)
    with running(folder, {"server": {"cors_origins": ["app://obsidian.md"], "host": "0.0.0.0"}}) as server:
        yield server, secret


def test_keys(guarded: tuple[Server, str]) -> None:
    """With a key set, the SDK is admitted with it and raises AuthenticationError with another or none."""
    server, secret = guarded

    assert list(server.sdk(secret).models.list())
    with pytest.raises(openai.AuthenticationError) as wrong:
        server.sdk("sk-wrong-wrong-wrong").models.list()
    assert wrong.value.code == "invalid_api_key"
    assert "sk-wrong-wrong-wrong" not in str(wrong.value)
    missing = httpx.post(f"{server.base_url}/audio/speech", json=SPEECH)
    assert missing.status_code == 401
    assert missing.headers["www-authenticate"].startswith("Bearer")


def test_routes_without_a_key(guarded: tuple[Server, str]) -> None:
    """Probes need no key, nor does the voice list where none is sent; a wrong one is refused there too."""
    server, _ = guarded

    for path in ("/health", "/livez", "/readyz", "/v1/test", "/v1/audio/voices"):
        assert httpx.get(f"{server.url}{path}").status_code == 200
    assert (
        httpx.get(f"{server.base_url}/audio/voices", headers={"authorization": "Bearer no"}).status_code
        == 401
    )
    assert httpx.get(f"{server.base_url}/models").status_code == 401


def test_a_running_server_sees_new_and_revoked_keys(guarded: tuple[Server, str]) -> None:
    """A running server accepts a new key at once, and refuses a revoked one."""
    server, _ = guarded
    keys = KeyStore(server.folder / "data" / KEYS_FILE)
    _, secret = keys.create("guest", None)
    headers = {"authorization": f"Bearer {secret}"}

    assert httpx.get(f"{server.base_url}/models", headers=headers).status_code == 200
    keys.revoke("guest")
    assert httpx.get(f"{server.base_url}/models", headers=headers).status_code == 401


def test_cors(guarded: tuple[Server, str]) -> None:
    """An allowed origin gets CORS on preflights without a key, on answers and on errors; headers it asks for
    are echoed.
    """
    server, secret = guarded
    origin = {"origin": "app://obsidian.md"}
    asked = "authorization,content-type,x-stainless-os"
    preflight = httpx.options(
        f"{server.base_url}/audio/speech",
        headers={**origin, "access-control-request-method": "POST", "access-control-request-headers": asked},
    )
    error = httpx.post(
        f"{server.base_url}/audio/speech", json={}, headers={**origin, "authorization": f"Bearer {secret}"}
    )
    refused = httpx.post(f"{server.base_url}/audio/speech", json={}, headers=origin)

    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-headers"] == asked
    for answer in (preflight, error, refused):
        assert answer.headers["access-control-allow-origin"] == "app://obsidian.md"
    assert (error.status_code, refused.status_code) == (400, 401)


def test_no_binding_beyond_loopback_without_keys(tmp_path: Path) -> None:
    """Beyond loopback without keys the server does not start, says why and what to do, and leaves nothing
    running.
    """
    environ = {**os.environ, "VOICEBOX_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "serve", "--host", "0.0.0.0", "--port", "0"],
        capture_output=True, text=True, timeout=60, env=environ,
    )  # fmt: skip

    assert done.returncode == 2
    assert "--no-auth" in done.stderr
    assert "Traceback" not in done.stderr


def test_strict_and_unknown_default(tmp_path: Path) -> None:
    """`strict` applies OpenAI's limits, and `unknown: default` maps unknown names and names the mapping."""
    with running(
        tmp_path, {"compat": {"strict": True, "unknown": "default", "unsupported": "refuse"}}
    ) as server:
        url = f"{server.base_url}/audio/speech"
        long = httpx.post(url, json=SPEECH | {"input": "x" * 4097})
        unknown = httpx.post(url, json=SPEECH | {"model": "local-model", "voice": "nobody"})
        instructed = httpx.post(url, json=SPEECH | {"instructions": "Shout."})

    assert (long.status_code, unknown.status_code, instructed.status_code) == (400, 200, 400)
    assert unknown.headers["x-voicebox-mapped"].startswith("model=local-model->espeak, voice=nobody->espeak/")
    assert instructed.json()["error"]["param"] == "instructions"
