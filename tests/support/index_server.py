"""A package index on a real socket: pages in HTML (PEP 503) or JSON (PEP 691), files that it serves as a test
says, and a record of the requests. Files lie on another host name than the pages, as on PyPI.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

CHUNK_SIZE = 16_384
PROJECT = re.compile(r"/simple/(?P<project>[^/]+)/")
FILE = re.compile(r"/files/(?P<name>[^/]+)")
JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class IndexRequest:
    """A request as it was received; `bytes_sent` grows while a file is sent."""

    path: str
    host: str
    accept: str
    range: str
    authorization: str
    status: int = 0
    bytes_sent: int = 0


@dataclass
class IndexFault:
    """A fault of the first `times` requests for a path that contains `match`."""

    match: str
    times: float = math.inf
    status: int = 0
    cut_after: int | None = None
    """bytes of the body after which the connection ends"""
    stall_after: int | None = None
    """bytes of the body after which nothing is sent until `resume` is set"""
    content: bytes | None = None
    """sent in place of the file or the page"""
    content_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(default_factory=dict)
    resume: threading.Event = field(default_factory=threading.Event)


class FakeIndex:
    """A package index; with `credentials` ("name:password") it lets nobody else in."""

    def __init__(self) -> None:
        self.requests: list[IndexRequest] = []
        self.files: dict[str, dict[str, bytes]] = {}
        """by project and name"""
        self.hashes: dict[str, str] = {}
        """that pages have in place of the true ones"""
        self.json = True
        self.credentials = ""
        self.faults: list[IndexFault] = []
        self._server = IndexServer(("127.0.0.1", 0), self)
        self.port = self._server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        self.file_host = f"localhost:{self.port}"
        self.url = f"http://{self.host}/simple"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def publish(self, project: str, files: Mapping[str, bytes]) -> None:
        """Put files into a project."""
        self.files.setdefault(project, {}).update(files)

    def add_fault(self, match: str, **fields: Any) -> IndexFault:
        """Add a fault, and return it."""
        self.faults.append(IndexFault(match, **fields))
        return self.faults[-1]

    def clear(self) -> None:
        """Forget the requests, remove all faults, and resume what they stalled."""
        removed, self.faults = self.faults, []
        for fault in removed:
            fault.resume.set()
        self.requests.clear()

    def downloads(self) -> list[IndexRequest]:
        """Return the requests that got bytes of files."""
        return [one for one in self.requests if FILE.fullmatch(one.path) and one.status in (200, 206)]

    def bytes_sent(self) -> int:
        """Return how many bytes of files were sent."""
        return sum(one.bytes_sent for one in self.downloads())

    def close(self) -> None:
        """Stop the server."""
        self.clear()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fault(self, path: str) -> IndexFault:
        """Return the fault of a request."""
        for fault in self.faults:
            if fault.match in path and fault.times > 0:
                fault.times -= 1
                return fault
        return IndexFault("")

    def page(self, project: str, *, as_json: bool) -> bytes:
        """Return the page of a project."""
        rows = []
        for name, data in self.files[project].items():
            sha256 = self.hashes.get(name, hashlib.sha256(data).hexdigest())
            rows.append((name, f"http://{self.file_host}/files/{name}", sha256, len(data)))
        if as_json:
            files = [
                {"filename": name, "url": url, "hashes": {"sha256": sha256} if sha256 else {}, "size": size}
                for name, url, sha256, size in rows
            ]
            return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": files}).encode()
        links = [
            f'<a href="{escape(url)}{f"#sha256={sha256}" if sha256 else ""}">{escape(name)}</a><br>'
            for name, url, sha256, _ in rows
        ]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


class IndexServer(ThreadingHTTPServer):
    """The server of an index."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], index: FakeIndex) -> None:
        self.index = index
        super().__init__(address, IndexHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: clients that disconnect are what these tests are about."""


class IndexHandler(BaseHTTPRequestHandler):
    """The handler of one connection."""

    server: IndexServer
    protocol_version = "HTTP/1.1"
    request_seen: IndexRequest

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Respond to a request."""
        index, path = self.server.index, unquote(urlsplit(self.path).path)
        host, accept, wanted, authorization = (
            self.headers.get(name, "") for name in ("host", "accept", "range", "authorization")
        )
        self.request_seen = IndexRequest(path, host, accept, wanted, authorization)
        index.requests.append(self.request_seen)
        expected = f"Basic {base64.b64encode(index.credentials.encode()).decode()}"
        if index.credentials and host == index.host and authorization != expected:
            return self.send_empty(401)
        fault = index.fault(path)
        if fault.status:
            return self.send_empty(fault.status, fault.headers)
        if (project := PROJECT.fullmatch(path)) and project["project"] in index.files:
            page = index.page(project["project"], as_json=index.json and JSON in accept)
            kind = JSON if index.json and JSON in accept else "text/html; charset=utf-8"
            if fault.content is not None:
                page, kind = fault.content, fault.content_type
            return self.send_body(page, kind, fault)
        if found := FILE.fullmatch(path):
            for files in index.files.values():
                if found["name"] in files:
                    data = files[found["name"]] if fault.content is None else fault.content
                    return self.send_body(data, "application/zip", fault)
        return self.send_empty(404)

    def send_body(self, body: bytes, kind: str, fault: IndexFault) -> None:
        """Send a body, or the range of it that is requested, as far as the fault allows."""
        wanted = re.fullmatch(r"bytes=(\d+)-", self.request_seen.range)
        start = int(wanted[1]) if wanted else 0
        if start >= len(body) > 0:
            return self.send_empty(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", kind)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        body = body[start:]
        marks = [n for n in (fault.cut_after, fault.stall_after) if n is not None]
        stops = sorted({*range(0, len(body), CHUNK_SIZE), len(body), *marks})
        for begin, end in zip([0, *stops], stops, strict=False):
            if fault.stall_after == begin:
                fault.resume.wait()
            if fault.cut_after == begin:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return None
            self.wfile.write(body[begin:end])
            self.request_seen.bytes_sent += end - begin
            time.sleep(0)
        return None

    def send_empty(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """Send a status without a body."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_response(self, code: int, message: str | None = None) -> None:
        """Send the status line, and record the status."""
        self.request_seen.status = code
        super().send_response(code, message)


@contextmanager
def running_index() -> Iterator[FakeIndex]:
    """Run an index for the block."""
    started = FakeIndex()
    try:
        yield started
    finally:
        started.close()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeIndex]:
    """An empty index; the developer's own settings of proxies and of pip are kept out of the test."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    with running_index() as started:
        yield started
