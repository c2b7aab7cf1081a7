"""Open a VoxCPM2 by its library, `voxcpm`, from a folder: nothing is downloaded, and nothing is said on
standard error.

The package imports two others that speaking never needs: `torchaudio`, for its first version's voices, and
`librosa`, to read sound files. While it is imported, stand-ins take their places, and leave them again; of
librosa, what the library calls to read a recording is given to it here, for recordings of ours.
"""

from __future__ import annotations

import functools
import io
import json
import sys
import warnings
import wave
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray

from engines.errors import EngineFailed

ARCHITECTURE = "voxcpm2"
CONFIG, TOKENIZER = "config.json", "tokenizer.json"
SPEAKING = ("model.safetensors", "pytorch_model.bin")
SOUND = ("audiovae.safetensors", "audiovae.pth")
"""the weights that make speech, and those that turn it into sound: one of each, the first that is there"""
SOUND_KEYS = "audio_vae."
LOUDEST = 32768


class StandIn(ModuleType):
    """Takes the place of a package that is imported and never called; says so where it is called after all."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - it has nothing
        raise AttributeError(
            f"voxcpm wants {self.__name__}.{name}, but runs without {self.__name__} here: to speak needs none"
        )


class Librosa(StandIn):
    """What the library takes of librosa."""

    def load(self, file: str | IO[bytes], *, sr: int, mono: bool) -> tuple[NDArray[np.float32], int]:
        """Read a recording as `recording` writes it: samples in [-1, 1), and their rate. Raises ValueError or
        wave.Error.
        """
        with wave.open(file) as read:
            if (read.getnchannels(), read.getsampwidth(), read.getframerate()) != (1, 2, sr) or not mono:
                raise ValueError(f"only 16-bit mono at {sr} Hz is read here, as {self.__name__} is not used")
            pcm = np.frombuffer(read.readframes(read.getnframes()), "<i2")
        return pcm.astype(np.float32) / np.float32(LOUDEST), sr


def recording(pcm: bytes, rate: int) -> IO[bytes]:
    """Write s16le mono PCM as a WAV file, in memory only; `rate` in Hertz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes(pcm)
    file.seek(0)
    return file


@functools.cache
def library() -> Any:  # noqa: ANN401 - a module without types
    """Import the library's module of VoxCPM2. Raises EngineFailed."""
    librosa = Librosa("librosa")
    try:
        import transformers
        from transformers import LlamaTokenizerFast  # noqa: F401 - before the stand-ins, as transformers looks who is there

        with _standing_in(StandIn("torchaudio"), librosa), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from voxcpm.model import voxcpm2
    except ImportError as exc:
        raise EngineFailed(f"VoxCPM's library cannot be imported: {_line(exc)}") from exc
    transformers.logging.set_verbosity_error()
    voxcpm2.librosa = librosa
    voxcpm2.tqdm = _unwatched  # its bars would fill the log
    return voxcpm2


@contextmanager
def _standing_in(*modules: ModuleType) -> Iterator[None]:
    """Let modules be found by their names, and afterwards those that were there before, or none."""
    before = {module.__name__: sys.modules.get(module.__name__) for module in modules}
    sys.modules.update({module.__name__: module for module in modules})
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _unwatched(steps: Iterable[int]) -> Iterable[int]:
    return steps


def opened(folder: Path, device: str) -> Any:  # noqa: ANN401 - VoxCPM2Model
    """Load the model of a folder on a device, whole. Raises EngineFailed, which names the file at fault."""
    speaking, sound = _checked(folder)

    class Whole(library().VoxCPM2Model):  # type: ignore[misc] # the library's class has no types
        """The library loads what weights there are, and leaves the others as chance made them; here all must
        be there.
        """

        def load_state_dict(self, state: dict[str, Any], **_: object) -> None:
            """Take weights. Raises EngineFailed."""
            try:
                lacking = super().load_state_dict(state, strict=False).missing_keys
            except RuntimeError as exc:  # shapes that are others
                file = sound if f"size mismatch for {SOUND_KEYS}" in str(exc) else speaking
                raise EngineFailed(
                    f"VoxCPM's {file} is of another model than {folder / CONFIG}: {_line(exc, 1)}"
                ) from exc
            weights = {name for name, _ in self.named_parameters()}
            lacking = [key for key in lacking if key in weights]  # buffers come of its config
            if lacking:
                file = sound if lacking[0].startswith(SOUND_KEYS) else speaking
                raise EngineFailed(
                    f"VoxCPM's {file} is not whole: {len(lacking)} weights are missing, such as {lacking[0]}."
                )

    try:
        with redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Whole.from_local(str(folder), optimize=False, device=device)
    except EngineFailed:
        raise
    except Exception as exc:  # a broken file, or one that does not fit, fails in many ways
        at_fault = next(
            (file for file in (folder / TOKENIZER, speaking, sound) if not _readable(file)), folder
        )
        raise EngineFailed(f"VoxCPM cannot load {at_fault}: {type(exc).__name__}: {_line(exc)}") from exc


def _checked(folder: Path) -> tuple[Path, Path]:
    """See that a folder has what is needed, and give both files of weights. Raises EngineFailed."""
    for names in ((CONFIG,), (TOKENIZER,), SPEAKING, SOUND):
        if not any((folder / name).is_file() for name in names):
            raise EngineFailed(
                f"VoxCPM's files are not there: {' or '.join(str(folder / name) for name in names)} is missing."
            )
    try:
        config = json.loads((folder / CONFIG).read_bytes())
        architecture = str(config.get("architecture", "voxcpm")).lower()
        if architecture == ARCHITECTURE:
            library().VoxCPMConfig.model_validate(config)
    except (OSError, ValueError, AttributeError) as exc:
        raise EngineFailed(
            f"VoxCPM's {folder / CONFIG} cannot be read: {type(exc).__name__}: {_line(exc)}"
        ) from exc
    if architecture != ARCHITECTURE:
        raise EngineFailed(
            f"{folder / CONFIG} is that of a model `{architecture}`; this engine runs `{ARCHITECTURE}` only."
        )
    return _there(folder, SPEAKING), _there(folder, SOUND)


def _there(folder: Path, names: Iterable[str]) -> Path:
    return next(folder / name for name in names if (folder / name).is_file())


def _readable(file: Path) -> bool:
    """Tell whether a file can be read by itself."""
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


def _line(exc: BaseException, number: int = 0) -> str:
    """Give a line of what an exception says, its first if there are fewer."""
    lines = str(exc).strip().splitlines() or [""]
    return lines[min(number, len(lines) - 1)].strip()
