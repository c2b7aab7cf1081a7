"""Look at the interpreter that runs this: import packages, and tell what torch or MLX see. Only the standard
library is needed.

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
    """Give a package's version, empty where it tells none."""
    with contextlib.suppress(
        Exception
    ):  # a package's own metadata may be anything, and its version is worth no failure
        names = metadata.packages_distributions().get(package.partition(".")[0], [])
        return metadata.version(package if package in names or not names else names[0])
    return str(getattr(module, "__version__", ""))


def look(package: str) -> dict[str, str]:
    """Import a package."""
    try:
        module = importlib.import_module(package)
    except (
        BaseException
    ) as exc:  # some end the process when they do not like it, and that is their fault to be told
        return {"name": package, "fault": f"{type(exc).__name__}: {exc}"[:500]}
    return {"name": package, "version": version(package, module)}


def torch_sees() -> dict[str, Any]:
    """Tell what torch has to compute with."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):
        return {}
    seen: dict[str, Any] = {"devices": ["cpu"], "gpus": []}
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            name = torch.cuda.get_device_name(number)
            capability = "{}.{}".format(*torch.cuda.get_device_capability(number))
            if torch.version.hip:
                capability = torch.cuda.get_device_properties(number).gcnArchName.partition(":")[0]
            seen["gpus"].append({"name": name, "capability": capability})
            seen["devices"].append(f"cuda:{number}")
        seen["built_for"] = torch.cuda.get_arch_list()
    if torch.backends.mps.is_available():
        seen["devices"].append("mps")
    return seen


def mlx_sees() -> dict[str, Any]:
    """Tell what MLX computes with."""
    mlx = sys.modules.get("mlx.core")
    return {"devices": [f"mlx: {mlx.default_device()}"]} if mlx else {}


def main(packages: list[str]) -> None:
    """Print the JSON; what packages print goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        found: dict[str, Any] = {"version": platform.python_version(), "packages": []}
        for package in packages:
            found["packages"].append(look(package))
            if package == "torch" and hasattr(sys.modules.get(package), "get_num_threads"):
                found["threads"] = sys.modules[
                    package
                ].get_num_threads()  # now: pocket_tts and silero_vad set it to 1
        try:
            found.update(torch_sees() or mlx_sees())
        except Exception as exc:  # a driver that fails is what we are here to tell
            found["fault"] = f"{type(exc).__name__}: {exc}"
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
