"""Where an engine computes, and how: its worker tells it when it is to load."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Place(msgspec.Struct, frozen=True):
    """The place of an engine: what the settings and its worker say of device, numbers, threads and folders.

    An engine takes from it what its library can be told, and ignores the rest.
    """

    device: str = "auto"
    """`auto` for the best that the engine runs on, or a kind of device, such as `cuda`. A worker that is
    given one GPU of several sees no other, and the kind comes without a number
    (`engines.toolkit.devices.choose_device`)
    """
    dtype: str = "auto"
    """the numbers that the model computes with, by the library's name for them, such as `bfloat16`; `auto`
    for what suits the device and the checkpoint (`engines.toolkit.devices.choose_dtype`)
    """
    threads: Annotated[int, Meta(ge=0)] = 0
    """threads of one computation on a processor; 0 for what suits the engine, which is one a core for most
    (`engines.toolkit.threads.cpu_threads`)
    """
    group: str = ""
    """the environment that the engine runs in, by name (`engines/environments/groups.py`); empty where the
    engine is of none
    """
    cache_folder: str = ""
    """where the files that are pulled from the hub lie, in its own layout; empty where the engine is not run
    from one. A worker downloads nothing into it: the hub's libraries are told that they are offline
    """
