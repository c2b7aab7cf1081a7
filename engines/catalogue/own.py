"""Repositories that the settings name, besides those of the catalogue."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engines.catalogue.engines import Kind

SAFE_FILES = ("*.json", "*.txt", "*.safetensors", "*.model", "*.jinja", "speaker_embeddings/*.np[yz]")
"""what these models are made of, never code"""


class OwnModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A repository that the settings name, run by an engine of transformers or by Piper's."""

    repo: Annotated[str, Meta(pattern=r"^[\w.-]+/[\w.-]+$")]
    """owner/name"""
    kind: Kind | Literal["listening"] = "speech"
    """speech or transcription; "listening" is how earlier settings call the latter"""
    engine: Literal["transformers", "piper"] = "transformers"
    """what runs it"""
    voice: Annotated[str, Meta(pattern=r"^([a-z]{2,3}_[A-Z]{2}-\w+-\w+)?$")] = ""
    """the voice of Piper's that is meant, such as nl_BE-rdh-medium, where the repository has several"""
    revision: str = "main"
    """a branch, a tag or a commit"""
    files: Annotated[tuple[str, ...], Meta(min_length=1)] = SAFE_FILES
    """patterns of the files to pull; without any it would be all, code too"""
    also: tuple[Annotated[str, Meta(pattern=r"^[\w.-]+/[\w.-]+$")], ...] = ()
    """further repositories that it needs, such as a vocoder"""
    licence: str = "see its page on the hub"
