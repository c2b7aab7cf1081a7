"""The place that a worker gives its engine: what the settings say of it is taken out of the options."""

from __future__ import annotations

import msgspec

from engines.api import EngineInfo, Place
from engines.errors import EngineFailed
from engines.settings import Options
from engines.toolkit.threads import usable_cores

THREADS = "threads"
ASKED = {
    "device": "the name of a device, such as auto, cpu or cuda",
    "dtype": "the name of a kind of numbers, such as auto, float32 or bfloat16",
    THREADS: "a number of threads, and 0 one for each core",
}
"""the options that are the worker's, and what they should be"""
ALSO_CALLED = {"mps": "mlx", "gpu": "mlx", "rocm": "cuda"}
"""other names of a device than its library has for it: of Apple's GPU than MLX, of AMD's than torch"""


def take_place(options: Options, *, group: str = "", cache_folder: str = "") -> tuple[Place, Options]:
    """Return the place that the options of an engine tell, and the options that are the engine's own.

    No number of threads leaves it to the engine; the number 0, where it is written, is one a core. Raises
    EngineFailed where an option is of another type.
    """
    given = {name: options[name] for name in ASKED if name in options}
    try:
        place = msgspec.convert({**given, "group": group, "cache_folder": cache_folder}, Place, strict=False)
    except msgspec.ValidationError as exc:
        name = str(exc).rpartition("$.")[2].rstrip("`")
        raise EngineFailed(f"The option `{name}` should be {ASKED[name]}, not {options[name]!r}.") from exc
    if THREADS in given and place.threads == 0:
        place = msgspec.structs.replace(place, threads=usable_cores())
    return place, {name: value for name, value in options.items() if name not in ASKED}


def check_place(place: Place, info: EngineInfo) -> None:
    """Check that an engine computes on the kind of device that was asked for, if any: one that knows no other
    than a processor may not have looked. Raises EngineFailed.
    """
    asked = place.device.partition(":")[0]
    there = info.device.partition(":")[0]
    if asked not in ("auto", there) and ALSO_CALLED.get(asked) != there:
        raise EngineFailed(
            f"There is no device '{place.device}' for the engine `{info.name}`: it computes on {info.device}."
        )
