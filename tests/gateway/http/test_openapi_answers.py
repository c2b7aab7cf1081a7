"""Tests that the API's description is true: what a real server answers is what it documents, field by field."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from api_description import ApiDescription, Json
from cloning_server import CLONER, short
from servers import TIMEOUT, Server, running

from gateway.security.keys import KEYS_FILE, KeyStore

SPEECH = "/v1/audio/speech"
TRANSCRIPTIONS = "/v1/audio/transcriptions"
CONSENTS, CONSENT = "/v1/audio/voice_consents", "/v1/audio/voice_consents/{consent_id}"
VOICES, VOICE = "/v1/audio/voices", "/v1/audio/voices/{voice_id}"
PROFILES, PROFILE = "/v1/voicebox/profiles", "/v1/voicebox/profiles/{profile_id}"
SAMPLES, SAMPLE = PROFILE + "/samples", PROFILE + "/samples/{sample_id}"
ALIAS, WORDS = "/v1/voicebox/aliases/{name}", "/v1/voicebox/pronunciations"
MODELS, MODEL = "/v1/voicebox/models", "/v1/voicebox/models/{name}"
NEED_A_MODEL = {
    "pullModel",
    "followPull",
    "cancelPull",
    "verifyModel",
    "loadModel",
    "unloadModel",
    "deleteModelFiles",
    "createTranslation",
}
"""operations that only succeed with a model that was pulled, or that translates"""
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
TEXT = "Somebody hears every small browser."


class Caller:
    """Calls a server, and checks each answer against its description."""

    def __init__(self, server: Server, key: str | None = None) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.port = server.port
        self._http = httpx.Client(base_url=server.url, timeout=TIMEOUT, headers=headers)
        self.description = ApiDescription(self._http.get("/schema/openapi.json").raise_for_status().json())

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def send(self, method: str, url: str, **request: Any) -> httpx.Response:
        """Return the answer to a request, unchecked."""
        return self._http.request(method, url, **request)

    def call(
        self, method: str, path: str, *, status: int | None = 200, other: bool = False, **request: Any
    ) -> Any:
        """Return the answer to a request for a path of the description, with `values` put in."""
        url = path
        for name, value in request.pop("values", {}).items():
            url = url.replace("{" + name + "}", value)
        answer = self.send(method, url, **request)
        assert status in (None, answer.status_code), (method, path, answer.status_code, answer.text[:300])
        self.description.check(method, path, answer, other=other)
        if answer.status_code == 200 and status == 200:
            self.description.check_request(method, path, request)
        return answer


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Run a server that clones, transcribes and has no keys."""
    config = {"engines": CLONER | {"tone": {"enabled": True}}}
    with running(tmp_path_factory.mktemp("described"), config) as server:
        made = Caller(server)
        yield made
        made.close()


def test_all_answers(caller: Caller) -> None:
    """Each operation that can succeed here is called, and answers what the description says."""
    speak_and_transcribe(caller)
    lists(caller)
    custom_voices(caller)
    profiles(caller)
    names(caller)
    operations = caller.description.operations().values()
    assert {one["operationId"] for one in operations} - caller.description.seen == NEED_A_MODEL


def speak_and_transcribe(caller: Caller) -> None:
    """Speak in all formats, and transcribe in all formats."""
    body = {"model": "espeak", "voice": "en-us", "input": TEXT, "instructions": "Slowly."}
    for name in ("mp3", "opus", "aac", "flac", "wav", "pcm"):
        caller.call("POST", SPEECH, json=body | {"response_format": name})
    caller.call("POST", SPEECH, json=body | {"stream_format": "sse"})
    for name in ("json", "text", "srt", "vtt", "verbose_json"):
        fields = {"model": "tone", "response_format": name, "timestamp_granularities[]": ["word", "segment"]}
        caller.call("POST", TRANSCRIPTIONS, data=fields, files={"file": short()})
        caller.call("POST", "/v1/audio/translations", data=fields, files={"file": short()}, status=None)
    caller.call("POST", TRANSCRIPTIONS, data={"model": "gpt-4o-transcribe"}, files={"file": short()})
    caller.call("POST", TRANSCRIPTIONS, data={"model": "tone", "stream": "true"}, files={"file": short()})


