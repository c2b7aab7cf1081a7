"""Tests of AMD's GPUs: which HIP counts, in which order, which have memory of their own, and which one a worker is
shown. The kernel's files are written as Linux has them.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engines.fleet import worker_cards
from engines.fleet.worker_cards import show_one_card
from engines.memory.amd_gpus import Memory, amd_memory, hip_names, hip_visible, rocr_visible
from engines.memory.governor import GIB, Governor, MemoryNeed

UUIDS = ("GPU-0000000000000abc", "GPU-1111000000000000", "GPU-1122000000000000")


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name).write_text(f"{value}\n")


def card(drm: Path, name: str, total: int, used: int, shared: int, maker: str = "") -> None:
    """Write Linux's files of an AMD GPU; sizes are GiB."""
    figures = {
        "mem_info_vram_total": total * GIB,
        "mem_info_vram_used": used * GIB,
        "mem_info_gtt_total": shared * GIB,
    }
    write(drm / name / "device", **figures, **({"mem_info_vram_vendor": maker} if maker else {}))


def node(nodes: Path, number: int, minor: int = 0, unique: int = 0, simds: int = 40) -> None:
    """Write a node of the kernel's compute driver: of a GPU, or of a processor, which has no SIMDs."""
    told = f"cpu_cores_count 0\nsimd_count {simds}\ndrm_render_minor {minor}\nunique_id {unique}\n"
    write(nodes / str(number), properties=told, gpu_id=1 if simds else 0)


def machine(folder: Path) -> dict[str, Path]:
    """Write a machine whose processor has a GPU, card 0, and two cards, which HIP counts otherwise than Linux: node
    1 is card 2, node 2 the processor's GPU, node 10 card 1.
    """
    drm, nodes = folder / "drm", folder / "nodes"
    for number, minor, total, used, shared, maker in (
        (0, 128, 1, 0, 15, "unknown"),
        (1, 129, 16, 4, 16, "samsung"),
        (2, 130, 24, 5, 16, "hynix"),
    ):
        card(drm, f"card{number}", total, used, shared, maker)
        card(drm, f"renderD{minor}", total, used, shared, maker)
    node(nodes, 0, simds=0)
    node(nodes, 1, 130, 0xABC)
    node(nodes, 2, 128)
    node(nodes, 10, 129, 0x1122 << 48)
    return {"cards": drm, "nodes": nodes}


def test_the_order_is_that_of_the_compute_driver(tmp_path: Path) -> None:
    """GPUs come in the order of their nodes, whatever the numbers of their cards; a processor's own is among them,
    without memory; and what a container may not use is not counted.
    """
    here = machine(tmp_path)
    assert amd_memory({}, **here) == [Memory(24 * GIB, 19 * GIB), Memory(), Memory(16 * GIB, 12 * GIB)]
    assert hip_names({}, **here) == ["0", "1", "2"]
    (here["nodes"] / "1" / "properties").unlink()
    assert amd_memory({}, **here) == [Memory(), Memory(16 * GIB, 12 * GIB)]


def test_the_variables_choose_one_after_the_other(tmp_path: Path) -> None:
    """HIP's variable counts what ROCr's left."""
    here = machine(tmp_path)
    environ = {"ROCR_VISIBLE_DEVICES": "2,GPU-0000000000000abc", "HIP_VISIBLE_DEVICES": "1"}
    assert amd_memory(environ, **here) == [Memory(24 * GIB, 19 * GIB)]
    assert hip_names(environ, **here) == ["1"]


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("2, 0", [2, 0]),
        ("0x2,0", [2, 0]),
        ("1,1,0", [1]),
        ("1,7,0", [1]),
        ("1,x", [1]),
        ("-1", []),
        ("gpu-0,2", [0, 2]),
        ("GPU-1", []),
        ("GPU-11", []),
        ("GPU-1122,0", [2, 0]),
        ("GPU-", []),
        ("2,1,0,0", [2, 1, 0]),
    ],
)
def test_what_rocr_lets_through(value: str | None, numbers: list[int]) -> None:
    """Numbers and the beginnings of names, mixed; what is no GPU's, or came before, ends the list."""
    environ = {} if value is None else {"ROCR_VISIBLE_DEVICES": value}
    assert rocr_visible(UUIDS, environ) == numbers


