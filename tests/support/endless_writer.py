"""A program that creates, changes and deletes voices until it is killed, and reports, line by line, what it
begins and what it has done.

python endless_writer.py FOLDER DATABASE AUDIO CLIP

For every line RUN STEP that it reads it starts a process, which reports its process id first. That works in
several tasks and without end where STEP is 0; otherwise it creates, changes and deletes one voice, and kills
itself before that step.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from streaming.audio.decoding_threads import DecodingThreads
from voices import consents, prompts  # noqa: F401 - here, so that not every process has to load them
from voices.authoring import VoiceService
from voices.library import Library, LibraryLocation, OpenLibrary
from voices.limits import VoiceLimits
from voices.profile import Profile
from voices.samples import prepare  # noqa: F401
from voices.samples.samples import Upload
from voices.storage import blobs, lookup  # noqa: F401
from voices.storage.database import Database, database_url

TASKS = 3
"""concurrent tasks, each with voices of its own"""


def report(*words: object) -> None:
    print(*words, flush=True)


async def create_and_change(voices: VoiceService, name: str, upload: Upload) -> Profile:
    """Create a voice, and change all that can be changed of it."""
    created = await voices.create(Profile("", name, "cloned"), (upload, upload))
    first, second = (sample.id for sample in created.samples)
    report("created", created.id)
    after, _ = await voices.samples.add(created, upload, "")
    report("added", created.id, after.samples[2].id)
    report("removing", created.id, first)
    after = await voices.samples.remove(created.id, first, "")
    report("removed", created.id, first)
    report("replacing", created.id, second)
    _, new = await voices.samples.replace(after, after.samples[0], upload, "")
    report("replaced", created.id, second, new.prepared)
    report("naming", created.id)
    after = await voices.change(created.id, "", lambda profile: replace(profile, name=f"{name} again"))
    report("named", created.id, after.name)
    return await voices.avatar(created.id, b"\xff\xd8\xff picture", "")


async def delete_voice(voices: VoiceService, profile: Profile) -> None:
    report("deleting", profile.id)
    await voices.delete(profile.id, "")
    report("deleted", profile.id)


async def create_endlessly(voices: VoiceService, name: str, upload: Upload) -> None:
    for number in itertools.count():
        last = await create_and_change(voices, f"{name} {number}", upload)
        if number % 2:
            await delete_voice(voices, last)


def kill_before_step(opened: OpenLibrary, step: int) -> None:
    """Have this process kill itself before its `step`-th write: of a recording, of a transaction's beginning
    or of its end.
    """
    put, delete, writing = opened.blobs.put, opened.blobs.delete, opened.database.writing
    steps = itertools.count(1)

    def count_step() -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    async def put_or_die(key: str, data: bytes) -> None:
        count_step()
        await put(key, data)

    async def delete_or_die(keys: Iterable[str]) -> None:
        for key in keys:
            count_step()
            await delete([key])

    @asynccontextmanager
    async def writing_or_dying() -> AsyncIterator[AsyncConnection]:
        count_step()
        async with writing() as connection:
            yield connection
            count_step()

    for owner, name, what in (
        (opened.blobs, "put", put_or_die),
        (opened.blobs, "delete", delete_or_die),
        (opened.database, "writing", writing_or_dying),
    ):
        setattr(owner, name, what)


async def work(place: LibraryLocation, sound: bytes, run: str, step: int) -> None:
    library = Library(place)
    opened = await library.open()
    voices, upload = (
        VoiceService(opened, VoiceLimits(), DecodingThreads(anyio.CapacityLimiter(2))),
        Upload(sound),
    )
    if step:
        kill_before_step(opened, step)
        await delete_voice(voices, await create_and_change(voices, run, upload))
    else:
        await asyncio.gather(*(create_endlessly(voices, f"{run} {task}", upload) for task in range(TASKS)))
    await library.close()


def main(folder: str, database: str, audio: str, sound: str) -> None:
    """Start a process for every line; it is forked, which is ten times faster than a new one."""
    Database(database_url(database, Path(folder)))  # loads the driver
    for line in sys.stdin:
        run, step = line.split()
        child = os.fork()
        if not child:
            report("pid", os.getpid())
            asyncio.run(
                work(LibraryLocation(Path(folder), database, audio), Path(sound).read_bytes(), run, int(step))
            )
            os._exit(0)
        report("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
