"""Load a VoxCPM2 by its library, `voxcpm`, from a folder; nothing is downloaded, or printed.

The package imports two others that speaking never needs: `torchaudio`, for its first version's voices, and
`librosa`, to read sound files. Stubs replace them while it is imported. Of librosa, what the library calls to
read a recording is provided here, for recordings of ours.
"""

from __future__ import annotations

import functools
import io
import json
import warnings
import wave
from collections.abc import Iterable
from contextlib import redirect_stderr
from pathlib import Path
from typing import IO, Any

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray

from engines.api import BYTES_PER_SAMPLE
from engines.errors import EngineFailed
from engines.toolkit.error_text import telling_line
from engines.toolkit.pcm import to_floats
from engines.toolkit.stub_modules import StubModule, replaced_modules

LIBRARY = "voxcpm"
ARCHITECTURE = "voxcpm2"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
SPEECH_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""files of the weights that make speech: the first that is there"""
CODEC_WEIGHTS = ("audiovae.safetensors", "audiovae.pth")
"""files of those that turn it into sound: likewise"""
CODEC_PREFIX = "audio_vae."


class LibrosaStub(StubModule):
    """What the library uses of librosa."""

    def load(self, file: str | IO[bytes], *, sr: int, mono: bool) -> tuple[NDArray[np.float32], int]:
        """Return the samples of a file as `wav_file` writes it, in [-1, 1), and their rate.

        Raises ValueError or wave.Error.
        """
        with wave.open(file) as read:
            form = (read.getnchannels(), read.getsampwidth(), read.getframerate())
            if form != (1, BYTES_PER_SAMPLE, sr) or not mono:
                raise ValueError(f"only 16-bit mono at {sr} Hz is read here, as {self.__name__} is not used")
            return to_floats(read.readframes(read.getnframes())), sr


def wav_file(pcm: bytes, rate: int) -> IO[bytes]:
    """Return s16le mono PCM at `rate` Hertz as a WAV file, in memory."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(BYTES_PER_SAMPLE)
        written.setframerate(rate)
        written.writeframes(pcm)
    file.seek(0)
    return file


@functools.cache
def import_library() -> Any:  # noqa: ANN401 - a module without types
    """Return the library's module of VoxCPM2. Raises EngineFailed."""
    librosa = LibrosaStub("librosa", LIBRARY)
    try:
        import transformers

        # before the stubs, as transformers looks which packages are there
        from transformers import LlamaTokenizerFast  # noqa: F401

        with replaced_modules(StubModule("torchaudio", LIBRARY), librosa), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from voxcpm.model import voxcpm2
    except ImportError as exc:
        raise EngineFailed(f"VoxCPM's library cannot be imported: {telling_line(exc)}") from exc
    transformers.logging.set_verbosity_error()
    voxcpm2.librosa = librosa
    voxcpm2.tqdm = _without_progress_bar  # its bars would fill the log
    return voxcpm2


def _without_progress_bar(steps: Iterable[int]) -> Iterable[int]:
    return steps


def load_model(folder: Path, device: str) -> Any:  # noqa: ANN401 - VoxCPM2Model
    """Return the model of a folder on a device. Raises EngineFailed, which names the file at fault."""
    speech_file, codec_file = _check_files(folder)

    class CompleteModel(import_library().VoxCPM2Model):  # type: ignore[misc] # the library's class has no types
        """The library's model, which must get all of its weights.

        The library loads what weights there are, and leaves the others as chance made them.
        """

        def load_state_dict(self, state: dict[str, Any], **_: object) -> None:
            """Load weights. Raises EngineFailed where some are missing, or of another shape."""
            try:
                lacking = super().load_state_dict(state, strict=False).missing_keys
            except RuntimeError as exc:  # shapes that are others
                file = codec_file if f"size mismatch for {CODEC_PREFIX}" in str(exc) else speech_file
                raise EngineFailed(
                    f"VoxCPM's {file} is of another model than {folder / CONFIG}: {telling_line(exc)}"
                ) from exc
            weights = {name for name, _ in self.named_parameters()}
            lacking = [key for key in lacking if key in weights]  # buffers come of its config
            if lacking:
                file = codec_file if lacking[0].startswith(CODEC_PREFIX) else speech_file
                raise EngineFailed(
                    f"VoxCPM's {file} is not whole: {len(lacking)} weights are missing, such as {lacking[0]}."
                )

    try:
        with redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return CompleteModel.from_local(str(folder), optimize=False, device=device)
    except EngineFailed:
        raise
    except Exception as exc:  # a broken file, or one that does not fit, fails in many ways
        files = (folder / TOKENIZER, speech_file, codec_file)
        at_fault = next((file for file in files if not _is_readable(file)), folder)
        reason = f"{type(exc).__name__}: {telling_line(exc)}"
        raise EngineFailed(f"VoxCPM cannot load {at_fault}: {reason}") from exc


def _check_files(folder: Path) -> tuple[Path, Path]:
    """Return both files of weights. Raises EngineFailed where a file is missing, or of another model."""
    for names in ((CONFIG,), (TOKENIZER,), SPEECH_WEIGHTS, CODEC_WEIGHTS):
        if not any((folder / name).is_file() for name in names):
            alternatives = " or ".join(str(folder / name) for name in names)
            raise EngineFailed(f"VoxCPM's files are not there: {alternatives} is missing.")
    try:
        config = json.loads((folder / CONFIG).read_bytes())
        architecture = str(config.get("architecture", "voxcpm")).lower()
        if architecture == ARCHITECTURE:
            import_library().VoxCPMConfig.model_validate(config)
    except (OSError, ValueError, AttributeError) as exc:
        reason = f"{type(exc).__name__}: {telling_line(exc)}"
        raise EngineFailed(f"VoxCPM's {folder / CONFIG} cannot be read: {reason}") from exc
    if architecture != ARCHITECTURE:
        raise EngineFailed(
            f"{folder / CONFIG} is that of a model `{architecture}`; this engine runs `{ARCHITECTURE}` only."
        )
    return _first_file(folder, SPEECH_WEIGHTS), _first_file(folder, CODEC_WEIGHTS)


def _first_file(folder: Path, names: Iterable[str]) -> Path:
    return next(folder / name for name in names if (folder / name).is_file())


def _is_readable(file: Path) -> bool:
    """Return whether a file can be read by itself."""
    try:
        if file.suffix == ".json":
            json.loads(file.read_bytes())
        elif file.suffix == ".safetensors":
            safetensors.safe_open(file, framework="pt")
        else:
            torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # whatever its parser raises
        return False
    return True
