"""How long the event loop stands still at most while a route gets its largest input: the longest time between
two ticks of a clock in it, in milliseconds.
"""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from bench.figures import Figure
from bench.largest_inputs import Case, Sizes, cases, fill_library
from bench.target import Target, own
from bench.ticking_server import PATH

CONFIG = {"engines": {"tone": {"enabled": True}, "hibari": {"enabled": False}}, "speech": {"engine": "tone"}}
READING = 2.0
"""seconds for which an answer is read: a text of hundred thousands of characters is hours of speech"""
IDLE = 1.0
ROUNDS = 3
"""a case is measured as often, and the best is taken: another program may have held the loop"""


async def run(target: Target) -> list[Figure]:
    """Measure on a server of our own."""
    if not target.pid:
        return []
    return await asyncio.to_thread(_measure)


def _measure() -> list[Figure]:
    figures = []
    with ticking() as server:
        server.rest(IDLE)
        figures.append(Figure("loop gap", "idle", 1000 * server.rest(IDLE), "ms"))
        for case in cases(Sizes()):
            gap = min(server.longest_gap(case) for _ in range(ROUNDS))
            what = f"{case.route}: {case.what}" if case.what else case.route
            figures.append(Figure("loop gap", what, round(1000 * gap, 1), "ms", "20"))
    return figures


class TickingServer:
    """A server that tells how long its event loop stood still."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self.status = 0
        """of the last answer"""

    def rest(self, seconds: float) -> float:
        """Return the longest gap of so many seconds without a request."""
        self._gap()
        time.sleep(seconds)
        return self._gap()

    def longest_gap(self, case: Case) -> float:
        """Return the longest gap while a request is sent and its answer read for a while."""
        self._gap()
        connection = self._connect()
        try:
            headers = {"content-type": case.type} if case.body else {}
            connection.request(case.verb, case.path, case.body or None, headers)
            answer = connection.getresponse()
            self.status = answer.status
            deadline = time.monotonic() + READING
            while time.monotonic() < deadline and answer.read1(65_536):
                pass
        except http.client.IncompleteRead:
            pass  # what cannot be spoken ends a stream, and is no matter of the loop
        except OSError:
            self.status = 0  # refused before all was sent
        finally:
            connection.close()
        return self._gap()

    def get(self, path: str) -> bytes:
        """Return what is at a path."""
        connection = self._connect()
        connection.request("GET", path)
        data = connection.getresponse().read()
        connection.close()
        return data

    def _gap(self) -> float:
        return float(self.get(PATH))

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=120)


@contextmanager
def ticking() -> Iterator[TickingServer]:
    """Run a server with thousands of voices, and a clock in its event loop."""
    with own(CONFIG, "bench.ticking_server", fill_library) as target:
        yield TickingServer(target.base_url)
