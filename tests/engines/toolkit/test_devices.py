"""Tests of the choice of a device, and of the errors where it is missing."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from engines.catalogue.hardware import slow_reason  # noqa: E402
from engines.catalogue.models import find_model  # noqa: E402
from engines.catalogue.records import Device  # noqa: E402
from engines.errors import EngineFailed  # noqa: E402
from engines.toolkit import devices  # noqa: E402 - it needs torch
from engines.toolkit.gpu_architectures import missing_code_reason  # noqa: E402


def test_a_processor_is_always_there() -> None:
    """A requested device is chosen where it exists; "auto" means the best one, at least the processor."""
    assert devices.choose_device("cpu").type == "cpu"
    best = next(kind for kind in devices.PREFERENCE if devices._is_available(kind))
    assert devices.choose_device("auto").type == best


def test_a_missing_device_is_refused() -> None:
    """A missing device is never replaced by a slower one: the error names it, and the existing ones."""
    for asked in ("cuda:99", "xpu:99", "mps"):
        if asked == "mps" and torch.backends.mps.is_available():
            continue
        with pytest.raises(EngineFailed, match=rf"no device '{asked}' here: torch .* finds .*cpu"):
            devices.choose_device(asked)
    with pytest.raises(EngineFailed, match="should be auto, cpu"):
        devices.choose_device("abacus", ("cpu",))
    with pytest.raises(EngineFailed, match="for this engine"):
        devices.choose_device("cuda", ("cpu",))


def test_an_unusable_gpu_is_not_replaced() -> None:
    """Where torch has no code for the GPU, "auto" is an error with a remedy, rather than the processor."""

    def unfit(name: str) -> str:
        return "no code" if name.startswith("cuda") else ""

    there = {"cuda": 2, "cpu": 1}
    with pytest.raises(EngineFailed, match=r"^no code, or set `device: cpu`\.$"):
        devices.resolve_device("auto", devices.PREFERENCE, there, unfit)
    for asked, known in (("cuda:1", devices.PREFERENCE), ("auto", ("cuda",))):
        with pytest.raises(EngineFailed, match=r"^no code\.$"):
            devices.resolve_device(asked, known, there, unfit)
    assert devices.resolve_device("cpu", devices.PREFERENCE, there, unfit) == "cpu"
    assert devices.resolve_device("auto", ("cpu", "cuda"), {"cpu": 1, "cuda": 2}, unfit) == "cpu"
    assert devices.resolve_device("auto", devices.PREFERENCE, there, lambda name: "") == "cuda"


def test_the_remedy_for_missing_gpu_code() -> None:
    """The error for a torch without code for a GPU names both, and the command that installs the right one."""
    reason = missing_code_reason("Old", "6.1", ("sm_80", "sm_90"), "legacy457")
    assert "no code for the GPU Old (compute capability 6.1, it has sm_80, sm_90)" in reason
    assert "`voicebox engines install legacy457 --index-url https://download.pytorch.org/whl/cu126`" in reason
    assert "install main --index-url https://download.pytorch.org/whl/cu130" in missing_code_reason(
        "New", "12.0", ("sm_80",)
    )
    old = missing_code_reason("Old Radeon", "gfx803", ("gfx90a", "gfx1100"))
    assert "(architecture gfx803, it has gfx90a, gfx1100)" in old
    assert "--index-url https://download.pytorch.org/whl/rocm" in old
    assert missing_code_reason("Good", "8.6", ("sm_80",)) == missing_code_reason("Any", "8.6", ()) == ""


def test_a_cpu_in_place_of_a_gpu_is_explained() -> None:
    """A model on the processor of a machine with a GPU for it says what would change that."""
    kokoro, here = find_model("kokoro"), frozenset[Device]({"cpu", "cuda"})
    assert "voicebox engines install main --index-url https://download.pytorch.org/whl/cu130" in slow_reason(
        kokoro, "cpu", "auto", here
    )
    assert "whl/rocm" in slow_reason(kokoro, "cpu", "auto", frozenset({"cpu", "rocm"}))
    fine = [
        (kokoro, "cuda:0", "auto", here),
        (kokoro, "cpu", "cpu", here),
        (kokoro, "cpu", "auto", frozenset[Device]({"cpu"})),
        (find_model("voxcpm2"), "cpu", "auto", frozenset[Device]({"cpu", "rocm"})),
        (find_model("faster-whisper-tiny"), "cpu", "auto", here),
        (find_model("pocket-tts-english"), "cpu", "auto", here),
    ]
    assert [slow_reason(*one) for one in fine] == [""] * len(fine)
