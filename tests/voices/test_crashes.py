"""A program that is killed in the middle of its work leaves a library whose voices are whole, and nothing
that cannot be swept.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import endless_writer
import libraries
from libraries import awaited, check_nothing_else, check_whole, clip, shelves_at
from sqlalchemy import text

from voices.library import LibraryLocation, OpenLibrary
from voices.profile import Profile
from voices.storage.sweep import sweep

database = libraries.database

MOMENTS = (("deleting", 3), ("replacing", 5), ("made", 8))
"""what the program says before it is killed, and how often"""
FOLDER_LEVELS = 4
"""of folders, of which a sweep empties one"""
BUSY = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()"
Told = dict[str, dict[str, list[str]]]
"""for each thing that was said, the voices it was said of, with the rest of the line"""


class Victim:
    """The program, in processes that are killed."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        assert program.stdin
        assert program.stdout
        self._orders, self._said = program.stdin, program.stdout

    def run(
        self, name: str, *, step: int = 0, moment: str = "ended", times: int = 1
    ) -> tuple[list[str], int]:
        """Run it until it has said a word so many times, kill it, and give all that it said, and its exit
        status.
        """
        said: list[str] = []
        self._orders.write(f"{name} {step}\n")
        self._orders.flush()
        number, killed = int(self._line().removeprefix("pid")), False
        while not (line := self._line()).startswith("ended"):
            said.append(line)
            if not killed and sum(line.startswith(moment) for line in said) == times:
                os.kill(number, signal.SIGKILL)
                killed = True
        return said, int(line.removeprefix("ended"))

    def _line(self) -> str:
        line = self._said.readline()
        assert line, "the program ended by itself"
        return line


@contextmanager
def victim(place: LibraryLocation, folder: Path) -> Iterator[Victim]:
    sound = folder / "clip.wav"
    sound.write_bytes(clip())
    command = [
        sys.executable,
        endless_writer.__file__,
        str(place.folder),
        place.database,
        place.audio,
        str(sound),
    ]
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
    ) as program:
        try:
            yield Victim(program)
        finally:
            program.kill()


def told(said: list[str]) -> Told:
    found: Told = defaultdict(lambda: defaultdict(list))
    for line in said:
        what, id, *rest = line.split()
        found[what][id].append(" ".join(rest))
    return found


def check_told(told: Told, there: dict[str, Profile]) -> None:
    """See that nothing was lost that was said to be done, and nothing is there that was said to be gone."""
    assert there.keys() >= told["made"].keys() - told["deleting"].keys()
    assert there.keys().isdisjoint(told["deleted"])
    for id, profile in there.items():
        samples = {sample.id: sample.prepared for sample in profile.samples}
        assert len(samples) in (2, 3), "of its samples, and of changes to them, all are there or none"
        assert samples.keys() >= set(told["added"][id])
        assert samples.keys().isdisjoint(told["removed"][id])
        assert samples.items() >= {tuple(one.split()) for one in told["replaced"][id]}
        if id in told["named"]:
            assert [profile.name] == told["named"][id]
        elif id not in told["naming"]:
            assert "again" not in profile.name


async def left(opened: OpenLibrary, place: LibraryLocation, run: str) -> dict[str, Profile]:
    """Give the voices of a run, once nobody else is at work: PostgreSQL may have the last transaction of the
    dead in hand.
    """
    async with opened.database.reading() as connection:
        while place.database and (await connection.execute(text(BUSY))).scalar_one():
            continue
    there = {
        profile.id: profile for profile in await opened.store.visible("") if profile.name.startswith(run)
    }
    await check_whole(opened, there.values())
    return there


async def swept(opened: OpenLibrary, place: LibraryLocation) -> None:
    """Sweep, and see that voices are as whole as before, and nothing else is there, down to the folders."""
    for _ in range(FOLDER_LEVELS):
        await sweep(opened, spare=0)
    await check_nothing_else(opened, place.folder / "voices")
    await check_whole(opened, await opened.store.visible(""))


@awaited
async def test_killed_at_work(database: str, tmp_path: Path) -> None:
    """kill -9, again and again, in the middle of making, changing and deleting voices from several sides.

    Afterwards every voice is whole, all that was said to be done is so, and what nobody names can be swept.
    """
    place = LibraryLocation(tmp_path / "data", database)
    with victim(place, tmp_path) as program:
        for run, (moment, times) in enumerate(MOMENTS):
            said, status = program.run(f"run{run}", moment=moment, times=times)
            assert status == -signal.SIGKILL
            async with shelves_at(place) as opened:
                check_told(told(said), await left(opened, place, f"run{run}"))
                await swept(opened, place)


@awaited
async def test_killed_between_any_two_steps(database: str, tmp_path: Path) -> None:
    """So it is wherever a program dies: before a recording is written or deleted, before a transaction, and
    before its end.
    """
    place, step, status = LibraryLocation(tmp_path / "data", database), 1, -signal.SIGKILL.value
    with victim(place, tmp_path) as program:
        async with shelves_at(place) as opened:
            while status == -signal.SIGKILL:
                said, status = program.run(f"step{step}", step=step)
                check_told(told(said), await left(opened, place, f"step{step}"))
                step += 5 if database else 1
            assert status == 0
            assert step > 35
            await swept(opened, place)
