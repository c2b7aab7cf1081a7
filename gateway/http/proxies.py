"""Who a request comes from where proxies stand before the server, and under which name and path they show it.

`X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded` (RFC 7239) are believed from addresses in
`server.trusted_proxies` only: everybody can write them. Of the addresses that a request came through, the
right-most that is no trusted proxy is the caller: what stands to its left, it may have written itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import msgspec

from gateway.config.addresses import Network, proxy_networks

MOST_HOPS = 32
"""entries of a header that are looked at, from the right"""
LONGEST_HOST = 255
LONGEST_ADDRESS = 100
"""characters, with port, brackets and zone"""
SCHEMES = ("http", "https")
PAIR = re.compile(r'\s*(?:([!#$%&\'*+.^_`|~\w-]+)=("(?:[^"\\]|\\.)*+"|[^\s",;]*+))?\s*(?:([;,])|$)')
"""one parameter of a Forwarded header, and the sign behind it"""
FOR, PROTO, HOST, FORWARDED = b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded"


class Hop(msgspec.Struct, frozen=True):
    """What a proxy says of the request that it was given."""

    address: str = ""
    proto: str = ""
    host: str = ""


class Forwarding(msgspec.Struct, frozen=True):
    """What is to be believed of a request's way."""

    address: str | None
    """the caller's; None where there is none (a Unix socket)"""
    scheme: str
    host: str | None = None
    """the name by which the caller asked, where a trusted proxy tells another than the Host header"""


class Proxies:
    """The proxies that are trusted, by their networks."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: tuple[Network, ...] = proxy_networks(networks)

    def forwarding(self, scope: Mapping[str, Any]) -> Forwarding:
        """Return where a request comes from, and under which scheme and host it was made."""
        client = scope.get("client")
        peer = str(client[0]) if client else None
        direct = Forwarding(peer, scope.get("scheme", "http"))
        if peer is None or not self._trusts(_address(peer)):
            return direct
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value.decode("latin-1"))
        ways = [way for way in (_x_forwarded(headers), _forwarded(headers)) if way]
        ways = [way for way in ways if way[-1].address] or ways[:1]
        found = [self._follow(peer, direct, way) for way in ways]
        # Of two that disagree the caller wrote one, through a proxy that knows only the other.
        return found[0] if found and len({one.address for one in found}) == 1 else direct

    def _follow(self, peer: str, direct: Forwarding, way: Sequence[Hop]) -> Forwarding:
        """Follow a way from its end, from trusted proxy to trusted proxy, to the first that is none."""
        caller = peer
        told = Hop()
        for hop in reversed(way[-MOST_HOPS:]):
            told = Hop(hop.address, hop.proto or told.proto, hop.host or told.host)
            address = _address(hop.address)
            if address is None:
                break
            caller = str(address)
            if not self._trusts(address):
                break
        scheme = told.proto if told.proto in SCHEMES else direct.scheme
        return Forwarding(caller, scheme, told.host if 0 < len(told.host) <= LONGEST_HOST else None)

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def caller_network(address: str) -> str:
    """Return what limits count an address as: itself, or of IPv6 the /64 that one caller has to itself."""
    parsed = _address(address)
    if isinstance(parsed, IPv6Address):
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed) if parsed else address


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, of IPv4 also where it is written as one of IPv6; None for anything else."""
    return _parsed(text.strip()) if len(text) <= LONGEST_ADDRESS else None


@lru_cache(maxsize=1024)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _x_forwarded(headers: Mapping[bytes, list[str]]) -> list[Hop]:
    addresses, protos, hosts = (_listed(headers.get(name, [])) for name in (FOR, PROTO, HOST))
    if not (addresses or protos or hosts):
        return []
    addresses = addresses or [""]
    count = len(addresses)
    return [Hop(*row) for row in zip(addresses, _aligned(protos, count), _aligned(hosts, count), strict=True)]


def _listed(values: Sequence[str]) -> list[str]:
    return [entry.strip() for value in values for entry in value.split(",")][-MOST_HOPS:]


def _aligned(values: list[str], count: int) -> list[str]:
    """Return values as one for each of `count` proxies, from the right: most write a single one."""
    filled = values[-count:]
    return [""] * (count - len(filled)) + filled


def _forwarded(headers: Mapping[bytes, list[str]]) -> list[Hop]:
    """Return the elements of the Forwarded headers; none where they are malformed."""
    text = ",".join(headers.get(FORWARDED, []))
    hops: list[Hop] = []
    current: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = PAIR.match(text, at)
        if found is None:
            return []
        if found[1]:
            current[found[1].casefold()] = re.sub(r"\\(.)", r"\1", found[2].strip('"'))
        at = found.end()
        if found[3] != ";":
            names = ("for", "proto", "host")
            hops.append(Hop(*(current.get(name, "") for name in names)))
            current = {}
    return hops
