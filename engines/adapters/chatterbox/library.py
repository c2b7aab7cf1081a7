"""Load Chatterbox by its library, `chatterbox-tts`, from a folder; nothing is downloaded, or printed.

perth, which it imports, finds its own files by pkg_resources, which new versions of setuptools do not have,
and hides that this failed (resemble-ai/chatterbox#198): what it uses of that is provided here during the
import. Names in the library's own modules are set to what does without the hub, progress bars and the root
logger; no class of anybody else's is changed.
"""

from __future__ import annotations

import functools
import io
import logging
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from engines.adapters.chatterbox.alignment import mended
from engines.adapters.chatterbox.voice_files import MULTILINGUAL, TURBO
from engines.errors import EngineFailed
from engines.toolkit.error_text import telling_line

CANGJIE = "Cangjie5_TC.json"
FILES = {
    MULTILINGUAL: {
        "VoiceEncoder": "ve.pt",
        "T3": "t3_mtl23ls_v2.safetensors",
        "S3Token2Wav": "s3gen.pt",
        "tokenizer": "grapheme_mtl_merged_expanded_v1.json",
        "Chinese": CANGJIE,
    },
    TURBO: {
        "VoiceEncoder": "ve.safetensors",
        "T3": "t3_turbo_v1.safetensors",
        "S3Token2Wav": "s3gen_meanflow.safetensors",
        "tokenizer": "vocab.json",
        "merges": "merges.txt",
        "tokenizer's settings": "tokenizer_config.json",
    },
}
"""that a model cannot do without, those with weights by the library's name for what they are of"""
LOADING = re.compile(r"loading state_dict for (?:S3Gen|(\w+))")


class Library(NamedTuple):
    """The library's modules that are used here."""

    multilingual: Any
    turbo: Any
    conditioning: Any
    tokenizer: Any
    s3tokenizer: Any


class PackageResources(ModuleType):
    """What perth uses of pkg_resources."""

    def resource_filename(self, package: str, name: str) -> str:
        """Return the path of a file or folder in a package."""
        return str(Path(str(sys.modules[package].__file__)).parent / name)