def lists(caller: Caller) -> None:
    """Ask for all lists and for what the server is."""
    for path in ("/", "/v1", "/v1/models", "/v1/audio/models", VOICES, CONSENTS, PROFILES, "/v1/voicebox/presets",
                 "/v1/voicebox/aliases", WORDS, MODELS, "/health", "/livez", "/readyz", "/v1/test", "/metrics",
                 "/schema", "/schema/openapi.json"):  # fmt: skip
        caller.call("GET", path)
    caller.call("GET", "/v1/models/{model}", values={"model": "tts-1"})
    caller.call("GET", VOICE, values={"voice_id": "alloy"})
    caller.call("GET", "/v1/voicebox/engines/{engine}/presets", values={"engine": "espeak"})
    caller.call("GET", MODEL, values={"name": "kokoro"})


def custom_voices(caller: Caller) -> None:
    """Keep a consent, and make a voice by it."""
    consent = caller.call(
        "POST", CONSENTS, data={"name": "Anna", "language": "en"}, files={"recording": short()}
    )
    one = {"consent_id": consent.json()["id"]}
    caller.call("GET", CONSENTS)
    caller.call("GET", CONSENT, values=one)
    caller.call("POST", CONSENT, values=one, json={"name": "Anna Smith"})
    fields = {"name": "Anna", "consent": one["consent_id"]}
    voice = caller.call("POST", VOICES, data=fields, files={"audio_sample": ("a.wav", short(), "audio/wav")})
    caller.call("POST", VOICES, json={"name": "Bob", "type": "prompt", "prompt": "An old man."})
    caller.call("GET", VOICES)
    caller.call("GET", VOICE, values={"voice_id": voice.json()["id"]})
    caller.call("DELETE", VOICE, values={"voice_id": voice.json()["id"]})
    caller.call("DELETE", CONSENT, values=one)


def profiles(caller: Caller) -> None:
    """Make a profile with a sample and a picture, change, hear, export and import it."""
    words = [{"word": "SQL", "respelling": "sequel"}]
    body = {"name": "Carol", "voice_type": "cloned", "pronunciations": words, "text_format": "plain"}
    one = {"profile_id": caller.call("POST", PROFILES, json=body).json()["id"]}
    for method in ("PATCH", "PUT"):
        caller.call(method, PROFILE, values=one, json={"description": "Calm.", "speed": 1.1})
    form = {"transcript": "And so, my fellow Americans."}
    added = caller.call(
        "POST", SAMPLES, values=one, data=form, files={"file": ("a.wav", short(), "audio/wav")}
    )
    both = one | {"sample_id": added.json()["id"]}
    for method in ("PATCH", "PUT"):
        caller.call(method, SAMPLE, values=both, json={"transcript": "Other words."})
    caller.call("POST", SAMPLE + "/transcribe", values=both)
    caller.call("POST", SAMPLE + "/trim", values=both, json={"start": 0.1})
    for query in ({}, {"original": "true"}):
        caller.call("GET", SAMPLE + "/audio", values=both, params=query)
    for asked, status in (("bytes=0-9", 206), ("bytes=99999999-", 416)):
        caller.call("GET", SAMPLE + "/audio", values=both, headers={"range": asked}, status=status)
    for path in (SAMPLES, SAMPLE, PROFILE, PROFILES, PROFILE + "/engines", PROFILE + "/audit"):
        caller.call("GET", path, values=both)
    for method in ("POST", "PUT"):
        caller.call(
            method, PROFILE + "/avatar", values=one, content=PNG, headers={"content-type": "image/png"}
        )
    caller.call("GET", PROFILE + "/avatar", values=one)
    caller.call("GET", PROFILE, values=one)
    caller.call("DELETE", PROFILE + "/avatar", values=one)
    caller.call("POST", PROFILE + "/preview", values=one, json={"input": "small browser"})
    packed = caller.call("GET", PROFILE + "/export", values=one).content
    caller.call(
        "POST",
        PROFILES + "/import",
        params={"name": "Dora"},
        content=packed,
        headers={"content-type": "application/zip"},
    )
    caller.call("DELETE", PROFILE + "/cache", values=one)
    caller.call("DELETE", SAMPLE, values=both)
    caller.call("DELETE", PROFILE, values=one)


def names(caller: Caller) -> None:
    """Give a voice another name, and say how a word is pronounced."""
    caller.call("PUT", ALIAS, values={"name": "narrator"}, json={"target": "espeak/en-us"})
    caller.call("GET", "/v1/voicebox/aliases")
    caller.call("DELETE", ALIAS, values={"name": "narrator"})
    caller.call("PUT", WORDS, json={"pronunciations": [{"word": "SQL", "ipa": "ˈsiːkwəl"}]})
    caller.call("GET", WORDS)
    caller.call("DELETE", "/v1/voicebox/cache")


