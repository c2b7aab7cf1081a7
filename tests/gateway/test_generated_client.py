"""Tests that a client which a public generator makes of the API's description works against the server."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import httpx2 as httpx
import pytest
from decoded import decoded
from recordings import JFK
from servers import Server

PACKAGE = "voicebox_gateway_client"
UNDERSTOOD = re.compile(r"application/json|text/.*|multipart/form-data|application/octet-stream")
"""types of bodies that the generator knows; of others it has to be told that they are bytes"""


@pytest.fixture(scope="module")
def generated(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Generate a client by openapi-python-client, and return what the generator said."""
    folder = tmp_path_factory.mktemp("generated")
    document = httpx.get(f"{server.url}/schema/openapi.json").json()
    (folder / "openapi.json").write_text(json.dumps(document))
    overrides = dict.fromkeys(set(media_types(document)), "application/octet-stream")
    config = {"post_hooks": [], "content_type_overrides": overrides}
    (folder / "config.json").write_text(json.dumps(config))
    command = [
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--meta",
        "none",
        "--fail-on-warning",
    ]
    paths = ["--path", "openapi.json", "--config", "config.json", "--output-path", PACKAGE]
    done = subprocess.run([*command, *paths], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[:1500]
    sys.path.insert(0, str(folder))
    yield done.stdout
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def media_types(value: Any) -> Iterator[str]:
    """Yield the media types in a document that the generator has to be told of."""
    if isinstance(value, list):
        for one in value:
            yield from media_types(one)
    if isinstance(value, dict):
        content = value.get("content", {})
        yield from (name for name in content if not UNDERSTOOD.fullmatch(name))
        for one in value.values():
            yield from media_types(one)


def module(name: str) -> ModuleType:
    """Return a module of the client."""
    return importlib.import_module(f"{PACKAGE}.{name}")


@pytest.fixture
def client(server: Server, generated: str) -> Iterator[Any]:
    """Return the generated client of the server."""
    with module("client").Client(base_url=server.url, timeout=60.0) as made:
        yield made


def test_the_generator_complains_of_nothing(generated: str) -> None:
    """The whole description is understood, no operation is left out."""
    assert "WARNING" not in generated and "Unable" not in generated, generated


def test_it_speaks(client: Any) -> None:
    """Speech comes as bytes of the format that is asked for, with the headers that are documented."""
    models = module("models")
    body = models.SpeechRequest(
        model="espeak",
        input_="One, two, three.",
        voice="en-us",
        response_format=models.SpeechRequestResponseFormat.FLAC,
    )
    answer = module("api.speech.create_speech").sync_detailed(client=client, body=body)
    assert answer.status_code == 200
    assert answer.headers["x-voicebox-engine"] == "espeak"
    assert len(decoded(answer.parsed.payload.read())) > 10_000


def test_it_transcribes(client: Any) -> None:
    """A recording is sent as a form; JSON comes as the type that fits the format that is asked for."""
    models, types = module("models"), module("types")
    call = module("api.transcription.create_transcription").sync
    with JFK.open("rb") as recording:
        file = types.File(payload=recording, file_name="jfk.flac")
        plain = call(client=client, body=models.TranscriptionForm(model="tone", file=file))
    assert isinstance(plain, models.Transcription)
    assert plain.text == "sound of 110 tenths"
    with JFK.open("rb") as recording:
        body = models.TranscriptionForm(
            model="tone",
            file=types.File(payload=recording, file_name="jfk.flac"),
            response_format=models.TranscriptionFormResponseFormat.VERBOSE_JSON,
            timestamp_granularities=[models.TranscriptionFormTimestampGranularitiesItem.WORD],
        )
        verbose = call(client=client, body=body)
    assert isinstance(verbose, models.VerboseTranscription)
    assert verbose.words[0].word == "sound"


def test_it_lists_and_fails(client: Any) -> None:
    """Lists come as their types, and errors as the type of the envelope."""
    models = module("models")
    voices = module("api.voices.list_voices").sync(client=client)
    assert any(voice.id == "alloy" for voice in voices.data)
    error = module("api.speech.create_speech").sync(
        client=client, body=models.SpeechRequest(model="nonexistent-model", input_="Hello.")
    )
    assert isinstance(error, models.ErrorResponse)
    assert error.error.code == "model_not_found"
