"""Choose what onnxruntime computes a graph on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engines.errors import EngineFailed

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""onnxruntime's names of devices, those that `auto` prefers first"""
NOT_AUTOMATIC = ("coreml",)
"""lines have any length, and Core ML compiles a graph for each: nobody has found it quicker"""
PACKAGES = {"cuda": "onnxruntime-gpu", "directml": "onnxruntime-directml"}
"""what has a device that the plain package lacks"""
Provider = str | tuple[str, dict[str, str]]


def choose_providers(device: str, available: Sequence[str], settings: Any) -> list[Provider]:  # noqa: ANN401 - SessionOptions
    """Return the providers for a device, such as `cuda:1` or `auto`, with the CPU for what it cannot do.

    Raises EngineFailed where there is no such device: work never goes to a slower one without a word.
    """
    kind, _, number = device.partition(":")
    if kind == "auto":
        here = [name for name, one in PROVIDERS.items() if one in available and name not in NOT_AUTOMATIC]
        kind = here[0] if here else "cpu"
    if kind not in PROVIDERS or (number and not number.isdecimal()):
        raise EngineFailed(
            f"There is no device '{device}' for Kokoro's graphs: it should be auto, {', '.join(PROVIDERS)}."
        )
    if PROVIDERS[kind] not in available:
        package = f"; {PACKAGES[kind]} has it" if kind in PACKAGES else ""
        raise EngineFailed(
            f"There is no device '{device}' here: onnxruntime has {', '.join(available)}{package}."
        )
    if kind == "cpu":
        return [PROVIDERS["cpu"]]
    if kind == "directml":
        settings.enable_mem_pattern = False  # it refuses to work with it
    return [(PROVIDERS[kind], {"device_id": number} if number else {}), PROVIDERS["cpu"]]


def device_of(providers: Sequence[str], requested: str) -> str:
    """Return the device that a session computes on, by the providers that it got.

    Raises EngineFailed where it is another than the one that was asked for: the library goes on without one
    whose driver it cannot load.
    """
    device = next(name for name, one in PROVIDERS.items() if one == providers[0])
    if requested not in ("auto", device) and requested.partition(":")[0] != device:
        raise EngineFailed(
            f"onnxruntime cannot use the device '{requested}' here: it would go on with {device}."
        )
    return device