def wrong_requests(operation: Json) -> Iterator[Json]:
    """Yield requests that have something wrong in them, or nothing at all."""
    yield {}
    yield {"content": b'{"a":', "headers": {"content-type": "application/json"}}
    yield {"json": ["no object"]}
    yield {
        "json": {
            "model": 1,
            "input": [],
            "name": [],
            "target": {},
            "transcript": 7,
            "pronunciations": "x",
            "start": "x",
        }
    }
    yield {
        "data": {"model": "whisper-1", "name": "x"},
        "files": {"file": b"no audio", "recording": b"", "audio_sample": b"x"},
    }
    yield {"content": b"no form", "headers": {"content-type": "multipart/form-data"}}
    yield {"params": {"limit": "x", "after": "nobody", "source": "x", "engine": "x", "original": "x"}}
    if any(one["name"] == "x-voicebox-priority" for one in operation.get("parameters", ())):
        body = {"model": "tts-1", "input": "x", "name": "N", "voice_type": "designed", "design_prompt": "x"}
        yield {"json": body, "headers": {"x-voicebox-priority": "never"}}


def test_all_errors(caller: Caller) -> None:
    """Whatever is wrong with a request, the answer has a status that its operation documents, in the one
    envelope of errors.
    """
    for (method, path), operation in caller.description.operations().items():
        values = {one["name"]: "nobody" for one in operation.get("parameters", ()) if one["in"] == "path"}
        for request in wrong_requests(operation):
            caller.call(method, path, status=None, values=values, **request)


def test_errors_of_models_that_are_not_here(caller: Caller) -> None:
    """A model that is known and absent is refused as documented."""
    for method, path in (
        ("POST", "/verify"),
        ("POST", "/load"),
        ("POST", "/unload"),
        ("DELETE", ""),
        ("POST", "/cancel"),
    ):
        caller.call(method, MODEL + path, status=None, values={"name": "piper-en_US-joe-medium"})


def test_errors_that_any_route_may_answer(caller: Caller) -> None:
    """A method that a path does not take, a URL without end, a host that is not let in."""
    answer = caller.call("GET", "/v1/models", status=403, headers={"host": "evil.example"})
    assert answer.json()["error"]["type"] == "invalid_request_error"
    caller.call("GET", "/v1/models", params={"x": "y" * 5000}, status=414, other=True)
    answer = caller.send("PUT", "/v1/models")
    caller.description.validate(answer.json(), {"$ref": "#/components/schemas/ErrorResponse"})
    assert answer.status_code == 405


def test_bodies_that_are_too_large(caller: Caller) -> None:
    """A body over a limit is a documented 413 wherever a body is taken."""
    for path in (SPEECH, TRANSCRIPTIONS, VOICES, PROFILES):
        caller.description.check("POST", path, refused_for_its_length(caller.port, path))


def refused_for_its_length(port: int, path: str) -> httpx.Response:
    """Return the answer to a body that is announced as longer than any, and not sent."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)) as connection:
        connection.putrequest("POST", path)
        for name, value in (("content-type", "application/json"), ("content-length", str(10**10))):
            connection.putheader(name, value)
        connection.putheader("expect", "100-continue")
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        return httpx.Response(413, headers=dict(answer.getheaders()), content=answer.read())


def test_with_keys(tmp_path: Path) -> None:
    """Once there are keys, the description says so, and of each operation whether it needs one, truly."""
    folder = tmp_path / "data"
    folder.mkdir()
    secret = KeyStore(folder / KEYS_FILE).create("anna", None)[1]
    with running(tmp_path, {"admission": {"requests_per_minute": 1}}) as server:
        caller, keyed = Caller(server), Caller(server, secret)
        document = caller.description.document
        assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
        assert document["security"] == [{"bearer": []}]
        for (method, path), operation in caller.description.operations().items():
            answer = caller.call(method, path, status=None)
            assert (answer.status_code == 401) == ("security" not in operation), (method, path)
        body = json.dumps({"model": "tts-1", "input": TEXT})
        keyed.call("POST", SPEECH, content=body)
        limited = keyed.call("POST", SPEECH, content=body, status=429)
        assert limited.headers["retry-after"]
        caller.close()
        keyed.close()
