"""Load a Whisper model that is converted for CTranslate2, on a device and in a number format that suit."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Collection
from importlib.util import find_spec
from pathlib import Path

import ctranslate2

from engines.adapters.faster_whisper.model import WindowModel
from engines.api import Place
from engines.errors import EngineFailed
from engines.toolkit.advice import add_command
from engines.toolkit.error_text import telling_line
from engines.toolkit.threads import cpu_threads

REQUIRED_FILES = ("config.json", "model.bin", "tokenizer.json")
"""without the last the library would fetch one"""
CUBLAS = "cublas64_12.dll" if sys.platform == "win32" else "libcublas.so.12"
"""what CTranslate2 opens at its first multiplication on a GPU"""
CUBLAS_PACKAGE = "nvidia.cublas"


def load_window_model(folder: str, place: Place) -> WindowModel:
    """Return the model in a folder, loaded at a place. Raises EngineFailed."""
    path = _check_folder(folder)
    device = choose_device(place.device, ctranslate2.get_cuda_device_count())
    try:
        model = WindowModel(
            str(path),
            device=device,
            compute_type=place.dtype if place.dtype != "auto" else choose_compute_type(device),
            cpu_threads=cpu_threads(place.threads),
            local_files_only=True,
        )
    except Exception as exc:  # the library raises whatever its parsers do
        raise EngineFailed(
            f"The Whisper model in {path} cannot be loaded: {type(exc).__name__}: {telling_line(exc)}"
        ) from exc
    if model.model.n_mels != len(model.feature_extractor.mel_filters):
        # older models have no such file, and the number of bands that the library takes by itself
        features = path / "preprocessor_config.json"
        raise EngineFailed(
            f"{features} is missing, or another model's: {model.model.n_mels} bands are wanted."
        )
    return model


def choose_device(requested: str, gpus: int) -> str:
    """Return the device for a request, "auto" for the best, among `gpus` GPUs. Raises EngineFailed."""
    if not gpus or requested not in ("auto", "cuda"):
        return "cpu" if requested == "auto" else requested
    try:
        load_cublas()
    except OSError as exc:
        install = add_command("nvidia-cublas-cu12")
        reason = f"CTranslate2 cannot use the GPU without cuBLAS 12 ({exc}); install it: {install}"
        if requested == "cuda":
            raise EngineFailed(reason) from exc
        print(f"{reason}. Until then it runs on the CPU.", file=sys.stderr)
        return "cpu"
    return "cuda"


def load_cublas() -> None:
    """Load cuBLAS, the package's if it is there, so that CTranslate2 finds it by its name. Raises OSError."""
    try:
        package = find_spec(CUBLAS_PACKAGE)
    except ModuleNotFoundError:
        package = None
    folders = (package.submodule_search_locations if package else None) or ()
    files = [Path(folder) / subfolder / CUBLAS for folder in folders for subfolder in ("lib", "bin")]
    library = next((file for file in files if file.is_file()), None)
    ctypes.CDLL(str(library or CUBLAS), mode=ctypes.RTLD_GLOBAL)


def choose_compute_type(
    device: str, supported: Callable[[str], Collection[str]] = ctranslate2.get_supported_compute_types
) -> str:
    """Return the number format that suits a device: int8 on a CPU, float16 on a GPU that computes with it."""
    if device == "cpu":
        return "int8"
    return "float16" if "float16" in supported(device) else "float32"


def _check_folder(folder: str) -> Path:
    """Return the path of a folder that has all files of a converted model. Raises EngineFailed."""
    if not folder:
        raise EngineFailed(
            "Which Whisper model? "
            "Set the option `path` to the folder of one that is converted for CTranslate2."
        )
    path = Path(folder)
    if not path.is_dir():
        raise EngineFailed(
            f"There is no folder {path}: the option `path` should name that of a converted Whisper model."
        )
    if missing := [name for name in REQUIRED_FILES if not (path / name).is_file()]:
        raise EngineFailed(
            f"The Whisper model in {path} is not whole, or not converted: {', '.join(missing)} is missing."
        )
    return path
