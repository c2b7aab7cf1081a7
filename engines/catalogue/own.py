"""Repositories and folders that the settings name, besides those of the catalogue."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engines.catalogue.engines import Kind

SAFE_FILES = ("*.json", "*.txt", "*.safetensors", "*.model", "*.jinja", "speaker_embeddings/*.np[yz]")
"""what these models are made of, never code"""


EngineName = Literal[
    "",
    "whisper",
    "faster-whisper",
    "transformers",
    "piper",
    "kokoro",
    "kokoro-onnx",
    "pocket-tts",
    "voxcpm",
    "qwen3-tts",
    "qwen3-tts-custom",
    "qwen3-tts-design",
    "chatterbox",
    "chatterbox-turbo",
    "tada",
    "luxtts",
    "omnivoice",
    "mlx",
]
"""of the engines that run models of one's own; empty finds it by the files"""
PLACE_NEEDED = "needs `repo`, a repository on the hub, or `folder`, a folder of this machine, and not both"


class OwnModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A repository or a folder that the settings name, run by the engine that its files fit."""

    repo: Annotated[str, Meta(pattern=r"^([\w.-]+/[\w.-]+)?$")] = ""
    """owner/name"""
    kind: Kind | Literal["", "listening"] = ""
    """speech or transcription, which the files tell; "listening" is how earlier settings call the latter"""
    engine: EngineName = ""
    """what runs it, where that is not to be found out"""
    folder: str = ""
    """in place of a repository: the whole path of a folder, or one that begins with ~; nothing is ever
    written there
    """
    voice: Annotated[str, Meta(pattern=r"^([a-z]{2,3}_[A-Z]{2}-\w+-\w+)?$")] = ""
    """the voice of Piper's that is meant, such as nl_BE-rdh-medium, where the repository has several"""
    revision: str = "main"
    """a branch, a tag or a commit"""
    files: Annotated[tuple[str, ...], Meta(min_length=1)] = SAFE_FILES
    """patterns of the files to pull; without any it would be all, code too"""
    also: tuple[Annotated[str, Meta(pattern=r"^[\w.-]+/[\w.-]+$")], ...] = ()
    """further repositories that it needs, such as a vocoder"""
    licence: str = "see its page on the hub"

    @property
    def wanted_kind(self) -> Kind | None:
        """What it is said to do; None where its files tell."""
        return "transcription" if self.kind == "listening" else self.kind or None

    @property
    def place(self) -> str:
        """What it is, for messages, which may go to who must not know the server's paths."""
        return self.repo or "its folder"