@functools.cache
def import_library() -> Library:
    """Return the library. Raises EngineFailed."""
    try:
        import transformers

        with (
            _modules(pkg_resources=PackageResources("pkg_resources")),
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            import chatterbox.mtl_tts
            import chatterbox.tts_turbo
            import perth
            from chatterbox.models import s3tokenizer
            from chatterbox.models.s3gen import flow, flow_matching, s3gen
            from chatterbox.models.t3 import t3
            from chatterbox.models.t3.modules import cond_enc
            from chatterbox.models.tokenizers import tokenizer
    except ImportError as exc:
        raise EngineFailed(f"Chatterbox's library cannot be imported: {telling_line(exc)}") from exc
    if perth.PerthImplicitWatermarker is None:
        raise EngineFailed("Chatterbox's watermark, resemble-perth, cannot be imported.")
    transformers.logging.set_verbosity_error()
    log = logging.getLogger("chatterbox")
    log.setLevel(logging.CRITICAL)  # it would hold errors with what people say
    flow.logging = s3gen.logging = log  # they log by the root logger, which gives it a handler
    t3.tqdm = flow_matching.tqdm = _without_progress_bar
    flow_matching.print = _print_nothing
    t3.AlignmentStreamAnalyzer = mended(t3.AlignmentStreamAnalyzer)
    tokenizer.hf_hub_download = _file_of_the_model
    return Library(chatterbox.mtl_tts, chatterbox.tts_turbo, cond_enc, tokenizer, s3tokenizer)


@contextmanager
def _modules(**replacements: ModuleType | None) -> Iterator[None]:
    """Import these modules by their names in the block, None as one that is missing, and afterwards those
    from before.
    """
    modules: dict[str, Any] = sys.modules  # None in it is allowed, and not in its type
    before = {name: modules[name] for name in replacements if name in modules}
    modules.update(replacements)
    try:
        yield
    finally:
        for name in replacements:
            modules.pop(name, None)
        modules.update(before)


def _without_progress_bar(steps: Iterable[Any], **_: object) -> Iterable[Any]:
    return steps


def _print_nothing(*_: object) -> None:
    pass


def _file_of_the_model(repo_id: str, filename: str, cache_dir: str) -> str:
    """Return the path of a file beside the tokenizer, which the library would ask the hub for."""
    return str(Path(cache_dir) / filename)


class JiebaSegmenter:
    """Splits Chinese into words by jieba, whose dictionary comes along with it.

    The library's own segmenter, pkuseg, downloads its model when it is made.
    """

    def __init__(self) -> None:
        import jieba

        jieba.setLogLevel(logging.CRITICAL)
        self._jieba = jieba

    def cut(self, text: str) -> list[str]:
        """Return the words of a text."""
        return list(self._jieba.lcut(text))


def load_model(folder: Path, kind: str, device: str) -> Any:  # noqa: ANN401 - a class of the library
    """Return the model of a folder on a device. Raises EngineFailed, which names the file at fault."""
    missing = [name for name in FILES[kind].values() if not (folder / name).is_file()]
    if missing:
        raise EngineFailed(f"Chatterbox's files are not there: {folder / missing[0]} is missing.")
    library = import_library()
    loader = library.multilingual.ChatterboxMultilingualTTS if kind == MULTILINGUAL else turbo_class()
    try:
        with (
            _modules(spacy_pkuseg=None),
            redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            model = loader.from_local(folder, device)
    except Exception as exc:  # a broken file, or one that does not fit, fails in many ways
        at_fault = _file_at_fault(folder, FILES[kind], exc)
        raise EngineFailed(
            f"Chatterbox cannot load {at_fault}: {type(exc).__name__}: {telling_line(exc)}"
        ) from exc
    if kind == MULTILINGUAL:
        _prepare_chinese(model.tokenizer.cangjie_converter, folder)
    return model


def _prepare_chinese(converter: Any, folder: Path) -> None:  # noqa: ANN401 - ChineseCangjieConverter
    """Check that the codes of characters were read, which the library goes without, and split words by jieba
    where it is installed.

    Raises EngineFailed.
    """
    if not converter.word2cj:
        raise EngineFailed(f"Chatterbox cannot read {folder / CANGJIE}.")
    if find_spec("jieba"):
        converter.segmenter = JiebaSegmenter()


@functools.cache
def turbo_class() -> type[Any]:
    """Return the library's class of Turbo, whose loudness of a recording stays in single precision: numpy 2
    makes it double, which its networks do not take.
    """

    class Turbo(import_library().turbo.ChatterboxTurboTTS):  # type: ignore[misc] # the library's class has no types
        """The library's Turbo."""

        def norm_loudness(self, *args: Any, **options: Any) -> NDArray[np.float32]:  # noqa: ANN401 - as the library's
            """Return a recording at the loudness that the model was taught with."""
            return np.asarray(super().norm_loudness(*args, **options), np.float32)

    return Turbo


def _file_at_fault(folder: Path, files: dict[str, str], exc: Exception) -> Path:
    """Return the file whose weights do not fit, by what torch says of them, or that cannot be read; the
    folder where none is found.
    """
    if match := LOADING.search(str(exc)):
        return folder / files.get(match[1] or "S3Token2Wav", "")
    return next((folder / name for name in files.values() if not _is_readable(folder / name)), folder)


def _is_readable(file: Path) -> bool:
    """Return whether a file can be read by itself."""
    import json

    import safetensors

    try:
        if file.suffix == ".json":
            json.loads(file.read_bytes())
        elif file.suffix == ".safetensors":
            safetensors.safe_open(file, framework="pt")
        elif file.suffix == ".pt":
            torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # whatever its parser raises
        return False
    return True
