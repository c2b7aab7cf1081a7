"""What is on the wire: envelopes, event streams, raw sockets."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx

from conformance.context import Context
from conformance.registry import Failed, NotOffered, expect

KEYS = {"message", "type", "param", "code"}


def error(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    """Return the error of an answer of one of these statuses. Raises Failed unless it is OpenAI's
    envelope.
    """
    expect(
        answer.status_code in statuses,
        f"status {answer.status_code}, not {' or '.join(map(str, statuses))}: {answer.text[:150]}",
    )
    try:
        body = answer.json()["error"]
    except (ValueError, KeyError, TypeError) as exc:
        raise Failed(f"no OpenAI envelope: {answer.text[:150]}") from exc
    expect(isinstance(body, dict) and set(body) >= KEYS, f"the envelope lacks keys: {body}")
    expect(isinstance(body["message"], str) and body["message"], f"no message: {body}")
    expect(isinstance(body["type"], str) and body["type"], f"type is {body['type']!r}, no string")
    for name in ("param", "code"):
        expect(isinstance(body[name], str | None), f"{name} is {body[name]!r}, neither string nor null")
    expect(kind(answer).startswith("application/json"), f"the envelope comes as {kind(answer)!r}")
    return dict(body)


def kind(answer: httpx.Response) -> str:
    """Return the content type without its parameters."""
    return str(answer.headers.get("content-type", "")).partition(";")[0].strip().lower()


def success(answer: httpx.Response) -> httpx.Response:
    """Pass a 200 on. Raises Failed for anything else, and for a 200 that carries an error."""
    expect(answer.status_code == 200, f"status {answer.status_code}: {answer.text[:200]}")
    if answer.headers.get("content-type", "").startswith("application/json"):
        body = answer.json()
        expect(
            not (isinstance(body, dict) and "error" in body), f"200 with an error inside: {answer.text[:150]}"
        )
    return answer


def offered(answer: httpx.Response, *absent: int) -> httpx.Response:
    """Pass a 200 on. Raises NotOffered for a proper envelope of one of the statuses that say that it is not
    there.
    """
    if answer.status_code in absent:
        raise NotOffered(f"{answer.status_code}: {error(answer, *absent)['message'][:120]}")
    return success(answer)


def records(data: bytes) -> list[str]:
    """Cut an event stream into the contents of its records. Raises Failed on lines that SDKs stumble over."""
    text = data.decode().replace("\r\n", "\n")
    expect(text.endswith("\n\n"), f"the last record has no empty line behind it: {text[-40:]!r}")
    found = []
    for record in text[:-2].split("\n\n"):
        for line in record.split("\n"):
            expect(line.startswith(("data: ", ":")), f"a line that SDKs stumble over: {line[:60]!r}")
        data_lines = [line.removeprefix("data: ") for line in record.split("\n") if line.startswith("data: ")]
        expect(len(data_lines) < 2, f"two data lines in one record: {record[:80]!r}")
        found += data_lines
    return found


def events(data: bytes) -> list[dict[str, Any]]:
    """Decode an event stream that ends with [DONE]."""
    contents = records(data)
    expect(
        contents and contents[-1] == "[DONE]",
        f"it ends with {contents[-1][:60] if contents else 'nothing'!r}, not [DONE]",
    )
    try:
        return [json.loads(content) for content in contents[:-1]]
    except ValueError as exc:
        raise Failed(f"a record is no JSON: {exc}") from exc


def file_of(deltas: list[dict[str, Any]]) -> bytes:
    """Put the file of speech events together."""
    expect(all(isinstance(delta.get("audio"), str) for delta in deltas), "a delta has no `audio`")
    try:
        return b"".join(base64.b64decode(delta["audio"], validate=True) for delta in deltas)
    except ValueError as exc:
        raise Failed(f"a delta is no base64: {exc}") from exc


async def raw(
    context: Context, head: list[str], body: list[bytes], *, wait: float = 0.0
) -> tuple[int, bytes]:
    """Send a request byte by byte over a socket of its own; give status and body. `wait` seconds pass after
    the head.
    """
    place = urlsplit(context.target.base_url)
    secure = ssl.create_default_context() if place.scheme == "https" else None
    port = place.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(place.hostname, port, ssl=secure)
    lines = [head[0], f"Host: {place.netloc}", "Connection: close", *head[1:]]
    if context.target.api_key and not any(line.lower().startswith("authorization:") for line in lines):
        lines.append(f"Authorization: Bearer {context.target.api_key}")
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await writer.drain()
        if wait:
            await asyncio.sleep(wait)
        for piece in body:
            writer.write(piece)
            await writer.drain()
        data = await asyncio.wait_for(reader.read(), context.target.timeout)
    finally:
        writer.close()
    while data.startswith(b"HTTP/1.1 100"):
        data = data.partition(b"\r\n\r\n")[2]
    start, _, rest = data.partition(b"\r\n\r\n")
    expect(start.startswith(b"HTTP/1.1 "), f"no HTTP answer: {data[:60]!r}")
    return int(start.split()[1]), rest


async def posted(context: Context, content: bytes, kind: str, below: str = "/audio/speech") -> httpx.Response:
    """Post bytes as they are."""
    return await context.http.post(context.url(below), content=content, headers={"content-type": kind})


def path(context: Context, below: str) -> str:
    """Return the path of a URL below /v1, for a request line."""
    return urlsplit(context.url(below)).path
