"""Tests of progress reports of a pull: to a client that reads slowly, and by a bar on a terminal."""

from __future__ import annotations

import asyncio
import io

import msgspec
from rich.console import Console

from engines.catalogue.models import find_model
from engines.catalogue.records import ModelRecord
from engines.hub.errors import PullCancelled
from engines.hub.progress import PullProgress
from gateway.cli.output import progress_bar
from gateway.models.pulls import Pull, Pulls, PullStatus
from gateway.routes.models import _events
from streaming.http import sse

MEGA = 1_000_000


def test_the_last_event_is_the_result() -> None:
    """A pull that ends while an event is on its way to the client is reported as done before the stream ends."""

    async def follow() -> list[bytes]:
        status = PullStatus(PullProgress("toy", "pulling", 1, 2), 1)

        async def look() -> PullStatus:
            return status

        events = _events(status, look)
        received = [await anext(events)]
        status = PullStatus(msgspec.structs.replace(status.progress, state="done", done=2), 1, ended=True)
        return received + [event async for event in events]

    first, last, end = asyncio.run(follow())
    assert b'"pulling"' in first
    assert b'"done"' in last
    assert end == sse.DONE


def test_every_follower_gets_its_pulls_end() -> None:
    """A pull that is cancelled and started again at once is reported as cancelled to those who follow it; the
    next is another pull.
    """

    async def follow() -> tuple[list[PullStatus], int]:
        async def work(_record: ModelRecord, pull: Pull) -> None:
            await asyncio.to_thread(pull.cancel.wait)
            raise PullCancelled("cancelled", code="pull_cancelled")

        pulls, record = Pulls(work), find_model("kokoro")
        first = pulls.begin(record)
        assert pulls.begin(record) == first, "it is joined"
        await pulls.cancel("kokoro")
        second = pulls.begin(record)
        status = [pulls.status("kokoro", number) for number in (first.number, second.number, 0)]
        await pulls.close()
        return status, first.number

    (ended, *current), number = asyncio.run(follow())
    assert (ended.number, ended.ended, ended.code) == (number, True, "pull_cancelled")
    assert [(one.number == number, one.ended) for one in current] == [(False, False)] * 2


def test_any_exception_ends_a_pull() -> None:
    """Whatever exception ends a pull, its followers get its end with a reason."""

    async def fail() -> PullStatus:
        async def work(_record: ModelRecord, _pull: Pull) -> None:
            raise RuntimeError("odd")

        pulls = Pulls(work)
        pulls.begin(find_model("kokoro"))
        await pulls.close()
        return pulls.status("kokoro")

    status = asyncio.run(fail())
    assert status.ended
    assert "odd" in status.error


def draw_bar(total: int | None) -> str:
    """Draw a bar two seconds after its begin, at ten megabytes a second."""
    seconds = [0.0]
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    shown = progress_bar(console, lambda: seconds[0])
    task = shown.add_task("toy", total=None)
    for second in range(3):
        seconds[0] = float(second)
        shown.update(task, completed=10 * MEGA * second, total=total)
    with console.capture() as captured:
        console.print(shown.get_renderable())
    return captured.get()


def test_the_bar_shows_speed_and_remaining_time() -> None:
    """Where the total of bytes is known, speed and remaining time are shown; elsewhere neither is."""
    status = draw_bar(100 * MEGA)
    assert "20.0/100.0 MB" in status
    assert "10.0 MB/s" in status
    assert "0:00:08 to go" in status
    assert "MB/s" not in draw_bar(None)
    assert "to go" not in draw_bar(None)
