"""The groups of engines that share an interpreter: what is installed for each, in which order, and under
which licences.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import msgspec

REQUIREMENTS = Path(__file__).with_name("requirements")
WORKER = ("msgspec", "uvicorn", "multipart", "safetensors", "numpy")
"""what our own worker imports, wherever it runs"""
CUDA_BYTES = 5_000_000_000
"""that the CUDA libraries take which torch brings along on Linux, about"""
INCLUDED = re.compile(r"-r\s+(\S+)")


class Licence(msgspec.Struct, frozen=True):
    """What somebody agrees to by installing a package."""

    package: str
    licence: str


class Group(msgspec.Struct, frozen=True):
    """Engines that share an interpreter."""

    name: str
    display: str
    requirements: Path
    """a requirements file"""
    packages: tuple[str, ...]
    """what can be imported once it is installed, besides our worker's own"""
    size: int
    """bytes that it takes with a torch for CPUs, about"""
    licences: tuple[Licence, ...] = ()
    python: tuple[tuple[int, int], tuple[int, int]] = ((3, 11), (3, 14))
    """the oldest version that does, and the first that does not"""
    first: tuple[str, ...] = ()
    """requirements installed before the file, from an index of their own if one is asked for"""
    bare: tuple[str, ...] = ()
    """installed after the file, without what they ask for: `name==version`"""

    def fits(self, version: tuple[int, int]) -> bool:
        """Tell whether a Python of that version does."""
        return self.python[0] <= version < self.python[1]

    @property
    def pythons(self) -> str:
        """Say which Pythons do, as requirements say it."""
        (low, high) = (".".join(map(str, version)) for version in self.python)
        return f">={low},<{high}"

    def needed(self, index_url: str = "") -> int:
        """Give the bytes that it takes, about, with a torch from that index."""
        cuda = (
            sys.platform == "linux"
            and any("torch" in one for one in self.first)
            and not index_url.rstrip("/").endswith("cpu")
        )
        return self.size + (CUDA_BYTES if cuda else 0)

    def digest(self, index_url: str = "") -> str:
        """Name what would be installed: another name, another environment."""
        text = "\n".join([_text(self.requirements), *self.first, *self.bare, open_part(index_url)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def open_part(url: str) -> str:
    """Give an address without the name and password that may be in it."""
    return re.sub(r"//[^/@]*@", "//", url)


def _text(path: Path) -> str:
    """Read a requirements file, with those that it includes."""
    return INCLUDED.sub(lambda found: _text(path.with_name(found[1])), path.read_text("utf-8"))


TORCH = "torch==2.13.0"
TORCHAUDIO = "torchaudio==2.11.0"
"""it is built for CUDA only, names no torch, and is imported by libraries that need a filter bank of it (see
repairs.py)
"""
COMMON = (
    Licence("torch", "BSD-3-Clause; NVIDIA's own for its CUDA libraries"),
    Licence("transformers", "Apache-2.0"),
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
            *COMMON,
            Licence("kokoro, misaki", "Apache-2.0"),
            Licence("phonemizer-fork, espeak-ng (for Kokoro)", "GPL-3.0-or-later"),
            Licence("fugashi, jaconv, mojimoji, unidic-lite (for Kokoro)", "MIT, BSD-3-Clause, Apache-2.0"),
            Licence("num2words (for Kokoro)", "LGPL"),
            Licence("pocket-tts", "MIT"),
            Licence("faster-whisper, ctranslate2, silero-vad", "MIT"),
            Licence("voxcpm, diffusers", "Apache-2.0"),
        ),
        python=((3, 11), (3, 13)),  # kokoro 0.9.4 knows no later one
        first=(TORCH,),
        bare=(TORCHAUDIO, "voxcpm==2.0.3"),
    ),
    Group(
        name="legacy457",
        display="Qwen3-TTS and TADA, which run on transformers 4.57 only",
        requirements=REQUIREMENTS / "legacy457.txt",
        packages=("torch", "transformers", "soundfile", "torchaudio", "qwen_tts", "tada.modules.tada"),
        size=2_200_000_000,
        licences=(
            *COMMON,
            Licence("qwen-tts", "Apache-2.0"),
            Licence("hume-tada, descript-audio-codec", "MIT"),
        ),
        first=(TORCH,),
        bare=(TORCHAUDIO, "hume-tada==0.1.9", "descript-audio-codec==1.0.0", "descript-audiotools==0.7.2"),
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


def find(name: str) -> Group:
    """Find a group. Raises KeyError."""
    for group in GROUPS:
        if group.name == name:
            return group
    raise KeyError(name)
