"""The terms of a request: who makes it, how urgent it is, and how long it may wait.

`x-voicebox-priority: batch` puts a request behind those that somebody waits for, `interactive` keeps a long
text among them. `x-voicebox-deadline` says in seconds how long it may wait for its first work; the timeouts
that OpenAI's SDKs announce count too. Where neither does, it waits for its turn as long as the settings say,
and for a model that is being loaded as long as that may take.
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
    load_timeout: float,
    characters: int = 0,
    seconds: float = 0.0,
) -> RequestTerms:
    """Return a request's terms by its headers. Raises BadInput.

    `characters` is the length of its text, `seconds` about the length of its audio; a model may take
    `load_timeout` seconds until it is loaded.
    """
    if DEADLINE in headers and _seconds(headers[DEADLINE]) is None:
        raise BadInput("The header `x-voicebox-deadline` should be a number of seconds above 0.")
    priority = headers.get(PRIORITY, b"").decode("latin-1").strip().casefold()
    if priority not in ("", "batch", "interactive"):
        raise BadInput("The header `x-voicebox-priority` should be `batch` or `interactive`.")
    batch = priority == "batch" or (priority == "" and characters > settings.batch_characters)
    now = time.monotonic()
    return RequestTerms(
        caller,
        batch,
        now + longest_wait(headers, settings.wait),
        seconds,
        load_deadline=now + longest_wait(headers, load_timeout),
    )


def longest_wait(headers: Mapping[bytes, bytes], usual: float) -> float:
    """Return the seconds that a request may wait which may wait for `usual` seconds unless its headers say
    otherwise.
    """
    if own := _seconds(headers.get(DEADLINE, b"")):
        return own
    timeouts = (_seconds(headers[name]) for name in SDK_TIMEOUTS if name in headers)
    return min((usual, *(timeout for timeout in timeouts if timeout)))


def _seconds(value: bytes) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
