"""Tests of the choice of a device, and of the errors where it is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from engines.api import Place  # noqa: E402
from engines.catalogue.hardware import slow_reason  # noqa: E402
from engines.catalogue.models import find_model  # noqa: E402
from engines.catalogue.records import Device  # noqa: E402
from engines.errors import EngineFailed  # noqa: E402
from engines.toolkit import devices  # noqa: E402 - it needs torch
from engines.toolkit.gpu_architectures import missing_code_reason  # noqa: E402


def test_a_processor_is_always_there() -> None:
    """A requested device is chosen where it exists; "auto" means the best one, at least the processor."""
    assert devices.choose_device("cpu", devices.PREFERENCE, "main").type == "cpu"
    best = next(kind for kind in devices.PREFERENCE if devices._is_available(kind))
    assert devices.choose_device("auto", devices.PREFERENCE, "main").type == best


def test_a_missing_device_is_refused() -> None:
    """A missing device is never replaced by a slower one: the error names it, and the existing ones."""
    for asked in ("cuda:99", "xpu:99", "mps"):
        if asked == "mps" and torch.backends.mps.is_available():
            continue
        with pytest.raises(EngineFailed, match=rf"no device '{asked}' here: torch .* finds .*cpu"):
            devices.choose_device(asked, devices.PREFERENCE, "main")
    with pytest.raises(EngineFailed, match="should be auto, cpu"):
        devices.choose_device("abacus", ("cpu",), "main")
    with pytest.raises(EngineFailed, match="for this engine"):
        devices.choose_device("cuda", ("cpu",), "main")


def test_amds_gpus_go_by_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch is built for AMD's GPUs, `rocm` is what torch calls `cuda`; elsewhere there is no such device."""
    there = {"cuda": 2, "cpu": 1}
    monkeypatch.setattr(torch.version, "hip", "7.2")
    for asked, name in (("rocm", "cuda"), ("rocm:1", "cuda:1"), ("cuda:1", "cuda:1")):
        assert devices.resolve_device(asked, devices.PREFERENCE, there, lambda _: "") == name
    with pytest.raises(EngineFailed, match="no device 'rocm:2' here"):
        devices.resolve_device("rocm:2", devices.PREFERENCE, there, lambda _: "")
    monkeypatch.setattr(torch.version, "hip", None)
    with pytest.raises(EngineFailed, match="no device 'rocm' for this engine"):
        devices.resolve_device("rocm", devices.PREFERENCE, there, lambda _: "")


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
    command = f"{sys.executable} -m pip install --force-reinstall torch"
    assert f"`{command} --index-url https://download.pytorch.org/whl/cu130`" in (
        missing_code_reason("New", "12.0", ("sm_80",), "")
    )
    old = missing_code_reason("Old Radeon", "gfx803", ("gfx90a", "gfx1100"), "main")
    assert "(architecture gfx803, it has gfx90a, gfx1100)" in old
    assert "--index-url https://download.pytorch.org/whl/rocm" in old
    assert missing_code_reason("Good", "8.6", ("sm_80",), "main") == ""
    assert missing_code_reason("Any", "8.6", (), "main") == ""


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


class FakeCard:
    """A card of NVIDIA's that torch finds here, as far as devices and dtypes are chosen by it."""

    def __init__(self, patch: pytest.MonkeyPatch, capability: tuple[int, int], *, bf16: bool) -> None:
        self.current: object = None
        self.plans = [type("Plans", (), {"max_size": 4096})() for _ in range(2)]
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "device_count", lambda: 2)
        patch.setattr(torch.cuda, "get_device_capability", lambda _=None: capability)
        patch.setattr(torch.cuda, "get_device_name", lambda _=None: "Card")
        patch.setattr(torch.cuda, "get_arch_list", list)
        patch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: bf16 or including_emulation
        )
        patch.setattr(torch.cuda, "set_device", lambda device: setattr(self, "current", device))
        patch.setattr(torch.backends.cuda, "cufft_plan_cache", self.plans)


@pytest.fixture
def flags() -> Iterator[None]:
    """Have torch's flags of this process be as they were, after a test that sets them."""
    backends = (torch.backends.cudnn, torch.backends.cuda.matmul)
    names = ("allow_tf32", "benchmark", "deterministic")
    before = [(backend, name, getattr(backend, name)) for backend in backends[:1] for name in names]
    before.append((backends[1], names[0], backends[1].allow_tf32))
    yield
    for backend, name, value in before:
        setattr(backend, name, value)


