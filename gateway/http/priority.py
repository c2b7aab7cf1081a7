"""On what terms a request runs: whose turn it takes, how urgent it is, and how long it may wait.

`x-voicebox-priority: batch` puts a request behind those that somebody waits for, `interactive` keeps a long
text among them. `x-voicebox-deadline` says in seconds how long it may wait for its first work; the timeouts
that OpenAI's SDKs tell are heeded too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from engines.errors import BadInput
from engines.fleet.streams import RequestTerms
from gateway.config.settings import AdmissionSettings

PRIORITY, DEADLINE = b"x-voicebox-priority", b"x-voicebox-deadline"
TIMEOUTS = (b"x-stainless-read-timeout", b"x-stainless-timeout")
"""seconds after which OpenAI's SDKs give up"""
ADDRESS = "address "


def owner(key: str | None, client: tuple[str, int] | list[object] | None) -> str:
    """Say who shares a turn and limits: a key by its name, else the address."""
    return key if key is not None else ADDRESS + str(client[0] if client else "unknown")


def terms(
    headers: Mapping[bytes, bytes],
    settings: AdmissionSettings,
    *,
    owner: str,
    characters: int = 0,
    seconds: float = 0.0,
) -> RequestTerms:
    """Make a request's terms. Raises BadInput."""
    asked = headers.get(PRIORITY, b"").decode("latin-1").strip().casefold()
    if asked not in ("", "batch", "interactive"):
        raise BadInput("The header `x-voicebox-priority` should be `batch` or `interactive`.")
    batch = asked == "batch" or (asked == "" and characters > settings.batch_characters)
    return RequestTerms(owner, batch, time.monotonic() + _wait(headers, settings), seconds)


def _wait(headers: Mapping[bytes, bytes], settings: AdmissionSettings) -> float:
    if DEADLINE in headers:
        wait = _seconds(headers[DEADLINE])
        if wait is None:
            raise BadInput("The header `x-voicebox-deadline` should be a number of seconds above 0.")
        return wait
    told = (_seconds(headers[name]) for name in TIMEOUTS if name in headers)
    return min((settings.wait, *(seconds for seconds in told if seconds)))


def _seconds(value: bytes) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
