"""The address that the server listens on: whether it can be had, and what to do where not."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

import msgspec

OUR_NAME = "Voicebox Gateway"
"""as `/` tells it"""
OTHER_PROGRAM = "another program"
PROBE_TIMEOUT = 3
"""seconds"""
REASONS = {
    errno.EADDRNOTAVAIL: "this machine has no such address; use one of its own, 127.0.0.1 or 0.0.0.0 "
    "(--host, server.host)",
    errno.EACCES: "this user may not use that port; choose one above 1023 (--port, server.port)",
    errno.EAFNOSUPPORT: "this machine has no addresses of that kind; choose another (--host, server.host)",
}
UNKNOWN_NAME = "no address is known by that name; write an address such as 127.0.0.1 (--host, server.host)"


class CannotListen(Exception):
    """The server cannot listen on the address of the settings, or tell where it does."""


def check_address(host: str, port: int) -> None:
    """Try to bind all addresses of a host, and let go of them again. Raises CannotListen."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as bound:
                if os.name == "posix":
                    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                bound.bind(address)
    except (OSError, UnicodeError, ValueError) as exc:
        raise cannot_listen(host, port, exc) from exc


def cannot_listen(host: str, port: int, exc: Exception) -> CannotListen:
    """Return the error that an address cannot be had, in a sentence with what to do."""
    if isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE:
        reason = _taken(host, port)
    elif isinstance(exc, OSError) and not isinstance(exc, socket.gaierror):
        reason = REASONS.get(exc.errno or 0, exc.strerror or "the system refuses")
    else:
        reason = UNKNOWN_NAME
    return CannotListen(f"cannot listen on {host!r}, port {port}: {reason}")


def _taken(host: str, port: int) -> str:
    if server_name(host, port) == OUR_NAME:
        return (
            f"a {OUR_NAME} runs there already, and commands use it; stop it, or choose another port for one"
            " more (--port, server.port)"
        )
    return f"{OTHER_PROGRAM} listens there; stop it, or choose another port (--port, server.port)"


def server_name(host: str, port: int) -> str:
    """Return the name of the program that answers HTTP at an address; empty when none does."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    url = f"http://{f'[{reached}]' if ':' in reached else reached}:{port}/"
    try:
        with urllib.request.urlopen(url, timeout=PROBE_TIMEOUT) as response:
            body: dict[str, object] = msgspec.json.decode(response.read(65536), type=dict)
            return str(body.get("name", OTHER_PROGRAM))
    except (urllib.error.HTTPError, msgspec.DecodeError, UnicodeDecodeError):
        return OTHER_PROGRAM
    except (OSError, ValueError, http.client.HTTPException):
        return ""


def check_ready_file(path: Path | None) -> None:
    """Check that the file which tells the address can be written. Raises CannotListen."""
    if path and not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise CannotListen(
            f"cannot write {str(path)!r}: its folder is not there, or may not be written (--ready-file)"
        )
