"""A program that makes, changes and deletes voices until it is killed, and says, line by line, what it begins
and what it has done.

    python endless_writer.py FOLDER DATABASE AUDIO CLIP

For every line RUN STEP that it reads it starts a process, which says its number first. That works from
several sides and without end where STEP is 0; otherwise it lives one voice's life, and kills itself before
its so manieth step.
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

from voices import consents, prompts  # noqa: F401 - here, so that not every process has to load them
from voices.authoring import VoiceService
from voices.library import Library, LibraryLocation, OpenLibrary
from voices.limits import VoiceLimits
from voices.profile import Profile
from voices.samples import prepare  # noqa: F401
from voices.samples.samples import Upload
from voices.storage import blobs, lookup  # noqa: F401
from voices.storage.database import Database, database_url

SIDES = 3
"""that work at the same time, each on voices of its own"""


def say(*words: object) -> None:
    print(*words, flush=True)


async def live(voices: VoiceService, name: str, upload: Upload) -> Profile:
    """Make a voice, and change all that can be changed of it."""
    made = await voices.create(Profile("", name, "cloned"), (upload, upload))
    first, second = (sample.id for sample in made.samples)
    say("made", made.id)
    after, _ = await voices.samples.add(made, upload, "")
    say("added", made.id, after.samples[2].id)
    say("removing", made.id, first)
    after = await voices.samples.remove(made.id, first, "")
    say("removed", made.id, first)
    say("replacing", made.id, second)
    _, new = await voices.samples.replace(after, after.samples[0], upload, "")
    say("replaced", made.id, second, new.prepared)
    say("naming", made.id)
    after = await voices.change(made.id, "", lambda one: replace(one, name=f"{name} again"))
    say("named", made.id, after.name)
    return await voices.avatar(made.id, b"\xff\xd8\xff picture", "")


async def die(voices: VoiceService, profile: Profile) -> None:
    say("deleting", profile.id)
    await voices.delete(profile.id, "")
    say("deleted", profile.id)


async def one_side(voices: VoiceService, name: str, upload: Upload) -> None:
    for turn in itertools.count():
        last = await live(voices, f"{name} {turn}", upload)
        if turn % 2:
            await die(voices, last)


def deadly(opened: OpenLibrary, step: int) -> None:
    """Have this process kill itself before so many writes: of a recording, of a transaction's beginning or of
    its end.
    """
    put, delete, writing = opened.blobs.put, opened.blobs.delete, opened.database.writing
    steps = itertools.count(1)

    def one() -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    async def put_or_die(key: str, data: bytes) -> None:
        one()
        await put(key, data)

    async def delete_or_die(keys: Iterable[str]) -> None:
        for key in keys:
            one()
            await delete([key])

    @asynccontextmanager
    async def writing_or_dying() -> AsyncIterator[AsyncConnection]:
        one()
        async with writing() as connection:
            yield connection
            one()

    for owner, name, what in (
        (opened.blobs, "put", put_or_die),
        (opened.blobs, "delete", delete_or_die),
        (opened.database, "writing", writing_or_dying),
    ):
        setattr(owner, name, what)


async def work(place: LibraryLocation, sound: bytes, run: str, step: int) -> None:
    library = Library(place, anyio.CapacityLimiter(2))
    opened = await library.open()
    voices, upload = VoiceService(opened, VoiceLimits(), library.threads), Upload(sound)
    if step:
        deadly(opened, step)
        await die(voices, await live(voices, run, upload))
    else:
        await asyncio.gather(*(one_side(voices, f"{run} {side}", upload) for side in range(SIDES)))
    await library.close()


def main(folder: str, database: str, audio: str, sound: str) -> None:
    """Start a process for every line; it is forked, which takes a tenth of the time that a new one would."""
    Database(database_url(database, Path(folder)))  # loads the driver
    for line in sys.stdin:
        run, step = line.split()
        child = os.fork()
        if not child:
            say("pid", os.getpid())
            asyncio.run(
                work(LibraryLocation(Path(folder), database, audio), Path(sound).read_bytes(), run, int(step))
            )
            os._exit(0)
        say("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
