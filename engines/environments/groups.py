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
    """a requirements file"""
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
    """requirements installed after the file, without their dependencies: `name==version`"""

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
        text = "\n".join(
            [
                _text(self.requirements),
                *self.first,
                *self.without_dependencies,
                without_credentials(index_url),
            ]
        )
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
TORCH_LICENCES = (
    Licence("torch", "BSD-3-Clause; NVIDIA's own for its CUDA libraries"),
    Licence("transformers, accelerate", "Apache-2.0"),
)

GROUPS = (
    Group(
        name="main",
        display="Whisper, faster-whisper, Kokoro, Pocket TTS, VoxCPM and the speech models of transformers",
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
        ),
        size=2_650_000_000,
        licences=(
            *TORCH_LICENCES,
            Licence("kokoro, misaki", "Apache-2.0"),
            Licence("phonemizer-fork, espeak-ng (for Kokoro)", "GPL-3.0-or-later"),
            Licence("fugashi, jaconv, mojimoji, unidic-lite (for Kokoro)", "MIT, BSD-3-Clause, Apache-2.0"),
            Licence("num2words (for Kokoro)", "LGPL"),
            Licence("pocket-tts", "MIT"),
            Licence("faster-whisper, ctranslate2, silero-vad", "MIT"),
            Licence("voxcpm, diffusers, uroman", "Apache-2.0"),
        ),
        python=">=3.11,<3.13",  # kokoro 0.9.4 knows no later one
        first=(TORCH_REQUIREMENT,),
        without_dependencies=(TORCHAUDIO_REQUIREMENT, "voxcpm==2.0.3"),
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
        packages=("mlx.core", "mlx_audio", "transformers"),
        size=550_000_000,
        licences=(Licence("mlx, mlx-audio", "MIT"), Licence("transformers", "Apache-2.0")),
    ),
)


def find_group(name: str) -> Group:
    """Return the group of a name. Raises KeyError."""
    for group in GROUPS:
        if group.name == name:
            return group
    raise KeyError(name)
