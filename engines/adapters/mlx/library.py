"""Load a model by mlx-audio from a folder, on a device of MLX's; nothing is downloaded, or printed.

MLX computes on Apple's GPUs, and on processors: on Linux, where it is slow, for tests. What it makes belongs
to the thread that made it, so all work of an engine is done in one.
"""

from __future__ import annotations

import importlib
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Literal

import mlx.core as mx

from engines.errors import EngineFailed, SpeechError
from engines.toolkit.error_text import telling_line

GPU_NAMES = ("mlx", "mps", "gpu")
"""what settings may call Apple's GPU"""
DTYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}
Category = Literal["tts", "stt"]


def choose_device(name: str) -> str:
    """Have MLX compute on a device by its name, `auto` for the best, and return what to call it: `mlx` for
    Apple's GPU, or `cpu`. Raises EngineFailed where it is not there.
    """
    has_gpu = mx.metal.is_available()
    if name == "cpu" or (name == "auto" and not has_gpu):
        mx.set_default_device(mx.cpu)
        return "cpu"
    if name not in ("auto", *GPU_NAMES):
        raise EngineFailed(f"MLX does not compute on '{name}': the device should be auto, mlx or cpu.")
    if not has_gpu:
        raise EngineFailed(f"MLX finds no GPU of Apple's for the device '{name}': set `device: cpu`.")
    mx.set_default_device(mx.gpu)
    return "mlx"


def choose_dtype(name: str) -> mx.Dtype | None:
    """Return a dtype by its name; None for `auto`, which is that of the files. Raises EngineFailed."""
    if name == "auto":
        return None
    if name not in DTYPES:
        raise EngineFailed(f"There is no dtype '{name}': it should be auto, {', '.join(DTYPES)}.")
    return DTYPES[name]


def load_model(category: Category, title: str, folder: Path, kind: str | None = None) -> Any:  # noqa: ANN401 - the library's classes have no types
    """Return the model of a folder, of a kind of the library's where its files do not tell it; no weight may
    be missing. Raises EngineFailed, which names the model and the folder.
    """
    with as_engine_failed(title, folder):
        utils = importlib.import_module(f"mlx_audio.{category}.utils")
        # as a Path: a string would be looked for on the hub where no such folder is
        return utils.load_model(folder, strict=True, model_type=kind)


@contextmanager
def as_engine_failed(title: str, folder: Path) -> Iterator[None]:
    """Raise what the library raises as an EngineFailed, and drop what it prints and warns of."""
    try:
        with quiet():
            yield
    except SpeechError:
        raise
    except Exception as exc:  # a broken file, or one that does not fit, fails in many ways
        reason = f"{type(exc).__name__}: {telling_line(exc)}"
        raise EngineFailed(f"{title} in {folder} cannot be loaded: {reason}") from exc


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what the library prints, logs and warns of."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
