"""The environment variables of worker processes: those of ours that they need, and those that they run better
with.

Engines are other people's code, and each of their libraries may read, log or send what it finds. So what the
gateway's environment holds beyond the list here, such as its own settings and the keys of clouds, stays with
the gateway.
"""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from engines.environments.layout import environ_for_other_python
from engines.memory.cores import share_of_cores
from engines.toolkit.threads import SHARE_VARIABLE

PACKAGE = Path(__file__).parents[1]
ONE_HEAP = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""glibc's malloc keeps one heap, of large pages where Linux has them, until engines/worker/malloc_trim.py
gives memory back

A network's layers allocate and free memory by the hundred megabytes. glibc would get it from the system anew
each time, page by page, which took a quarter of Kokoro's time; or keep it, in a heap of each thread that ever
was, with holes that grow.
"""
ONE_HEAP_SINCE = (2, 35)
"""the glibc that accepts all of these: older ones refuse such thresholds in part, and are then slower than
without
"""
ALLOWED = re.compile(
    r"(?:"
    # the system: where programs, libraries, homes and temporary files are, languages and time
    r"PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LANGUAGE|LC_\w+|LOCPATH|TZ|TZDIR|TMPDIR|TEMP|TMP|XDG_\w+"
    r"|LD_\w+|NIX_LD\w*|DYLD_\w+|CONDA_PREFIX|FONTCONFIG_\w+"
    r"|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|OS|USERPROFILE|USERNAME|HOMEDRIVE|HOMEPATH|APPDATA"
    r"|LOCALAPPDATA|PROGRAMDATA|ALLUSERSPROFILE|PROGRAMFILES(?:\(X86\))?|COMMONPROGRAMFILES(?:\(X86\))?"
    r"|NUMBER_OF_PROCESSORS|PROCESSOR_\w+"
    # Python, and memory
    r"|PYTHON\w+|VIRTUAL_ENV|__PYVENV_LAUNCHER__|COVERAGE_\w+|MALLOC_\w+|GLIBC_TUNABLES|MIMALLOC_\w+"
    r"|ASAN_OPTIONS|LSAN_OPTIONS|UBSAN_OPTIONS"
    # the network, for libraries that may use it: ways out, and whom to trust
    r"|(?:HTTP|HTTPS|ALL|NO|FTP)_PROXY|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    # processors: how many threads, and which instructions
    r"|OMP_\w+|GOMP_\w+|KMP_\w+|MKL_\w+|OPENBLAS_\w+|BLIS_\w+|VECLIB_\w+|NUMEXPR_\w+|NUMBA_\w+|ATEN_\w+"
    r"|ONEDNN_\w+|DNNL_\w+|LRU_CACHE_CAPACITY|CT2_\w+|ORT_\w+|NPY_\w+"
    # GPUs: CUDA, ROCm, Intel's, Apple's, and torch on them
    r"|CUDA_\w+|CUDNN_\w+|CUBLAS_\w+|CUBLASLT_\w+|NCCL_\w+|NVIDIA_VISIBLE_DEVICES|NVIDIA_DRIVER_CAPABILITIES"
    r"|NVIDIA_TF32_OVERRIDE|HIP_\w+|ROCR_\w+|ROCM_\w+|ROCBLAS_\w+|HIPBLASLT_\w+|HSA_\w+|MIOPEN_\w+|AMD_\w+"
    r"|GPU_DEVICE_ORDINAL|GPU_MAX_HW_QUEUES|ZE_\w+|ZES_\w+|SYCL_\w+|ONEAPI_\w+|UR_\w+|NEO\w+|MLX_\w+|METAL_\w+"
    r"|TORCH\w*|PYTORCH_\w+|TRITON_\w+|TF32_\w+"
    # where libraries of models find theirs, and the engine eSpeak NG its data
    r"|HF_HOME|HF_HUB_CACHE|HF_MODULES_CACHE|HF_HUB_OFFLINE|HF_HUB_DISABLE_\w+|HUGGINGFACE_HUB_CACHE"
    r"|TRANSFORMERS_\w+|TOKENIZERS_PARALLELISM|ESPEAK\w*|PHONEMIZER_\w+"
    r")",
    re.IGNORECASE,
)
"""names of the variables that workers have from the gateway's environment"""
SECRET = re.compile(r"TOKEN(?!IZER)|SECRET|PASSW|CREDENTIAL|(?:API|ACCESS|PRIVATE)_?KEY", re.IGNORECASE)
"""what a variable's name has that holds a secret, whatever else it is called"""
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
"""have the hub's libraries read what was pulled, and download nothing behind anybody's back"""
DEFAULTS = {
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # as NVML counts cards (engines/memory/measure.py)
    # The threads that share a layer wait for each other awake, for milliseconds. Where another program, or
    # another model, wants the same cores they wait for each other in turn: a second load made Kokoro nine
    # times slower. So they wait for microseconds, and then sleep; alone on its cores a model is as quick.
    "GOMP_SPINCOUNT": "1000",
    # oneDNN, and what torch calls it through, keep what they made for each length of input they met, by
    # default for 1024 of each kind: hundreds of megabytes. A line has hardly ever the length of another, and
    # what one model needs at once is less.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128",
    "LRU_CACHE_CAPACITY": "128",
    # torch's memory of a GPU has holes after lines of many lengths, in which no other fits: segments that
    # grow have none
    "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
    # without it cuBLAS may add up in another order each time, and a seed is worth less
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    # what torch cannot compute on Apple's GPU it computes on the processor, and warns: Kokoro's makers ask
    # for it, whose vocoder takes the angles of complex numbers
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",
}


@cache
def default_variables(libc: tuple[str, str] | None = None) -> dict[str, str]:
    """Return the variables that a worker has unless the gateway was started with others.

    `libc` is the C library's name and version; ours where it is None.
    """
    name, version = libc or platform.libc_ver()
    numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
    return {**DEFAULTS, **ONE_HEAP} if name == "glibc" and numbers >= ONE_HEAP_SINCE else dict(DEFAULTS)


def allowed_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return those of the gateway's environment variables that a worker has too."""
    return {
        name: value for name, value in environ.items() if ALLOWED.fullmatch(name) and not SECRET.search(name)
    }


def worker_environ(environ: Mapping[str, str], *, cache_folder: str = "", workers: int = 1) -> dict[str, str]:
    """Return a worker's environment variables, of the gateway's own (`environ`).

    `cache_folder` is where pulled models lie; empty leaves the hub's libraries to where they look. `workers`
    is how many of its engine share the cores.
    """
    own = {"HF_HUB_CACHE": cache_folder} if cache_folder else {}
    threads = {SHARE_VARIABLE: str(share_of_cores(workers))}
    return {**default_variables(), **threads, **allowed_variables(environ), **OFFLINE, **own}


def environ_for_other_interpreter(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a worker that another interpreter runs: of ours it finds `engines` alone.

    What lies beside that package may be everything that we have installed, whose versions are not that
    interpreter's. `folder` is the worker's own, where what it finds is put; `environ` is what it would have.
    """
    modules = folder / "modules"
    modules.mkdir()
    try:
        (modules / PACKAGE.name).symlink_to(PACKAGE, target_is_directory=True)
    except OSError:  # as on Windows, where not everybody may
        shutil.copytree(PACKAGE, modules / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    return {**environ_for_other_python(environ), "PYTHONPATH": str(modules)}
