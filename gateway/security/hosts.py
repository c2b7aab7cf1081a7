"""Checks of the address that the server binds to, and of the Host and Origin that a browser sends.

A page of any site can make a browser call a server on loopback. Its `Origin` gives it away; and where the
page's own name has been rebound to our address, its `Host` does (DNS rebinding). IP addresses as Host are
safe: rebinding needs a name.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from compat.errors import NotPermitted
from gateway.config.addresses import origin_pattern
from gateway.config.settings import Settings

LOCAL_NAMES = ("localhost", "host.docker.internal", "host.containers.internal", "gateway.docker.internal")

HOST_AND_PORT = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.]+(?:%[^\[\]/?#@\\\s]+)?\]|[A-Za-z0-9\-._~!$&'()*+,;=%]*)(?::[0-9]*)?", re.ASCII
)
"""what a Host may be (RFC 3986, 3.2.2): no user stands in it, nor a path"""


class UnsafeBinding(Exception):
    """The server would listen beyond loopback without any API key."""


def check_binding(settings: Settings, *, has_keys: bool) -> None:
    """Raise UnsafeBinding for an address beyond loopback without keys, unless `--no-auth` allows it."""
    server = settings.server
    if has_keys or server.no_auth or is_loopback(server.host):
        return
    raise UnsafeBinding(
        f"refusing to listen on {server.host} without any API key: everybody who reaches it could use it. "
        "Make a key with `voicebox keys create NAME`, or listen on 127.0.0.1, or say --no-auth."
    )


def is_loopback(host: str) -> bool:
    """Return whether an address reaches this machine only."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class HostGuard:
    """Checks Host and Origin against the names that this server is known by."""

    def __init__(self, allowed_hosts: Iterable[str], cors_origins: Iterable[str]) -> None:
        own = socket.gethostname()
        self._names = {name.casefold() for name in (*LOCAL_NAMES, own, f"{own}.local", *allowed_hosts)}
        self._origins = tuple(map(origin_pattern, cors_origins))

    def check(self, host: str | None, origin: str | None) -> None:
        """Raise NotPermitted with status 403 for an unknown Host or Origin."""
        if host is not None and not self._known_host(host):
            raise NotPermitted(
                f"The host name in the request, {host!r}, is not one of this server's. "
                "If it is, add it to server.allowed_hosts in the settings.",
                status=403,
                code="host_not_allowed",
            )
        if origin is not None and not self.known_origin(origin) and not _same_origin(origin, host):
            raise NotPermitted(
                f"Pages from {origin!r} may not use this server. "
                "To let them, add the origin to server.cors_origins in the settings "
                "(VOICEBOX_SERVER__CORS_ORIGINS).",
                status=403,
                code="origin_not_allowed",
            )

    def known_origin(self, origin: str) -> bool:
        """Return whether CORS is on for an origin."""
        wanted = origin.casefold().rstrip("/")
        return any(pattern.fullmatch(wanted) for pattern in self._origins)

    def _known_host(self, host: str) -> bool:
        name = _host_name(host)
        return "*" in self._names or name in self._names or name.endswith(".localhost") or _is_address(name)


def is_host(host: str) -> bool:
    """Return whether a text is a host name or address, with a port or without."""
    return HOST_AND_PORT.fullmatch(host) is not None


def _host_name(host: str) -> str:
    if not is_host(host):
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".").casefold()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same_origin(origin: str, host: str | None) -> bool:
    try:
        return host is not None and urlsplit(origin).netloc.casefold() == host.casefold()
    except ValueError:
        return False
