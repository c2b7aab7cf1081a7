"""The API's description as tests read it: what a route may answer, and whether an answer is that."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema

Json = dict[str, Any]
NO_SCHEMA = {"type": "string", "format": "binary"}


class ApiDescription:
    """An OpenAPI document, and which of its operations were seen to answer with success."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self.seen: set[str] = set()
        self._strict = _closed(document["components"])

    def operations(self) -> dict[tuple[str, str], Json]:
        """Return all operations by method and path."""
        return {
            (method.upper(), path): operation
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
        }

    def resolved(self, value: Json) -> Json:
        """Return what a reference leads to, or the value itself."""
        while "$ref" in value:
            found: Any = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value

    def validate(self, value: Any, schema: Json) -> None:
        """Check a value against a schema of the document, in which no object may have undocumented fields."""
        whole = {**schema, "components": self._strict}
        jsonschema.Draft202012Validator(whole).validate(value)

    def check(self, method: str, path: str, answer: Any, *, other: bool = False) -> None:
        """Check that an answer is one that an operation documents: its status, headers, media type and body.

        `other` lets in what falls under `default`.
        """
        operation = self.operations()[method, path]
        status = str(answer.status_code)
        told = f"{method} {path}: {status} {answer.text[:300]}"
        assert status in operation["responses"] or other, told
        found = self.resolved(operation["responses"].get(status) or operation["responses"]["default"])
        named = [
            name for name in answer.headers if name.startswith(("x-voicebox", "x-ratelimit", "retry-after"))
        ]
        assert set(named) <= set(found["headers"]), (told, named)
        media_type = answer.headers["content-type"].partition(";")[0]
        kinds = (media_type, f"{media_type.partition('/')[0]}/*")
        media = next((found["content"][kind] for kind in kinds if kind in found["content"]), None)
        assert media is not None, (told, media_type)
        self._check_body(answer, media_type, media)
        if answer.status_code == 200:
            self.seen.add(operation["operationId"])

    def check_request(self, method: str, path: str, request: Json) -> None:
        """Check that a request is one that an operation documents: its query and its body's fields."""
        operation = self.operations()[method, path]
        queries = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        assert set(request.get("params", {})) <= queries, (method, path)
        content = operation.get("requestBody", {"content": {}})["content"]
        if "json" in request:
            self.validate(request["json"], content["application/json"]["schema"])
        if "data" in request:
            fields = self.resolved(content["multipart/form-data"]["schema"])["properties"]
            sent = {name.removesuffix("[]") for name in (*request["data"], *request["files"])}
            assert sent <= set(fields), (method, path, sent)
        if "content" in request:
            assert request.get("headers", {}).get("content-type", "application/json") in content, (
                method,
                path,
            )

    def _check_body(self, answer: Any, media_type: str, media: Json) -> None:
        if media_type == "application/json":
            self.validate(answer.json(), media["schema"])
        elif media_type == "text/event-stream":
            for event in events(answer.text):
                self.validate(event, media["x-events"])
        else:
            assert media["schema"]["type"] == "string"


def events(text: str) -> list[Any]:
    """Return the events of a stream, without the last, `[DONE]`."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def _closed(components: Json) -> Json:
    """Return the components with all objects closed that have fields."""
    strict = copy.deepcopy(components)
    for schema in strict["schemas"].values():
        if schema.get("properties"):
            schema.setdefault("additionalProperties", False)
    return strict
