"""Choose the device that torch computes on: the one that is asked for, or the best there is.

For workers only, as this imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from engines.errors import EngineFailed
from engines.toolkit.gpu_architectures import missing_code_reason

PREFERENCE = ("cuda", "xpu", "mps", "cpu")
"""kinds of device, the best first; AMD's ROCm goes by the name of cuda"""
FIRST_HALF_CAPABILITY = 7
"""major compute capability of the first NVIDIA cards that compute quickly in half precision: Volta"""
BF16_MACOS = (14, 0)
"""the first macOS whose Metal has bfloat16"""
FFT_PLANS = 64
"""plans that cuFFT keeps for a card: there are two for each length of audio, and torch would keep 4096"""


def choose_device(requested: str, supported: Sequence[str], group: str) -> torch.device:
    """Return the device for a request: "auto" for the best that is available, or a name such as "cuda:1".

    `supported` are the kinds that the engine runs on, the best first; `group` is the environment that it runs
    in, as its place has it (`engines.api.Place`). Raises EngineFailed where there is no such device here, or
    torch has no code for it: work never goes to a slower one without a word.
    """
    available = {kind: _count(kind) for kind in supported if _is_available(kind)}
    name = resolve_device(requested, supported, available, lambda name: _unusable_reason(name, group))
    _prepare(name)
    return torch.device(name)


def _prepare(name: str) -> None:
    """Decide once how a card computes, for all engines: the same numbers each time for the same input, as far
    as the card can, and as a processor has them, instead of the few bits of TF32.

    What a processor computes is not changed by any of this.
    """
    if not name.startswith("cuda"):
        return
    torch.cuda.set_device(torch.device(name))
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.cufft_plan_cache[torch.device(name).index or 0].max_size = FFT_PLANS


def resolve_device(
    requested: str,
    supported: Sequence[str],
    available: Mapping[str, int],
    unusable_reason: Callable[[str], str],
) -> str:
    """Return the name of the device that a request means.

    `available` is how many of each kind there are; `unusable_reason` says why a device cannot compute, and is
    empty for one that can. Raises EngineFailed as `choose_device` does.
    """
    name = requested if requested != "auto" else next(iter(available), "cpu")
    kind, colon, number = name.partition(":")
    if kind == "rocm" and torch.version.hip:  # torch calls AMD's GPUs by NVIDIA's name
        kind = "cuda"
        name = f"{kind}{colon}{number}"
    if kind not in supported:
        raise EngineFailed(
            f"There is no device '{requested}' for this engine: it should be auto, {', '.join(supported)}."
        )
    if kind not in available or (number and not (number.isdigit() and int(number) < available[kind])):
        raise EngineFailed(
            f"There is no device '{requested}' here: torch {torch.__version__} finds {', '.join(available)}."
        )
    if reason := unusable_reason(name):
        cpu_would_do = requested == "auto" and "cpu" in supported
        raise EngineFailed(f"{reason}, or set `device: cpu`." if cpu_would_do else f"{reason}.")
    return name


def choose_dtype(name: str, device: str, published: torch.dtype | None = None) -> torch.dtype:
    """Return a dtype by its name; "auto" is what suits the device and the checkpoint, whose weights are
    `published` in a dtype, None where that is not known.

    On a GPU that is half precision, as far as the GPU has it (`_halves`): bfloat16, unless the weights are
    float16, whose numbers are finer; float16 on NVIDIA's that lack the other, though numbers of a bfloat16
    checkpoint may be too large for that. On Apple's it is the half that the weights are in, or none. Raises
    EngineFailed where there is no such dtype.
    """
    if name == "auto":
        return _suitable_dtype(device, published)
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise EngineFailed(f"There is no dtype '{name}': it should be auto, float32, float16 or bfloat16.")
    return dtype


def published_dtype(config: Mapping[str, object]) -> torch.dtype | None:
    """Return the dtype of the weights that a checkpoint's config.json tells; None where it does not say."""
    name = config.get("dtype") or config.get("torch_dtype")
    found = getattr(torch, name.removeprefix("torch."), None) if isinstance(name, str) else None
    return found if isinstance(found, torch.dtype) else None


def _suitable_dtype(device: str, published: torch.dtype | None) -> torch.dtype:
    halves = _halves(device)
    if device.startswith("mps"):
        return published if published in halves else torch.float32
    best = torch.float16 if published == torch.float16 else torch.bfloat16
    return best if best in halves else next(iter(halves), torch.float32)


def _halves(device: str) -> tuple[torch.dtype, ...]:
    """Return the kinds of half precision that a device computes with, and quickly: what it says of itself,
    not what torch can have it do.
    """
    kind = device.partition(":")[0]
    if kind == "cuda":
        if not torch.version.hip and torch.cuda.get_device_capability(device)[0] < FIRST_HALF_CAPABILITY:
            return ()
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return (torch.bfloat16, torch.float16) if has_bf16 else (torch.float16,)
    if kind == "xpu":
        found = torch.xpu.get_device_properties(device)
        has = {torch.bfloat16: found.has_bfloat16_conversions, torch.float16: found.has_fp16}
        return tuple(dtype for dtype, there in has.items() if there)
    if kind == "mps":
        has_bf16 = torch.backends.mps.is_macos_or_newer(*BF16_MACOS)
        return (torch.bfloat16, torch.float16) if has_bf16 else (torch.float16,)
    return ()


def _is_available(kind: str) -> bool:
    if kind == "mps":
        return bool(torch.backends.mps.is_available())
    return kind == "cpu" or _count(kind) > 0


def _count(kind: str) -> int:
    if kind == "cuda":
        return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
    if kind == "xpu":
        return int(torch.xpu.device_count()) if torch.xpu.is_available() else 0
    return 1


def _unusable_reason(name: str, group: str) -> str:
    """Return why torch cannot compute on a device that is available; empty where it can."""
    if not name.startswith("cuda"):
        return ""
    device = torch.device(name)
    capability = "{}.{}".format(*torch.cuda.get_device_capability(device))
    if torch.version.hip:
        capability = torch.cuda.get_device_properties(device).gcnArchName.partition(":")[0]
    return missing_code_reason(
        torch.cuda.get_device_name(device), capability, torch.cuda.get_arch_list(), group
    )
