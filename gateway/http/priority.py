"""The terms of a request: who makes it, how urgent it is, and how long it may wait.

`x-voicebox-priority: batch` puts a request behind those that somebody waits for, `interactive` keeps a long
text among them. `x-voicebox-deadline` says in seconds how long it may wait for its first work; the timeouts
that OpenAI's SDKs announce count too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from engines.errors import BadInput
from engines.fleet.streams import RequestTerms
from gateway.config.settings import AdmissionSettings
from gateway.http.proxies import caller_network

PRIORITY = b"x-voicebox-priority"
DEADLINE = b"x-voicebox-deadline"
SDK_TIMEOUTS = (b"x-stainless-read-timeout", b"x-stainless-timeout")
"""headers with the seconds after which OpenAI's SDKs give up"""
ADDRESS = "address "


def key_or_address(key: str | None, client: tuple[str, int] | list[object] | None) -> str:
    """Return who a request counts for: its key by name, or else its address."""
    return key if key is not None else ADDRESS + (caller_network(str(client[0])) if client else "unknown")


def request_terms(
    headers: Mapping[bytes, bytes],
    settings: AdmissionSettings,
    *,
    caller: str,
    characters: int = 0,
    seconds: float = 0.0,
) -> RequestTerms:
    """Return a request's terms by its headers. Raises BadInput.

    `characters` is the length of its text, `seconds` about the length of its audio.
    """
    priority = headers.get(PRIORITY, b"").decode("latin-1").strip().casefold()
    if priority not in ("", "batch", "interactive"):
        raise BadInput("The header `x-voicebox-priority` should be `batch` or `interactive`.")
    batch = priority == "batch" or (priority == "" and characters > settings.batch_characters)
    return RequestTerms(caller, batch, time.monotonic() + _longest_wait(headers, settings), seconds)


def _longest_wait(headers: Mapping[bytes, bytes], settings: AdmissionSettings) -> float:
    """Return the seconds that a request may wait for its first work."""
    if DEADLINE in headers:
        wait = _seconds(headers[DEADLINE])
        if wait is None:
            raise BadInput("The header `x-voicebox-deadline` should be a number of seconds above 0.")
        return wait
    timeouts = (_seconds(headers[name]) for name in SDK_TIMEOUTS if name in headers)
    return min((settings.wait, *(timeout for timeout in timeouts if timeout)))


def _seconds(value: bytes) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
