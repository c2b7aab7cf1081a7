"""The package indexes that pip is configured for, so that models come from where packages come from.

Read are pip's environment variables and its files, in pip's order (docs/html/topics/configuration.md of
pip): of all users, of this user, of this interpreter, and the one that PIP_CONFIG_FILE names; a variable goes
before all files. pip itself is not asked: it may not be there (uv makes environments without it), and takes a
second. Its options proxy, client-cert and trusted-host are not read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from configparser import Error as ConfigError
from configparser import RawConfigParser
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

DEFAULT_INDEX = "https://pypi.org/simple"
SECTIONS = ("global", "download", "install")
"""the last goes before the others"""
YES = ("1", "true", "yes", "on", "y", "t")
Credentials = tuple[str, str]
"""name and password"""


class Place(NamedTuple):
    """A place where wheels may be: an index, or else a page of links or a folder of wheels."""

    url: str
    """http, https or file; with name and password, where they are needed"""
    is_index: bool = True

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return urlsplit(self.url).scheme == "file"


class PackagePlaces(NamedTuple):
    """All places where wheels may be, in the order in which they are asked."""

    places: tuple[Place, ...]
    certificates: str = ""
    """the file or folder of those to be trusted; empty: the system's"""
    offline: bool = False
    """only what is on this machine may be asked"""

    def local(self) -> PackagePlaces:
        """Return those that are on this machine."""
        return self._replace(places=tuple(place for place in self.places if place.is_local), offline=True)


def package_places(chosen: str = "", environ: Mapping[str, str] = os.environ) -> PackagePlaces:
    """Return the places where wheels may be: the index that the settings chose, or else those of pip, what is
    on this machine first, since it answers at once.
    """
    options = pip_options(environ)
    if chosen:
        return PackagePlaces((Place(_as_url(chosen)),), options.get("cert", ""))
    indexes = (
        []
        if options.get("no-index", "").lower() in YES
        else [options.get("index-url") or DEFAULT_INDEX, *options.get("extra-index-url", "").split()]
    )
    links = options.get("find-links", "").split()
    found = [Place(_as_url(url), is_index=False) for url in links] + [Place(_as_url(url)) for url in indexes]
    ordered = sorted(dict.fromkeys(found), key=lambda place: not place.is_local)
    return PackagePlaces(tuple(ordered), options.get("cert", ""))


def pip_options(environ: Mapping[str, str]) -> dict[str, str]:
    """Return pip's options, by their long names."""
    options: dict[str, str] = {}
    for path in _files(environ):
        options |= _read(path)
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            options[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return options


def split_credentials(url: str) -> tuple[str, Credentials | None]:
    """Return a URL without the name and password that may be in it, and these as they are typed."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    name, _, password = user.partition(":")
    return urlunsplit(parts._replace(netloc=host)), (unquote(name), unquote(password))


def shown(url: str) -> str:
    """Return a URL as people may see it: without name, password and query, which may be a signature."""
    return urlunsplit(urlsplit(split_credentials(url)[0])._replace(query="", fragment=""))


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield pip's configuration files, whether they exist or not; what a later one says goes before."""
    chosen = environ.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return
    home = Path.home()
    if sys.platform == "win32":
        yield Path(environ.get("PROGRAMDATA") or "C:/ProgramData") / "pip/pip.ini"
        yield home / "pip/pip.ini"
        yield Path(environ.get("APPDATA") or home / "AppData/Roaming") / "pip/pip.ini"
        yield Path(sys.prefix) / "pip.ini"
    else:
        if sys.platform == "darwin":
            yield Path("/Library/Application Support/pip/pip.conf")
        else:
            for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep):
                yield Path(folder) / "pip/pip.conf"
            yield Path("/etc/pip.conf")
        yield home / ".pip/pip.conf"
        if sys.platform == "darwin":
            yield home / "Library/Application Support/pip/pip.conf"
        yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
        yield Path(sys.prefix) / "pip.conf"
    if chosen:
        yield Path(chosen)


def _read(path: Path) -> dict[str, str]:
    """Return the options of a configuration file; none where it is missing, or none that pip could read."""
    parser = RawConfigParser()
    with suppress(OSError, UnicodeError, ConfigError):
        parser.read_string(path.read_text("utf-8"))
        found = [dict(parser.items(section)) for section in SECTIONS if parser.has_section(section)]
        return {name.replace("_", "-"): value for options in found for name, value in options.items()}
    return {}


def _as_url(place: str) -> str:
    """Return the URL of a place that may be a path."""
    if urlsplit(place).scheme in ("http", "https", "file"):
        return place
    return Path(place).expanduser().absolute().as_uri()
