"""Kokoro's voices as the names of its files tell them; nothing of torch, numpy or onnxruntime is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from engines.adapters.kokoro.voices import describe_voices, is_voice_name, map_openai_voices
from engines.toolkit.preset_voices import PresetVoices


def read_voices(folders: Sequence[Path], options: Mapping[str, object]) -> PresetVoices:
    """Return the voices of a model's folder."""
    names = sorted({name for name in _names(folders[0]) if is_voice_name(name)})
    return PresetVoices(
        voices=describe_voices(names),
        characters=map_openai_voices(names),
        other_names=("kokoro",),
        mixing=True,
    )


def _names(folder: Path) -> Iterator[str]:
    for pattern in ("*.pt", "*.bin"):
        yield from (file.stem for file in (folder / "voices").glob(pattern))
    for file in (*folder.glob("voices*.npz"), *folder.glob("voices*.bin")):
        try:
            with ZipFile(file) as archive:
                yield from (name.removesuffix(".npy") for name in archive.namelist())
        except (OSError, BadZipFile):
            continue
