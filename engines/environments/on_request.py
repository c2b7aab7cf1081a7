"""Packages that no environment brings by itself: `voicebox engines add NAME` installs them, for somebody who
was told under which licences, and agreed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from engines.environments.commands import Installer
from engines.environments.groups import REQUIREMENTS, Licence


class OnRequest(msgspec.Struct, frozen=True):
    """What an engine needs beyond the packages of its group."""

    name: str
    """by which it is asked for"""
    display: str
    group: str
    """the environment that gets it"""
    requirements: Path
    """a requirements file, of what package indexes have"""
    sources: tuple[str, ...]
    """`name @ address` of what they do not have, at one commit, installed without what it asks for"""
    size: int
    """bytes that it takes, about"""
    licences: tuple[Licence, ...]


LUXTTS = OnRequest(
    name="luxtts",
    display="LuxTTS, its vocoder LinaCodec, and what they read texts with",
    group="legacy457",
    requirements=REQUIREMENTS / "luxtts.txt",
    sources=(
        "zipvoice @ https://github.com/ysharma3501/LuxTTS/archive/381b1609cb1d1afbf756b87809c623464cfd8ac5.zip",
        "linacodec @ https://github.com/ysharma3501/LinaCodec/archive/"
        "f75b64ea288b67f5c7d3369ad6f58bfeb239f6cb.zip",
    ),
    size=300_000_000,
    licences=(
        Licence("zipvoice (LuxTTS)", "Apache-2.0"),
        Licence(
            "linacodec",
            "none is known: its repository has no licence file, so whether you may use it is between you and"
            " its author",
        ),
        Licence("piper-phonemize-fix", "MIT; GPL-3.0-or-later for the eSpeak NG in it"),
        Licence("lhotse", "Apache-2.0"),
        Licence("vocos, encodec, jieba, pypinyin, cn2an, inflect, jsonargparse", "MIT"),
    ),
)
ON_REQUEST = (LUXTTS,)


def find_on_request(name: str, known: Sequence[OnRequest] = ON_REQUEST) -> OnRequest | None:
    """Return what goes by a name; None where that is an ordinary package's."""
    return next((one for one in known if one.name == name), None)


def add_commands(
    python: Path, packages: Sequence[str], installer: Installer, known: Sequence[OnRequest] = ON_REQUEST
) -> list[list[str]]:
    """Return the commands that add packages to an environment, or what goes by their names here."""
    wanted = {name: found for name in packages if (found := find_on_request(name, known))}
    ordinary = [name for name in packages if name not in wanted]
    commands = [installer.install_command(python, *ordinary)] if ordinary else []
    for one in wanted.values():
        commands.append(installer.install_command(python, "-r", str(one.requirements)))
        commands.append(installer.install_command(python, "--no-deps", *one.sources))
    return commands
