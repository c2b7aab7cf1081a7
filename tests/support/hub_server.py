"""A fake model hub on a real socket: it serves what huggingface_hub's client requests, fails where a test says
so, and records the requests.

Requests for large files are redirected to a store on another host, as by the real hub, so that a token which
follows there is seen.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest

LARGE_FILES = (".safetensors", ".bin", ".pt", ".pth", ".onnx", ".gguf")
CHUNK_SIZE = 16_384
API = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/(?P<what>revision|tree)/(?P<revision>[^/]+))?")
RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
STORE = re.compile(r"/store/(?P<repo>[^/]+/[^/]+)/(?P<revision>[^/]+)/(?P<path>.+)")


@dataclass
class RecordedRequest:
    """A request as it was received; `bytes_sent` grows while the response body is sent."""

    method: str
    url: str
    file: str
    """path in the repository; empty where none was requested"""
    range: str
    token: str
    status: int = 0
    bytes_sent: int = 0


@dataclass
class Fault:
    """A fault of the first `times` requests for what matches."""

    match: str
    """the path of a file as of fnmatch, or Hub.LISTING"""
    times: float = math.inf
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """bytes of the body after which the connection ends"""
    stall_after: int | None = None
    """bytes of the body after which nothing is sent until `resume` is set"""
    pause: float = 0.0
    """seconds between two pieces of PIECE bytes"""
    content: bytes | None = None
    """sent in place of the file"""
    without_length: bool = False
    """no content-length: the end of the connection ends the body"""
    ignore_range: bool = False
    """ranges are ignored"""
    resume: threading.Event = field(default_factory=threading.Event)


@dataclass
class FakeRepo:
    """A repository: its files by commit and path, and the commits of its branches and tags."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    listed: dict[str, int] = field(default_factory=dict)
    """sizes that the listing has in place of the true ones"""
    admitted: set[str] | None = None
    """the tokens that may read it; None: anybody may"""
    private: bool = False
    """who may not read it gets the status of a repository that does not exist"""


class FakeHub:
    """A hub; `tokens` are those that it knows."""

    LISTING = "listing"
    """the `match` of faults of the API"""

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []
        self.tokens: set[str] = set()
        self._repos: dict[str, FakeRepo] = {}
        self._faults: list[Fault] = []
        self._server = Server(("127.0.0.1", 0), self)
        self._port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.store = f"http://localhost:{self._port}/store"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def publish(
        self,
        repo: str,
        files: Mapping[str, bytes] | Path,
        revision: str = "main",
        *,
        listed: Mapping[str, int] | None = None,
        admitted: set[str] | None = None,
        private: bool = False,
    ) -> str:
        """Put files, or those of a folder, into a repository, and return the commit."""
        found = read_folder(files) if isinstance(files, Path) else dict(files)
        named = repr([(path, etag(path, data)) for path, data in sorted(found.items())])
        exact = re.fullmatch("[0-9a-f]{40}", revision)  # a commit, not a branch
        commit = revision if exact else hashlib.sha1(named.encode(), usedforsecurity=False).hexdigest()
        there = self._repos.setdefault(repo, FakeRepo())
        there.commits[commit], there.revisions[revision] = found, commit
        there.listed, there.admitted, there.private = dict(listed or {}), admitted, private
        return commit

    def add_fault(self, match: str, **fields: Any) -> Fault:
        """Add a fault, and return it."""
        fault = Fault(match, **fields)
        self._faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        """Remove all faults, and resume what they stalled."""
        removed = self._faults
        self._faults = []
        for fault in removed:
            fault.resume.set()

    def clear_requests(self) -> None:
        """Delete the recorded requests."""
        self.requests.clear()

    def downloads(self, match: str) -> list[RecordedRequest]:
        """Return the requests that got bytes of files whose path matches."""
        got = [one for one in self.requests if one.method == "GET" and one.file and one.status in (200, 206)]
        return [one for one in got if fnmatchcase(one.file, match)]

    def bytes_sent(self, match: str = "*") -> int:
        """Return how many bytes of files were sent."""
        return sum(one.bytes_sent for one in self.downloads(match))

    def close(self) -> None:
        """Stop the server."""
        self.clear_faults()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def repo(self, name: str) -> FakeRepo | None:
        """Return a repository; None where there is none of that name."""
        return self._repos.get(name)

    def fault(self, what: str, *, early: bool) -> Fault | None:
        """Return the fault of a request, one before its body if `early`, else one in it."""
        for fault in self._faults:
            if fnmatchcase(what, fault.match) and fault.times > 0 and bool(fault.status) is early:
                fault.times -= 1
                return fault
        return None


