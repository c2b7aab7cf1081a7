"""Tests of the API's description: it is valid, names every route, and is true of what the server answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import jsonschema
import pytest
from api_description import ApiDescription, Json, events
from applications import application
from litestar.routes import HTTPRoute
from openapi_spec_validator import validate
from servers import Server

from compat.openai import speech, transcription
from gateway.config.settings import CompatSettings, LimitSettings, Settings
from gateway.http.openapi.document import build
from gateway.http.openapi.operation import TAGS

IDS = Path(__file__).parents[2] / "data" / "operation_ids.txt"
UNDOCUMENTED = {("GET", "/schema/{name}"), ("GET", "/console/{digest}/{name}")}
"""files of the pages that browsers open"""


@pytest.fixture(scope="module")
def description(server: Server) -> ApiDescription:
    """Return the description that a server gives."""
    return ApiDescription(httpx.get(f"{server.url}/schema/openapi.json").raise_for_status().json())


def test_it_is_valid(description: ApiDescription) -> None:
    """The document is OpenAPI 3.1, its schemas are JSON Schema, and all that it refers to is there."""
    validate(description.document)
    for schema in description.document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for reference in references(description.document):
        assert description.resolved({"$ref": reference})


def references(value: Any) -> Iterator[str]:
    """Yield all references in a document, those of discriminators too."""
    if isinstance(value, dict):
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, str) and value.startswith("#/"):
        yield value


def test_every_route_is_in_it(description: ApiDescription, tmp_path: Path) -> None:
    """The application has no route with no description, and the description no route that is not there."""
    routes = {
        (method, route.path_format)
        for route in application(tmp_path).routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - {"OPTIONS", "HEAD"}
    }
    assert set(description.operations()) == routes - UNDOCUMENTED


def test_every_operation_says_what_it_is(description: ApiDescription) -> None:
    """Each has a group that is described, a summary, described parameters, typed answers, an example of what
    is sent and answered as JSON, and the errors that any route may answer.
    """
    assert list(TAGS) == [tag["name"] for tag in description.document["tags"]]
    for where, operation in description.operations().items():
        assert operation["summary"], where
        assert set(operation["tags"]) <= set(TAGS) and len(operation["tags"]) == 1, where
        assert all(one["description"] for one in operation.get("parameters", ())), where
        answers = operation["responses"]
        assert {"403", "500", "503", "default"} <= set(answers), where
        assert all(media["schema"] for media in answers["200"]["content"].values()), where
        body = operation.get("requestBody", {"content": {}})["content"]
        assert not body or {"400", "413", "408"} <= set(answers), where
        for content in (body, answers["200"]["content"]):
            json_media = content.get("application/json")
            assert not json_media or json_media.get("examples") or where[1] == "/schema/openapi.json", where


def test_names_of_operations_stay(description: ApiDescription) -> None:
    """Generated clients call operations by name: a name that is changed breaks them, and is changed in the
    list beside this test as well.
    """
    names = sorted(
        f"{operation['operationId']} {' '.join(where)}"
        for where, operation in description.operations().items()
    )
    assert names == IDS.read_text("utf-8").splitlines()
    assert all(re.fullmatch(r"[a-z]+[A-Za-z0-9]*", name.split()[0]) for name in names)
    assert len({name.split()[0] for name in names}) == len(names)


def test_examples_fit(description: ApiDescription) -> None:
    """Each example is what its schema says, with no field that is not documented."""
    count = 0
    contents = [
        content
        for operation in description.operations().values()
        for one in (operation.get("requestBody", {}), *operation["responses"].values())
        if (content := description.resolved(one).get("content"))
    ]
    for content in contents:
        for media_type, media in content.items():
            shown = [example["value"] for example in media.get("examples", {}).values()]
            for example in [*shown, *([media["example"]] if "example" in media else [])]:
                count += 1
                if media_type == "text/event-stream":
                    for event in events(example):
                        description.validate(event, media["x-events"])
                else:
                    description.validate(example, media["schema"])
    assert count > 100


def test_speech_has_its_media_types(description: ApiDescription) -> None:
    """Speech is answered with audio of each format, or with events; a transcript as JSON, text or events."""
    answers = {
        path: set(description.operations()["POST", path]["responses"]["200"]["content"])
        for path in ("/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/translations")
    }
    assert answers["/v1/audio/speech"] == {
        "audio/mpeg", "audio/opus", "audio/aac", "audio/flac", "audio/wav", "audio/pcm", "text/event-stream",
    }  # fmt: skip
    assert answers["/v1/audio/transcriptions"] == {"application/json", "text/plain", "text/event-stream"}
    assert answers["/v1/audio/translations"] == {"application/json", "text/plain"}


def test_all_fields_that_are_read_are_documented(description: ApiDescription) -> None:
    """What the routes of speech and transcription read is what is documented of them."""
    schemas = description.document["components"]["schemas"]
    assert set(schemas["SpeechRequest"]["properties"]) == speech.KNOWN
    assert set(schemas["TranscriptionForm"]["properties"]) == transcription.KNOWN
    read_as_json = transcription.KNOWN - {"file"} | {"input_audio"}
    assert set(schemas["TranscriptionRequest"]["properties"]) == read_as_json
    assert all(field["description"] for field in schemas["SpeechRequest"]["properties"].values())
    assert schemas["TranscriptionForm"]["properties"]["file"]["format"] == "binary"


def test_limits_are_those_of_the_settings(tmp_path: Path) -> None:
    """The longest text is what the settings say, or OpenAI's in strict mode."""
    assert _speech_fields(tmp_path, limits=LimitSettings(input_characters=777))["input"]["maxLength"] == 777
    assert _speech_fields(tmp_path, compat=CompatSettings(strict=True))["input"]["maxLength"] == 4096
    fields = _speech_fields(tmp_path)
    assert (fields["input"]["minLength"], fields["input"]["maxLength"]) == (1, 200_000)
    assert (fields["speed"]["minimum"], fields["speed"]["maximum"]) == (0.25, 4.0)


def _speech_fields(folder: Path, **settings: Any) -> Json:
    document = build(application(folder).routes, Settings(**settings), "1", None)
    fields: Json = document["components"]["schemas"]["SpeechRequest"]["properties"]
    return fields


def test_without_keys_there_is_no_security(description: ApiDescription) -> None:
    """While no keys are needed, a generated client needs none."""
    assert "security" not in description.document
    assert "securitySchemes" not in description.document["components"]
    assert all("401" not in operation["responses"] for operation in description.operations().values())
