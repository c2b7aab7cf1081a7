"""A script that reports on the interpreter that runs it: imports packages, and asks torch or MLX for devices.
It needs only the standard library.

Prints one line of JSON; `check.py` reads it. It is run as text by other interpreters, never imported by them.
"""

import contextlib
import importlib
import json
import platform
import sys
from importlib import metadata
from typing import Any


def version(package: str, module: object) -> str:
    """Return a package's version, empty where it has none."""
    # a package's own metadata may be anything, and its version is worth no failure
    with contextlib.suppress(Exception):
        names = metadata.packages_distributions().get(package.partition(".")[0], [])
        return metadata.version(package if package in names or not names else names[0])
    return str(getattr(module, "__version__", ""))


def import_package(package: str) -> dict[str, str]:
    """Import a package, and return its name with its version or its fault."""
    try:
        module = importlib.import_module(package)
    except BaseException as exc:  # some end the process where they do not work: that is a fault to report
        return {"name": package, "fault": f"{type(exc).__name__}: {exc}"[:500]}
    return {"name": package, "version": version(package, module)}


def torch_devices() -> dict[str, Any]:
    """Return the devices, GPUs and architectures of torch; nothing where it was not imported."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):
        return {}
    found: dict[str, Any] = {"devices": ["cpu"], "gpus": []}
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            name = torch.cuda.get_device_name(number)
            capability = "{}.{}".format(*torch.cuda.get_device_capability(number))
            if torch.version.hip:
                capability = torch.cuda.get_device_properties(number).gcnArchName.partition(":")[0]
            found["gpus"].append({"name": name, "capability": capability})
            found["devices"].append(f"cuda:{number}")
        found["built_for"] = torch.cuda.get_arch_list()
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        for number in range(torch.xpu.device_count()):
            found["gpus"].append({"name": torch.xpu.get_device_name(number)})
            found["devices"].append(f"xpu:{number}")
    if torch.backends.mps.is_available():
        found["devices"].append("mps")
    return found


def mlx_devices() -> dict[str, Any]:
    """Return the device of MLX; nothing where it was not imported."""
    mlx = sys.modules.get("mlx.core")
    return {"devices": [f"mlx: {mlx.default_device()}"]} if mlx else {}


def main(packages: list[str]) -> None:
    """Import packages and print the report as JSON; what packages print goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        found: dict[str, Any] = {"version": platform.python_version(), "packages": []}
        for package in packages:
            found["packages"].append(import_package(package))
            if package == "torch" and hasattr(sys.modules.get(package), "get_num_threads"):
                # now: pocket_tts and silero_vad set it to 1
                found["threads"] = sys.modules[package].get_num_threads()
        try:
            found.update(torch_devices() or mlx_devices())
        except Exception as exc:  # a driver that fails is what this is to report
            found["fault"] = f"{type(exc).__name__}: {exc}"
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