class Server(ThreadingHTTPServer):
    """The server of a hub."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], hub: FakeHub) -> None:
        self.hub = hub
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: clients that disconnect are what these tests are about."""


class Handler(BaseHTTPRequestHandler):
    """The handler of one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    requests: RecordedRequest

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def do_HEAD(self) -> None:
        """Respond without a body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Respond to a request."""
        path = urlsplit(self.path).path
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        self.requests = RecordedRequest(self.command, self.path, "", self.headers.get("range", ""), token)
        self.server.hub.requests.append(self.requests)
        if found := STORE.fullmatch(path):
            return self.send_file(found)
        if token and token not in self.server.hub.tokens:
            return self.send_error_headers(401, "", "Invalid credentials in Authorization header")
        if found := API.fullmatch(path) or RESOLVE.fullmatch(path):
            return self.handle_repo(found)
        return self.send_error_headers(404, "", "Not Found")

    def handle_repo(self, found: re.Match[str]) -> None:
        """Respond to a request for a repository: its listing, or a file."""
        names = {key: unquote(value or "") for key, value in found.groupdict().items()}
        repo, file = self.server.hub.repo(names["repo"]), names.get("path", "")
        self.requests.file = file
        closed = repo is not None and repo.admitted is not None and self.requests.token not in repo.admitted
        if repo is None or (closed and repo.private):
            return self.send_error_headers(
                404 if self.requests.token else 401, "RepoNotFound", "Repository not found"
            )
        if fault := self.server.hub.fault(file or FakeHub.LISTING, early=True):
            return self.send_error_headers(fault.status, "", "It is broken", fault.headers)
        commit = repo.revisions.get(names["revision"] or "main", names["revision"])
        if commit not in repo.commits:
            return self.send_error_headers(404, "RevisionNotFound", f"Invalid rev id: {names['revision']}")
        if not file:
            return self.send_json(listing(names["repo"], repo, commit, names["what"]))
        if closed:
            return self.send_error_headers(
                403 if self.requests.token else 401, "GatedRepo", "Access to this model is restricted"
            )
        return self.resolve(found, repo, commit, file)

    def resolve(self, found: re.Match[str], repo: FakeRepo, commit: str, file: str) -> None:
        """Send a small file, or redirect to the store of a large one."""
        if file not in repo.commits[commit]:
            return self.send_error_headers(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": commit})
        if not file.endswith(LARGE_FILES):
            return self.send_file(found, commit)
        data = repo.commits[commit][file]
        self.send_response(302)
        self.send_header("Location", f"{self.server.hub.store}/{found['repo']}/{commit}/{quote(file)}")
        self.send_header("X-Repo-Commit", commit)
        self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("X-Linked-Etag", f'"{etag(file, data)}"')
        return self.end_head(0)

    def send_file(self, found: re.Match[str], commit: str = "") -> None:
        """Send a file, or the range that is requested."""
        repo, path = self.server.hub.repo(found["repo"]), unquote(found["path"])
        self.requests.file = path
        assert repo is not None
        commit = commit or found["revision"]
        data = repo.commits[commit][path]
        fault = self.server.hub.fault(path, early=False) if self.command == "GET" else None
        body = data if fault is None or fault.content is None else fault.content
        wanted = re.fullmatch(r"bytes=(\d+)-", self.requests.range)
        start = int(wanted[1]) if wanted and not (fault and fault.ignore_range) else 0
        if start >= len(body) > 0:
            return self.send_error_headers(
                416, "", "Range Not Satisfiable", {"Content-Range": f"bytes */{len(body)}"}
            )
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{etag(path, data)}"')
        self.send_header("Accept-Ranges", "bytes")
        self.end_head(None if fault and fault.without_length else len(body) - start)
        return self.send_body(body[start:], fault or Fault("*")) if self.command == "GET" else None

    def send_body(self, body: bytes, fault: Fault) -> None:
        """Send a body, as far as the fault allows."""
        stops = sorted(
            {
                *range(0, len(body), CHUNK_SIZE),
                len(body),
                *(n for n in (fault.cut_after, fault.stall_after) if n is not None),
            }
        )
        for start, end in zip([0, *stops], stops, strict=False):
            if fault.stall_after == start and not fault.resume.is_set():
                fault.resume.wait()
            if fault.cut_after == start:
                return self.close_early()
            self.wfile.write(body[start:end])
            self.requests.bytes_sent += len(body[start:end])
            if fault.pause:
                time.sleep(fault.pause)
        return self.close_early() if fault.without_length else None

    def close_early(self) -> None:
        """Close the connection before the body is complete."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def send_json(self, value: Any) -> None:
        """Send a JSON document."""
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_head(len(data))
        if self.command == "GET":
            self.wfile.write(data)

    def send_error_headers(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send an error as the hub does, in headers."""
        self.send_response(status)
        for name, value in {"X-Error-Code": code, "X-Error-Message": message, **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        self.end_head(0)

    def send_response(self, code: int, message: str | None = None) -> None:
        """Send the status line, and record the status."""
        self.requests.status = code
        super().send_response(code, message)

    def end_head(self, length: int | None) -> None:
        """End the headers, with a content-length unless it is None."""
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by their paths in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def git_hash(data: bytes) -> str:
    """Return the hash by which git names bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def etag(path: str, data: bytes) -> str:
    """Return the hash by which the hub names a file."""
    return hashlib.sha256(data).hexdigest() if path.endswith(LARGE_FILES) else git_hash(data)


def listing(name: str, repo: FakeRepo, commit: str, what: str) -> Any:
    """Return the API's description of a repository: its files as a tree, or all about it."""
    files = repo.commits[commit]
    if what == "tree":
        return [
            {"type": "file", "path": path, **describe_file(path, data, repo, "oid")}
            for path, data in files.items()
        ]
    siblings = [
        {"rfilename": path, **describe_file(path, data, repo, "sha256")} for path, data in files.items()
    ]
    return {
        "_id": "0",
        "id": name,
        "modelId": name,
        "sha": commit,
        "private": repo.private,
        "siblings": siblings,
    }


def describe_file(path: str, data: bytes, repo: FakeRepo, hash_name: str) -> dict[str, Any]:
    """Return the size and the hashes of a file, as the API names them."""
    size = repo.listed.get(path, len(data))
    pointer = git_hash(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{etag(path, data)}\nsize {size}\n".encode()
    )
    large = path.endswith(LARGE_FILES)
    oid = {"oid" if hash_name == "oid" else "blobId": pointer if large else git_hash(data)}
    return {
        **oid,
        "size": size,
        **({"lfs": {hash_name: etag(path, data), "size": size, "pointerSize": 134}} if large else {}),
    }


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    """Run a hub for the block."""
    started = FakeHub()
    try:
        yield started
    finally:
        started.close()


HUB_VARIABLES = ("HF_", "HUGGING", "TRANSFORMERS_OFFLINE", "XDG_CACHE_HOME")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """An empty hub; the developer's own settings for another one, and for proxies, are kept out of the test."""
    for name in [name for name in os.environ if name.startswith(HUB_VARIABLES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with running_hub() as started:
        yield started
        # its client keeps connections for the next request, which will be to another hub
        if "huggingface_hub" in sys.modules:
            from huggingface_hub import close_session

            close_session()