@pytest.mark.parametrize(
    ("capability", "bf16", "published", "dtype"),
    [
        ((9, 0), True, torch.bfloat16, torch.bfloat16),
        ((8, 0), True, torch.float32, torch.bfloat16),
        ((8, 0), True, None, torch.bfloat16),
        ((8, 6), True, torch.float16, torch.float16),
        ((7, 5), False, torch.bfloat16, torch.float16),
        ((7, 0), False, None, torch.float16),
        ((6, 1), False, torch.float16, torch.float32),
        ((6, 1), False, torch.bfloat16, torch.float32),
    ],
)
def test_a_dtype_suits_card_and_checkpoint(
    monkeypatch: pytest.MonkeyPatch,
    capability: tuple[int, int],
    bf16: bool,
    published: Any,
    dtype: Any,
) -> None:
    """Half precision is bfloat16 where the card has it and the weights are not float16; cards that are slow at
    halves compute in whole numbers. What is asked for by name stays as it is.
    """
    FakeCard(monkeypatch, capability, bf16=bf16)
    assert devices.choose_dtype("auto", "cuda", published) == dtype
    assert devices.choose_dtype("float16", "cuda", published) == torch.float16
    assert devices.choose_dtype("auto", "cpu", published) == torch.float32


@pytest.mark.parametrize(
    ("bf16", "fp16", "published", "dtype"),
    [
        (True, True, torch.bfloat16, torch.bfloat16),
        (True, True, None, torch.bfloat16),
        (True, True, torch.float16, torch.float16),
        (True, False, torch.float16, torch.bfloat16),
        (False, True, torch.bfloat16, torch.float16),
        (False, False, torch.bfloat16, torch.float32),
    ],
)
def test_a_dtype_on_intels_gpus(
    monkeypatch: pytest.MonkeyPatch, bf16: bool, fp16: bool, published: Any, dtype: Any
) -> None:
    """An Intel GPU says which halves it has; it computes with those that suit the weights."""
    said = type("Properties", (), {"has_bfloat16_conversions": bf16, "has_fp16": fp16})()
    monkeypatch.setattr(torch.xpu, "get_device_properties", lambda device: {"xpu:1": said}[device])
    assert devices.choose_dtype("auto", "xpu:1", published) == dtype


@pytest.mark.parametrize(
    ("macos", "published", "dtype"),
    [
        ((15, 2), torch.bfloat16, torch.bfloat16),
        ((14, 0), torch.bfloat16, torch.bfloat16),
        ((13, 6), torch.bfloat16, torch.float32),
        ((13, 6), torch.float16, torch.float16),
        ((15, 2), torch.float16, torch.float16),
        ((15, 2), torch.float32, torch.float32),
        ((15, 2), None, torch.float32),
    ],
)
def test_a_dtype_on_apples_gpus(
    monkeypatch: pytest.MonkeyPatch, macos: tuple[int, int], published: Any, dtype: Any
) -> None:
    """Apple's GPUs compute with the half that the weights are in: bfloat16 from macOS 14 on, and never its numbers in
    float16; other weights stay whole.
    """
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda major, minor: macos >= (major, minor))
    assert devices.choose_dtype("auto", "mps", published) == dtype
    assert devices.choose_dtype("float32", "mps", published) == torch.float32


@pytest.mark.parametrize(
    ("config", "dtype"),
    [
        ({"dtype": "bfloat16"}, torch.bfloat16),
        ({"torch_dtype": "float16"}, torch.float16),
        ({"torch_dtype": "torch.float32"}, torch.float32),
        ({"dtype": "auto"}, None),
        ({"dtype": 3}, None),
        ({}, None),
    ],
)
def test_a_checkpoint_says_what_its_weights_are(config: dict[str, object], dtype: Any) -> None:
    """The dtype of weights is read from their config.json, as libraries new and old write it."""
    assert devices.published_dtype(config) == dtype


@pytest.mark.usefixtures("flags")
@pytest.mark.parametrize("published", ["bfloat16", "float16"])
def test_a_checkpoint_on_a_card_keeps_its_kind_of_halves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, published: str
) -> None:
    """A model that was published in bfloat16 is not run in float16, whose numbers end where its own may go on,
    nor the other way round.
    """
    pytest.importorskip("transformers")
    from engines.adapters.transformers_models.checkpoint import open_checkpoint

    FakeCard(monkeypatch, (9, 0), bf16=True)
    config = {"architectures": ["VitsModel"], "model_type": "vits", "dtype": published}
    (tmp_path / "config.json").write_text(json.dumps(config))
    opened = open_checkpoint(str(tmp_path), "speech", "vits", place=Place())
    assert opened.device == "cuda"
    assert opened.dtype == getattr(torch, published)


@pytest.mark.usefixtures("flags")
def test_how_a_card_computes_is_decided_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever chooses a card computes there without TF32, the same each time, and keeps few plans; torch has
    that card as its current one.
    """
    card = FakeCard(monkeypatch, (9, 0), bf16=True)
    torch.backends.cudnn.deterministic = False
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    assert devices.choose_device("cpu", devices.PREFERENCE, "main").type == "cpu"
    assert (card.current, torch.backends.cudnn.allow_tf32) == (None, True)
    assert str(devices.choose_device("cuda:1", devices.PREFERENCE, "main")) == "cuda:1"
    assert str(card.current) == "cuda:1"
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    assert [plans.max_size for plans in card.plans] == [4096, 64]
