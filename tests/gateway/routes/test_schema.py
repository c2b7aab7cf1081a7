"""Tests of the page at /schema: it comes whole from the server, and nothing in it leads anywhere else."""

from __future__ import annotations

import gzip
import hashlib
import re
from importlib.resources import files
from pathlib import Path

import httpx2 as httpx
import pytest
from servers import Server, running

FOLDER = files("gateway") / "schema_page"
ELSEWHERE = re.compile(r"(?:https?:|wss?:)?//[\w.]")
"""an address of another server, with or without a scheme"""
LINK = re.compile(r'(?:src|href|data-document)="([^"]+)"')
LOADED = re.compile(r"url\(\s*+[\"']?+(?!data:)|@import")
"""what a style sheet loads, beside pictures that it holds"""
LARGEST = 1_000_000
"""bytes of the page's files in the package"""


@pytest.mark.parametrize("path", ["/schema", "/schema/"])
def test_the_page_leads_nowhere_else(server: Server, path: str) -> None:
    """Page and script have no foreign address; what the page names is here, as what it is; styles load nothing."""
    answer = httpx.get(f"{server.url}{path}")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not ELSEWHERE.search(answer.text)
    links = LINK.findall(answer.text)
    assert len(links) >= 5
    found = {link.rpartition("/")[2]: httpx.get(f"{server.url}{link}").raise_for_status() for link in links}
    assert not ELSEWHERE.search(re.sub("^// .*", "", found["page.js"].text, flags=re.MULTILINE))
    assert LOADED.findall(found["swagger-ui.css"].text) == []
    types = {name: answer.headers["content-type"].partition(";")[0] for name, answer in found.items()}
    assert types == {
        "favicon-32x32.png": "image/png",
        "swagger-ui.css": "text/css",
        "swagger-ui-bundle.js": "text/javascript",
        "page.js": "text/javascript",
        "openapi.json": "application/json",
    }


def test_the_browser_is_told_to_stay_here(server: Server) -> None:
    """The page may load and call this origin only, run no script that stands in it, and be in no frame."""
    rules = dict(
        rule.strip().split(" ", 1)
        for rule in httpx.get(f"{server.url}/schema").headers["content-security-policy"].split(";")
    )
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    sources = {source for rule in rules.values() for source in rule.split()}
    assert sources <= {"'none'", "'self'", "'unsafe-inline'", "data:", "blob:"}
    assert "'unsafe-inline'" not in rules["script-src"]
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=", httpx.get(f"{server.url}/schema").text)


def test_files_come_compressed_where_the_client_takes_it(server: Server) -> None:
    """A client that knows no gzip gets the same script, uncompressed."""
    url = f"{server.url}/schema/swagger-ui-bundle.js"
    packed, plain = (httpx.get(url, headers={"accept-encoding": coding}) for coding in ("gzip", "identity"))
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "accept-encoding")
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 3


@pytest.mark.parametrize(
    "name", ["nothing.js", "page.html", "README.md", "..%2f__init__.py", "swagger-ui.css.gz"]
)
def test_other_files_are_not_given(server: Server, name: str) -> None:
    """Only the page's own files are given, and what is not there is an error like any other."""
    answer = httpx.get(f"{server.url}/schema/{name}")
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_below_a_path(tmp_path: Path) -> None:
    """Behind a proxy that shows the server below a path, the page finds its files and the description there."""
    with running(tmp_path, {"server": {"base_path": "/voice"}}) as server:
        links = LINK.findall(httpx.get(f"{server.url}/voice/schema").text)
        assert all(link.startswith("/voice/schema/") for link in links)
        assert all(httpx.get(f"{server.url}{link}").status_code == 200 for link in links)
        document = httpx.get(f"{server.url}/voice/schema/openapi.json").json()
    assert document["servers"] == [{"url": "/voice"}]


def test_what_the_package_has() -> None:
    """The renderer is the published one, unchanged, with its licence, and small."""
    readme = (FOLDER / "README.md").read_text()
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        content = gzip.decompress((FOLDER / f"{name}.gz").read_bytes())
        assert f"| `{name}` | `{hashlib.sha256(content).hexdigest()}` |" in readme
    assert "Apache License" in (FOLDER / "LICENSE").read_text()
    assert (FOLDER / "NOTICE").is_file()
    assert sum(len(file.read_bytes()) for file in FOLDER.iterdir() if file.is_file()) < LARGEST
