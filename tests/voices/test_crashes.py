"""Tests that a program which is killed during its work leaves a library whose voices are whole, and nothing
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
from libraries import awaited, check_no_orphans, check_whole, clip, open_library
from sqlalchemy import text

from voices.library import LibraryLocation, OpenLibrary
from voices.profile import Profile
from voices.storage.sweep import sweep

database = libraries.database

MOMENTS = (("deleting", 3), ("replacing", 5), ("created", 8))
"""the report after which the program is killed, and its number"""
FOLDER_LEVELS = 4
"""levels of folders, of which a sweep deletes one"""
BUSY = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()"
Reports = dict[str, dict[str, list[str]]]
"""for each kind of report, the voices it was about, with the rest of the line"""


class Victim:
    """The program `endless_writer`, in processes that are killed."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        assert program.stdin
        assert program.stdout
        self._commands, self._output = program.stdin, program.stdout

    def run(
        self, name: str, *, step: int = 0, moment: str = "ended", times: int = 1
    ) -> tuple[list[str], int]:
        """Run a process until it has reported `moment` that many times, kill it, and return its output and
        its exit status.
        """
        lines: list[str] = []
        self._commands.write(f"{name} {step}\n")
        self._commands.flush()
        number, killed = int(self._line().removeprefix("pid")), False
        while not (line := self._line()).startswith("ended"):
            lines.append(line)
            if not killed and sum(line.startswith(moment) for line in lines) == times:
                os.kill(number, signal.SIGKILL)
                killed = True
        return lines, int(line.removeprefix("ended"))

    def _line(self) -> str:
        line = self._output.readline()
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


def parsed_reports(lines: list[str]) -> Reports:
    found: Reports = defaultdict(lambda: defaultdict(list))
    for line in lines:
        what, id, *rest = line.split()
        found[what][id].append(" ".join(rest))
    return found


def check_reported(reports: Reports, there: dict[str, Profile]) -> None:
    """Check that nothing reported as done is lost, and nothing reported as deleted exists."""
    assert there.keys() >= reports["created"].keys() - reports["deleting"].keys()
    assert there.keys().isdisjoint(reports["deleted"])
    for id, profile in there.items():
        samples = {sample.id: sample.prepared for sample in profile.samples}
        assert len(samples) in (2, 3), "of its samples, and of changes to them, all are there or none"
        assert samples.keys() >= set(reports["added"][id])
        assert samples.keys().isdisjoint(reports["removed"][id])
        assert samples.items() >= {tuple(one.split()) for one in reports["replaced"][id]}
        if id in reports["named"]:
            assert [profile.name] == reports["named"][id]
        elif id not in reports["naming"]:
            assert "again" not in profile.name


async def voices_left(opened: OpenLibrary, place: LibraryLocation, run: str) -> dict[str, Profile]:
    """Return the voices of a run, once nobody else is at work: PostgreSQL may still be working on the last
    transaction of the killed process.
    """
    async with opened.database.reading() as connection:
        while place.database and (await connection.execute(text(BUSY))).scalar_one():
            continue
    there = {
        profile.id: profile for profile in await opened.store.visible("") if profile.name.startswith(run)
    }
    await check_whole(opened, there.values())
    return there


async def sweep_and_check(opened: OpenLibrary, place: LibraryLocation) -> None:
    """Sweep, and check that voices are as whole as before, and that nothing else is left, down to the
    folders.
    """
    for _ in range(FOLDER_LEVELS):
        await sweep(opened, spare=0)
    await check_no_orphans(opened, place.folder / "voices")
    await check_whole(opened, await opened.store.visible(""))


@awaited
async def test_killed_at_work(database: str, tmp_path: Path) -> None:
    """After kill -9 during the creation, change and deletion of voices by several tasks, every voice is
    whole.

    Everything reported as done is so, and what nobody names can be swept.
    """
    place = LibraryLocation(tmp_path / "data", database)
    with victim(place, tmp_path) as program:
        for run, (moment, times) in enumerate(MOMENTS):
            lines, status = program.run(f"run{run}", moment=moment, times=times)
            assert status == -signal.SIGKILL
            async with open_library(place) as opened:
                check_reported(parsed_reports(lines), await voices_left(opened, place, f"run{run}"))
                await sweep_and_check(opened, place)


@awaited
async def test_killed_between_any_two_steps(database: str, tmp_path: Path) -> None:
    """A program may die at any step: before a recording is written or deleted, before a transaction, and
    before its end.
    """
    place, step, status = LibraryLocation(tmp_path / "data", database), 1, -signal.SIGKILL.value
    with victim(place, tmp_path) as program:
        async with open_library(place) as opened:
            while status == -signal.SIGKILL:
                lines, status = program.run(f"step{step}", step=step)
                check_reported(parsed_reports(lines), await voices_left(opened, place, f"step{step}"))
                step += 5 if database else 1
            assert status == 0
            assert step > 35
            await sweep_and_check(opened, place)
