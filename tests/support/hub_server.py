"""A model hub on a real socket: what huggingface_hub's client asks of one, its faults when a test wants them,
and who asked what.

Large files are led to a store on another host, as the real hub does, so that a token which follows them there
is seen.
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

LARGE = (".safetensors", ".bin", ".pt", ".pth", ".onnx", ".gguf")
PIECE = 16_384
API = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/(?P<what>revision|tree)/(?P<revision>[^/]+))?")
RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
STORE = re.compile(r"/store/(?P<repo>[^/]+/[^/]+)/(?P<revision>[^/]+)/(?P<path>.+)")


@dataclass
class Asked:
    """A request; `sent` grows while its body goes out."""

    method: str
    url: str
    file: str
    """in the repository; empty where none was asked for"""
    range: str
    token: str
    status: int = 0
    sent: int = 0


@dataclass
class Fault:
    """What goes wrong with requests for what matches, the first `times` times."""

    match: str
    """the path of a file as of fnmatch, or Hub.LISTING"""
    times: float = math.inf
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    """bytes of the body after which the connection ends"""
    stall: int | None = None
    """bytes of the body after which nothing comes until `go_on` is set"""
    pause: float = 0.0
    """seconds between two pieces of PIECE bytes"""
    content: bytes | None = None
    """sent in place of the file"""
    vague: bool = False
    """without a length: the end of the connection is the end"""
    whole: bool = False
    """ranges are ignored"""
    go_on: threading.Event = field(default_factory=threading.Event)


@dataclass
class Repo:
    """A repository: its files by commit and path, and where its branches and tags are."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    listed: dict[str, int] = field(default_factory=dict)
    """sizes that the listing tells in place of the true ones"""
    admitted: set[str] | None = None
    """the tokens that may read it; None: it is open to all"""
    private: bool = False
    """those who may not read it are told that it is not there"""


class Hub:
    """A hub; `tokens` are those it knows."""

    LISTING = "listing"
    """what faults of the API match"""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.tokens: set[str] = set()
        self._repos: dict[str, Repo] = {}
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
        """Put files, those of a folder or those given, into a repository, and give the commit."""
        found = read(files) if isinstance(files, Path) else dict(files)
        named = repr([(path, etag(path, data)) for path, data in sorted(found.items())])
        exact = re.fullmatch("[0-9a-f]{40}", revision)  # a commit, not a branch
        commit = revision if exact else hashlib.sha1(named.encode(), usedforsecurity=False).hexdigest()
        there = self._repos.setdefault(repo, Repo())
        there.commits[commit], there.revisions[revision] = found, commit
        there.listed, there.admitted, there.private = dict(listed or {}), admitted, private
        return commit

    def spoil(self, match: str, **how: Any) -> Fault:
        """Let something go wrong; see Fault."""
        fault = Fault(match, **how)
        self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        spoilt, self._faults = self._faults, []
        for fault in spoilt:
            fault.go_on.set()

    def forget(self) -> None:
        """Forget who asked."""
        self.asked.clear()

    def gets(self, match: str) -> list[Asked]:
        """Give the requests that were for the bytes of files."""
        got = [one for one in self.asked if one.method == "GET" and one.file and one.status in (200, 206)]
        return [one for one in got if fnmatchcase(one.file, match)]

    def sent(self, match: str = "*") -> int:
        """Give how many bytes of files went out."""
        return sum(one.sent for one in self.gets(match))

    def close(self) -> None:
        """End it."""
        self.heal()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def repo(self, name: str) -> Repo | None:
        """Give a repository."""
        return self._repos.get(name)

    def fault(self, what: str, *, early: bool) -> Fault | None:
        """Give what is to go wrong with this request: before its body, or in it."""
        for fault in self._faults:
            if fnmatchcase(what, fault.match) and fault.times > 0 and bool(fault.status) is early:
                fault.times -= 1
                return fault
        return None


