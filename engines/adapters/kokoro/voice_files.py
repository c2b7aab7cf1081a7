"""Kokoro's voices as the names of its files tell them; nothing of torch, numpy or onnxruntime is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from engines.adapters.kokoro.readable_voices import readable_voices
from engines.adapters.kokoro.voices import is_voice_name
from engines.toolkit.preset_voices import IsInstalled, PresetVoices


def read_voices(
    folders: Sequence[Path], options: Mapping[str, object], is_installed: IsInstalled
) -> PresetVoices:
    """Return the voices of a model's folder."""
    names = sorted({name for name in _names(folders[0]) if is_voice_name(name)})
    light = not any(folders[0].glob("*.pth"))  # torch's weights, which go before a graph
    found = readable_voices(names, light=light, is_installed=is_installed)
    return PresetVoices(
        voices=found.voices,
        characters=found.characters,
        other_names=("kokoro",),
        mixing=True,
    )


def _names(folder: Path) -> Iterator[str]:
    for pattern in ("*.pt", "*.bin", "*.safetensors"):
        yield from (file.stem for file in (folder / "voices").glob(pattern))
    for file in (*folder.glob("voices*.npz"), *folder.glob("voices*.bin")):
        try:
            with ZipFile(file) as archive:
                yield from (name.removesuffix(".npy") for name in archive.namelist())
        except (OSError, BadZipFile):
            continue