@pytest.mark.parametrize(
    ("environ", "numbers"),
    [
        ({}, [0, 1, 2]),
        ({"HIP_VISIBLE_DEVICES": "2,0"}, [2, 0]),
        ({"HIP_VISIBLE_DEVICES": "2,2,0"}, [2, 0]),
        ({"HIP_VISIBLE_DEVICES": "1,9,0"}, [1]),
        ({"HIP_VISIBLE_DEVICES": "GPU-1122000000000000,0"}, [2, 0]),
        ({"HIP_VISIBLE_DEVICES": "GPU-9"}, []),
        ({"HIP_VISIBLE_DEVICES": "", "CUDA_VISIBLE_DEVICES": "1"}, [1]),
        ({"HIP_VISIBLE_DEVICES": "2", "CUDA_VISIBLE_DEVICES": "1"}, [2]),
        ({"HIP_VISIBLE_DEVICES": ""}, []),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
    ],
)
def test_what_hip_lets_through(environ: dict[str, str], numbers: list[int]) -> None:
    """Numbers and names; CUDA's variable counts where HIP's says nothing, and an empty one lets none through."""
    assert hip_visible(UUIDS, environ) == numbers


def test_without_a_compute_driver_cards_count_by_their_numbers(tmp_path: Path) -> None:
    """The tenth card comes after the second."""
    for number, used in ((10, 3), (2, 2), (0, 1)):
        card(tmp_path, f"card{number}", 16, used, 8, "samsung")
    (tmp_path / "card0-DP-1").mkdir()
    found = amd_memory({"HIP_VISIBLE_DEVICES": "2,0"}, tmp_path, tmp_path / "none")
    assert [one.free for one in found] == [13 * GIB, 15 * GIB]


def test_which_have_memory_of_their_own(tmp_path: Path) -> None:
    """A GPU in the processor, which uses the machine's memory, has none; a separate card has."""
    card(tmp_path, "card0", 1, 0, 15)
    card(tmp_path, "card1", 2, 0, 15, "unknown")
    card(tmp_path, "card2", 16, 4, 32, "hynix")
    card(tmp_path, "card3", 96, 6, 16)
    found = amd_memory({}, tmp_path, tmp_path / "none")
    assert [one.free for one in found] == [0, 0, 12 * GIB, 90 * GIB]


def test_a_worker_is_shown_the_card_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The governor puts a model on the card with most room, never by itself on the processor's own GPU, and the worker
    is shown that very card by HIP's number; on the processor's own nothing is measured.
    """
    here = machine(tmp_path)
    (here["cards"] / "renderD130" / "device" / "mem_info_vram_used").write_text(f"{20 * GIB}\n")
    memory = amd_memory({}, **here)
    monkeypatch.setattr(worker_cards, "gpu_names", lambda _: [])
    monkeypatch.setattr(worker_cards, "hip_names", lambda environ: hip_names(environ, **here))

    async def test() -> None:
        governor = Governor(
            free=lambda: 100 * GIB,
            gpus=lambda: [one.free for one in memory],
            gpu_totals=lambda: [one.total for one in memory],
            held=lambda _: 0,
        )
        assert await governor.reserve("auto", MemoryNeed(1, 8 * GIB, None)) == [2]
        assert await governor.reserve("own", MemoryNeed(1, 8 * GIB, 1)) == [1]
        only_own = Governor(
            free=lambda: 100 * GIB, gpus=lambda: [0], gpu_totals=lambda: [0], held=lambda _: 0
        )
        assert await only_own.reserve("auto", MemoryNeed(1, 8 * GIB, None)) == [None]

    asyncio.run(asyncio.wait_for(test(), 30))
    assert show_one_card({}, 2, {}).variables == {"HIP_VISIBLE_DEVICES": "2"}
    chosen = {"HIP_VISIBLE_DEVICES": "2,0"}
    assert show_one_card({"device": "rocm:1"}, None, chosen).variables == {"HIP_VISIBLE_DEVICES": "0"}
    assert show_one_card({"device": "rocm:2"}, None, chosen).variables == {}
