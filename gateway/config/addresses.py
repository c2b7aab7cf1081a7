"""Addresses in settings: networks of proxies, origins of web pages, and the path that all URLs begin with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network
ANY = "*"
ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*|\*)://(?P<host>\[[0-9a-f:.]+\]|[^/:@\s?#\[\]]+)(?::(?:\d+|\*))?"
)
"""an origin as browsers send it (RFC 6454), or a pattern of them"""
SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
OWN_SEGMENTS = frozenset({"schema", "health", "livez", "readyz", "metrics", ".", ".."})
"""what a base path cannot begin with: these are routes of the server, or no names"""


def proxy_network(value: str) -> Network:
    """Return a network written as `10.0.0.0/8` or as one address. Raises ValueError."""
    try:
        return ip_network(value.strip(), strict=False)
    except ValueError as exc:
        raise ValueError(
            f"{value!r} is no network; write addresses such as 127.0.0.1, 10.0.0.0/8 or fd00::/8"
        ) from exc


def proxy_networks(values: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of trusted proxies. Raises ValueError."""
    return tuple(map(proxy_network, values))


def base_path(value: str) -> str:
    """Return a base path without a slash at its end: `/voice`, or nothing. Raises ValueError."""
    parts = [part for part in value.strip().split("/") if part]
    if not all(map(SEGMENT.fullmatch, parts)) or OWN_SEGMENTS.intersection(parts):
        raise ValueError(
            f"{value!r} is no path for it; write one such as /voice, that is none of the server's own routes"
        )
    return "".join(f"/{part}" for part in parts)


def origin_pattern(value: str) -> re.Pattern[str]:
    """Return what fits the origins that a setting means. Raises ValueError.

    `*` stands for any origin, in the place of a host for any host (`moz-extension://*`), before a dot for any
    subdomain (`https://*.example.com`), in the place of a port for any port (`http://localhost:*`).
    """
    wanted = value.strip().casefold().rstrip("/")
    if wanted == ANY:
        return re.compile(r".*", re.DOTALL)
    if wanted == "null":
        return re.compile("null")
    found = ORIGIN.fullmatch(wanted)
    if found is None or ANY in found["scheme"] or not _stars_are_right(found["host"]):
        raise ValueError(
            f"{value!r} is no origin; write one such as https://app.example.com, http://localhost:3000, "
            "https://*.example.com, moz-extension://* or '*'"
        )
    if found["host"] == ANY and wanted.endswith(f"://{ANY}"):
        return re.compile(re.escape(wanted.removesuffix(ANY)) + r"[^/\s]+")
    return re.compile(re.escape(wanted).replace(r"\*", r"[^/:\s]+"))


def _stars_are_right(host: str) -> bool:
    return ANY not in host or host == ANY or (host.startswith("*.") and ANY not in host[1:])
