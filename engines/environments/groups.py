"""The groups of engines that share an interpreter: what is installed for each, in which order, and under
which licences.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import msgspec
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

REQUIREMENTS = Path(__file__).with_name("requirements")
WORKER_PACKAGES = ("msgspec", "uvicorn", "multipart", "safetensors", "numpy")
"""what our own worker imports, wherever it runs"""
WITHOUT_CUDA = ("/cpu", "/xpu")
"""endings of indexes whose torch brings no libraries of CUDA's size"""
MAX_MINOR = 100
"""above the minor version of any Python"""
CUDA_BYTES = 5_000_000_000
"""that the CUDA libraries take which torch brings along on Linux, about"""
INCLUDE_LINE = re.compile(r"-r\s+(\S+)")


class Licence(msgspec.Struct, frozen=True):
    """The licence that somebody agrees to by installing a package."""

    package: str
    licence: str


class Group(msgspec.Struct, frozen=True):
    """Engines that share an interpreter, and what is installed for them."""

    name: str
    display: str
    requirements: Path
    """a requirements file: what is asked for by name, out of which `lock` is made"""
    packages: tuple[str, ...]
    """modules that can be imported once it is installed, besides those of our worker"""
    size: int
    """bytes that it takes with a torch for CPUs, about"""
    licences: tuple[Licence, ...] = ()
    python: str = ">=3.11,<3.14"
    """the versions of Python that it supports, as a version specifier"""
    first: tuple[str, ...] = ()
    """requirements installed before the file, from an index of their own if one is given"""
    without_dependencies: tuple[str, ...] = ()
    """requirements that are installed without their dependencies: `name==version`"""

    @property
    def lock(self) -> Path | None:
        """Everything but what comes first, each package by its version and hashes; None where there is no
        such file.
        """
        path = self.requirements.parent / "locked" / self.requirements.name
        return path if path.is_file() else None

    def wanted(self) -> str:
        """Return the lines of all its requirements, with those of the files that its own includes."""
        return "\n".join([*self.first, *self.without_dependencies, _text(self.requirements)])

    def install_arguments(self, *, locked: bool = True) -> tuple[str, ...]:
        """Return what an installer is told after what comes first: the lock is complete, and nothing that
        is not in it is installed. Without it, the newest versions that the requirements allow are taken.
        """
        if locked and self.lock:
            return ("--no-deps", "--require-hashes", "-r", str(self.lock))
        return ("-r", str(self.requirements))

    def python_versions(self) -> list[str]:
        """Return the versions of Python that it supports, as `3.12`, the newest first."""
        specifiers = SpecifierSet(self.python)
        return [f"3.{minor}" for minor in reversed(range(MAX_MINOR)) if f"3.{minor}" in specifiers]

    def disk_needed(self, index_url: str = "") -> int:
        """Return the bytes that it takes, about, with a torch from that index."""
        cuda = sys.platform == "linux" and self.has_torch and not index_url.rstrip("/").endswith(WITHOUT_CUDA)
        return self.size + (CUDA_BYTES if cuda else 0)

    @property
    def has_torch(self) -> bool:
        """Whether torch is installed first, from an index of its own where one is given."""
        return any(Requirement(one).name == "torch" for one in self.first)

    def digest(self, index_url: str = "") -> str:
        """Return a hash of what would be installed: another hash is another environment."""
        lock = self.lock.read_text("utf-8") if self.lock else ""
        text = "\n".join([self.wanted(), lock, without_credentials(index_url)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def without_credentials(url: str) -> str:
    """Return a URL without the name and password that may be in it."""
    return re.sub(r"//[^/@]*@", "//", url)


def _text(path: Path) -> str:
    """Return the text of a requirements file, with those that it includes."""
    return INCLUDE_LINE.sub(lambda include: _text(path.with_name(include[1])), path.read_text("utf-8"))


TORCH_REQUIREMENT = "torch==2.13.0"
TORCHAUDIO_REQUIREMENT = "torchaudio==2.11.0"
"""it is built for CUDA only, names no torch, and is imported by libraries that need a filter bank of it (see
repairs.py)
"""
CHATTERBOX_REQUIREMENTS = (
    "chatterbox-tts==0.1.7",
    "s3tokenizer==0.3.0",
    "resemble-perth==1.0.1",
    "conformer==0.3.2",
)
"""they name versions of torch and others, a web page, or tools for their makers"""
TORCH_LICENCES = (
    Licence("torch", "BSD-3-Clause; NVIDIA's own for its CUDA libraries"),
    Licence("transformers, accelerate", "Apache-2.0"),
)

GROUPS = (
    Group(
        name="main",
        display=(
            "Whisper, faster-whisper, Kokoro, Pocket TTS, VoxCPM, Chatterbox, OmniVoice"
            " and the speech models of transformers"
        ),
        requirements=REQUIREMENTS / "main.txt",
        packages=(
            "torch",
            "transformers",
            "kokoro",
            "fugashi",
            "pocket_tts",
            "faster_whisper",
            "silero_vad",
            "soundfile",
            "torchaudio",
            "voxcpm",
            "diffusers",
            "chatterbox",
        ),
        size=2_750_000_000,
        licences=(
            *TORCH_LICENCES,
            Licence("kokoro, misaki", "Apache-2.0"),
            Licence("phonemizer-fork, espeak-ng (for Kokoro)", "GPL-3.0-or-later"),
            Licence("fugashi, jaconv, mojimoji, unidic-lite (for Kokoro)", "MIT, BSD-3-Clause, Apache-2.0"),
            Licence("num2words (for Kokoro)", "LGPL"),
            Licence("pocket-tts", "MIT"),
            Licence("faster-whisper, ctranslate2, silero-vad", "MIT"),
            Licence("voxcpm, omnivoice, diffusers, uroman", "Apache-2.0"),
            Licence("chatterbox-tts, resemble-perth, conformer, pyloudnorm", "MIT"),
            Licence("s3tokenizer, onnx (for Chatterbox)", "Apache-2.0"),
            Licence("omegaconf (for Chatterbox)", "BSD-3-Clause"),
            Licence("pykakasi (for Chatterbox)", "GPL-3.0-or-later"),
        ),
        python=">=3.11,<3.13",  # kokoro 0.9.4 knows no later one
        first=(TORCH_REQUIREMENT,),
        without_dependencies=(
            TORCHAUDIO_REQUIREMENT,
            "voxcpm==2.0.3",
            "omnivoice==0.2.1",
            *CHATTERBOX_REQUIREMENTS,
        ),
    ),
    Group(
        name="onnx",
        display="Kokoro and Piper without torch, by onnxruntime",
        requirements=REQUIREMENTS / "onnx.txt",
        packages=("onnxruntime", "hibari", "espeakng_loader", "soxr"),
        size=280_000_000,
        licences=(
            Licence("onnxruntime", "MIT"),
            Licence("hibari-tts, misaki", "Apache-2.0"),
            Licence("espeakng-loader, espeak-ng", "GPL-3.0-or-later"),
            Licence("soxr", "LGPL-2.1-or-later"),
            Licence("jieba, pypinyin, cn2an, ordered-set (for Chinese)", "MIT"),
        ),
    ),
    Group(
        name="legacy457",
        display="Qwen3-TTS and TADA, which run on transformers 4.57 only",
        requirements=REQUIREMENTS / "legacy457.txt",
        packages=("torch", "transformers", "soundfile", "torchaudio", "qwen_tts", "tada.modules.tada"),
        size=2_200_000_000,
        licences=(
            *TORCH_LICENCES,
            Licence("qwen-tts", "Apache-2.0"),
            Licence("hume-tada, descript-audio-codec", "MIT"),
        ),
        first=(TORCH_REQUIREMENT,),
        without_dependencies=(
            TORCHAUDIO_REQUIREMENT,
            "hume-tada==0.1.9",
            "descript-audio-codec==1.0.0",
            "descript-audiotools==0.7.2",
        ),
    ),
    Group(
        name="mlx",
        display="Engines on Apple silicon, by mlx-audio and without torch",
        requirements=REQUIREMENTS / "mlx.txt",
        packages=("mlx.core", "mlx_audio", "transformers", "onnxruntime", "hibari", "espeakng_loader"),
        size=700_000_000,
        licences=(
            Licence("mlx, mlx-audio", "MIT"),
            Licence("transformers", "Apache-2.0"),
            Licence("onnxruntime, silero-vad", "MIT"),
            Licence("hibari-tts, misaki (for Kokoro)", "Apache-2.0"),
            Licence("espeakng-loader, espeak-ng (for Kokoro)", "GPL-3.0-or-later"),
            Licence("jieba, pypinyin, cn2an, ordered-set (for Kokoro's Chinese)", "MIT"),
        ),
        without_dependencies=("silero-vad==6.2.3",),
    ),
)


def find_group(name: str) -> Group:
    """Return the group of a name. Raises KeyError."""
    for group in GROUPS:
        if group.name == name:
            return group
    raise KeyError(name)
