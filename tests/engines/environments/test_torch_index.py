"""Tests of where torch comes from: never gigabytes of CUDA where there is no such GPU."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from engines.catalogue.records import Device
from engines.environments.commands import Installer, InstallFailed, Note
from engines.environments.groups import Group, find_group
from engines.environments.install import install_environment
from engines.environments.torch_index import INDEX_FOR_CPUS, choose_torch_index

UV = """#!{python}
import subprocess, sys
with open({log!r}, "a") as log:
    print(*sys.argv[1:], file=log)
if sys.argv[1] == "venv":
    sys.exit(subprocess.call([{python!r}, "-m", "venv", "--without-pip", sys.argv[-1]]))
if {refused!r} in sys.argv:
    print("error: nothing there")
    sys.exit(2)
"""


@pytest.mark.parametrize(
    ("available", "platform", "index"),
    [
        ({"cpu"}, "linux", "https://download.pytorch.org/whl/cpu"),
        ({"cpu", "cuda"}, "linux", ""),
        ({"cpu", "cuda", "xpu"}, "linux", ""),
        ({"cpu", "rocm"}, "linux", "https://download.pytorch.org/whl/rocm7.2"),
        ({"cpu", "xpu"}, "linux", "https://download.pytorch.org/whl/xpu"),
        ({"cpu"}, "win32", ""),
        ({"cpu", "mps", "mlx"}, "darwin", ""),
    ],
)
def test_the_index_suits_the_machine(available: set[Device], platform: str, index: str) -> None:
    """Without a GPU torch is the one for processors, where the usual one would bring CUDA; for others their own."""
    assert choose_torch_index(available, platform) == index


def test_what_it_takes() -> None:
    """The environment with the index for processors takes a third of what it takes with CUDA."""
    main = find_group("main")

    assert main.disk_needed(INDEX_FOR_CPUS) < 3e9
    if sys.platform == "linux":
        assert main.disk_needed() > 7e9


def install(tmp_path: Path, refused: str, *, or_usual: bool) -> tuple[list[str], list[str]]:
    """Install torch by a uv that only writes down how it is called, and fails where it is told `refused`.

    Return its calls that install something, and what the program said itself.
    """
    log, uv = tmp_path / "calls", tmp_path / "uv"
    uv.write_text(UV.format(python=sys.executable, log=str(log), refused=refused))
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "none.txt").write_text("")
    group = Group("small", "Small", tmp_path / "none.txt", (), 1000, first=("torch==2.13.0",))
    said: list[str] = []
    try:
        install_environment(
            group,
            tmp_path / "environments",
            said.append,
            index_url=INDEX_FOR_CPUS,
            or_usual=or_usual,
            installer=Installer(str(uv)),
        )
    finally:
        calls = log.read_text().splitlines()
    return [call for call in calls if "torch==2.13.0" in call], [
        line for line in said if isinstance(line, Note)
    ]


def test_the_command_names_the_index(tmp_path: Path) -> None:
    """The command that installs torch names the index for processors, and no other is made."""
    (call,), said = install(tmp_path, "nothing is refused", or_usual=True)

    assert call.endswith(f"torch==2.13.0 --index-url {INDEX_FOR_CPUS}")
    assert said == []


def test_where_that_index_is_out_of_reach(tmp_path: Path) -> None:
    """Where the index that was chosen gives no torch it comes from the usual one, which is said; one that somebody asked
    for is not replaced.
    """
    (first, second), (said,) = install(tmp_path, INDEX_FOR_CPUS, or_usual=True)
    assert first.endswith(f"--index-url {INDEX_FOR_CPUS}")
    assert second.endswith("torch==2.13.0")
    assert INDEX_FOR_CPUS in said

    again = tmp_path / "again"
    again.mkdir()
    with pytest.raises(InstallFailed, match="nothing there"):
        install(again, INDEX_FOR_CPUS, or_usual=False)