class Server(ThreadingHTTPServer):
    """The server of a hub."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], hub: Hub) -> None:
        self.hub = hub
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that leave are what these tests are about."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    asked: Asked

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer."""
        path = urlsplit(self.path).path
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        self.asked = Asked(self.command, self.path, "", self.headers.get("range", ""), token)
        self.server.hub.asked.append(self.asked)
        if found := STORE.fullmatch(path):
            return self.send_file(found)
        if token and token not in self.server.hub.tokens:
            return self.refuse(401, "", "Invalid credentials in Authorization header")
        if found := API.fullmatch(path) or RESOLVE.fullmatch(path):
            return self.look_up(found)
        return self.refuse(404, "", "Not Found")

    def look_up(self, found: re.Match[str]) -> None:
        """Answer for a repository."""
        names = {key: unquote(value or "") for key, value in found.groupdict().items()}
        repo, file = self.server.hub.repo(names["repo"]), names.get("path", "")
        self.asked.file = file
        closed = repo is not None and repo.admitted is not None and self.asked.token not in repo.admitted
        if repo is None or (closed and repo.private):
            return self.refuse(404 if self.asked.token else 401, "RepoNotFound", "Repository not found")
        if fault := self.server.hub.fault(file or Hub.LISTING, early=True):
            return self.refuse(fault.status, "", "It is broken", fault.headers)
        commit = repo.revisions.get(names["revision"] or "main", names["revision"])
        if commit not in repo.commits:
            return self.refuse(404, "RevisionNotFound", f"Invalid rev id: {names['revision']}")
        if not file:
            return self.send_json(listing(names["repo"], repo, commit, names["what"]))
        if closed:
            return self.refuse(
                403 if self.asked.token else 401, "GatedRepo", "Access to this model is restricted"
            )
        return self.resolve(found, repo, commit, file)

    def resolve(self, found: re.Match[str], repo: Repo, commit: str, file: str) -> None:
        """Send a file, or lead to where it is."""
        if file not in repo.commits[commit]:
            return self.refuse(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": commit})
        if not file.endswith(LARGE):
            return self.send_file(found, commit)
        data = repo.commits[commit][file]
        self.send_response(302)
        self.send_header("Location", f"{self.server.hub.store}/{found['repo']}/{commit}/{quote(file)}")
        self.send_header("X-Repo-Commit", commit)
        self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("X-Linked-Etag", f'"{etag(file, data)}"')
        return self.end(0)

    def send_file(self, found: re.Match[str], commit: str = "") -> None:
        """Send the bytes of a file, or those that are asked for."""
        repo, path = self.server.hub.repo(found["repo"]), unquote(found["path"])
        self.asked.file = path
        assert repo is not None
        commit = commit or found["revision"]
        data = repo.commits[commit][path]
        fault = self.server.hub.fault(path, early=False) if self.command == "GET" else None
        body = data if fault is None or fault.content is None else fault.content
        wanted = re.fullmatch(r"bytes=(\d+)-", self.asked.range)
        start = int(wanted[1]) if wanted and not (fault and fault.whole) else 0
        if start >= len(body) > 0:
            return self.refuse(416, "", "Range Not Satisfiable", {"Content-Range": f"bytes */{len(body)}"})
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{etag(path, data)}"')
        self.send_header("Accept-Ranges", "bytes")
        self.end(None if fault and fault.vague else len(body) - start)
        return self.send_body(body[start:], fault or Fault("*")) if self.command == "GET" else None

    def send_body(self, body: bytes, fault: Fault) -> None:
        """Send bytes as well as the fault lets them."""
        stops = sorted(
            {*range(0, len(body), PIECE), len(body), *(n for n in (fault.cut, fault.stall) if n is not None)}
        )
        for start, end in zip([0, *stops], stops, strict=False):
            if fault.stall == start and not fault.go_on.is_set():
                fault.go_on.wait()
            if fault.cut == start:
                return self.hang_up()
            self.wfile.write(body[start:end])
            self.asked.sent += len(body[start:end])
            if fault.pause:
                time.sleep(fault.pause)
        return self.hang_up() if fault.vague else None

    def hang_up(self) -> None:
        """End the connection."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def send_json(self, value: Any) -> None:
        """Send a document."""
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end(len(data))
        if self.command == "GET":
            self.wfile.write(data)

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Send an error as the hub does: in headers."""
        self.send_response(status)
        for name, value in {"X-Error-Code": code, "X-Error-Message": message, **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        self.end(0)

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin an answer."""
        self.asked.status = code
        super().send_response(code, message)

    def end(self, length: int | None) -> None:
        """End the head."""
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()


def read(folder: Path) -> dict[str, bytes]:
    """Give the files of a folder by their paths in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def git_hash(data: bytes) -> str:
    """Give what git names bytes by."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def etag(path: str, data: bytes) -> str:
    """Give what the hub names a file by."""
    return hashlib.sha256(data).hexdigest() if path.endswith(LARGE) else git_hash(data)


def listing(name: str, repo: Repo, commit: str, what: str) -> Any:
    """Give what the API tells of a repository: its files as a tree, or all about it."""
    files = repo.commits[commit]
    if what == "tree":
        return [
            {"type": "file", "path": path, **described(path, data, repo, "oid")}
            for path, data in files.items()
        ]
    siblings = [{"rfilename": path, **described(path, data, repo, "sha256")} for path, data in files.items()]
    return {
        "_id": "0",
        "id": name,
        "modelId": name,
        "sha": commit,
        "private": repo.private,
        "siblings": siblings,
    }


def described(path: str, data: bytes, repo: Repo, hash_name: str) -> dict[str, Any]:
    """Give the size and the hashes of a file, in the words of the API."""
    size = repo.listed.get(path, len(data))
    pointer = git_hash(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{etag(path, data)}\nsize {size}\n".encode()
    )
    large = path.endswith(LARGE)
    oid = {"oid" if hash_name == "oid" else "blobId": pointer if large else git_hash(data)}
    return {
        **oid,
        "size": size,
        **({"lfs": {hash_name: etag(path, data), "size": size, "pointerSize": 134}} if large else {}),
    }


@contextmanager
def hubbub() -> Iterator[Hub]:
    """Run a hub of one's own."""
    started = Hub()
    try:
        yield started
    finally:
        started.close()


SETTINGS = ("HF_", "HUGGING", "TRANSFORMERS_OFFLINE", "XDG_CACHE_HOME")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Give an empty hub, and keep the developer's own settings for another one, and for proxies, out of the
    test.
    """
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with hubbub() as started:
        yield started
        if (
            "huggingface_hub" in sys.modules
        ):  # its client keeps connections for the next request, which will be to another hub
            from huggingface_hub import close_session

            close_session()
