"""What is known of a model, of the engine that runs it, and of where its files are."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from engines.catalogue.engines import Kind

Device = Literal["cpu", "cuda", "rocm", "xpu", "mps", "mlx"]
TORCH: tuple[Device, ...] = ("cpu", "cuda", "rocm", "xpu", "mps")
FOREIGN = 100
VoiceType = Literal["preset", "cloned", "designed"]
Tier = Literal["first-class", "experimental"]


class Adapter(msgspec.Struct, frozen=True):
    """An engine that runs models: how it is imported, and what it needs installed."""

    name: str
    import_path: str
    """module:class; made with `path` and `model`, and what record and settings say"""
    packages: tuple[str, ...]
    """what must be importable"""
    rank: int
    """which engine serves OpenAI's names: the highest that is there"""
    group: str = "main"
    """whose environment runs it: engines/environments/groups.py"""
    designs: bool = False
    """speaks with voices that are described in words"""


class Source(NamedTuple):
    """Files of a repository on the hub."""

    repo: str
    """owner/name"""
    revision: str = "main"
    """a branch, a tag or a commit"""
    files: tuple[str, ...] = ()
    """patterns of what is pulled, as of fnmatch, "*" crossing folders; empty takes all"""
    unsafe: tuple[str, ...] = ()
    """patterns of what is pulled besides where no safetensors beside them hold the same; only tensors are
    ever read from it
    """

    @property
    def patterns(self) -> tuple[str, ...]:
        """Give all that may be pulled."""
        return (*self.files, *self.unsafe) if self.files else ()


class ModelRecord(msgspec.Struct, frozen=True):
    """A model by name."""

    name: str
    display: str
    engine: Adapter
    """the engine that runs it"""
    repo: str
    licence: str
    """of the weights"""
    kinds: tuple[Kind, ...]
    revision: str = "main"
    files: tuple[str, ...] = ()
    """what is pulled of the repository, as in Source"""
    rank: int = 0
    """among the models of its engine, added to the engine's"""
    unsafe: tuple[str, ...] = ()
    """as in Source"""
    also: tuple[Source, ...] = ()
    """what the engine needs besides"""
    options: dict[str, str] = {}
    """what the engine is told, besides where the files are and what the model is called"""
    size_bytes: int = 0
    """of all that is pulled, for choosing by: about; 0 where nobody has measured"""
    languages: tuple[str, ...] = ()
    """BCP-47 tags; empty means any"""
    sample_rate: int = 24_000
    """Hertz, of what it speaks or wants to hear"""
    voice_types: tuple[VoiceType, ...] = ()
    streaming: bool = False
    instruct: bool = False
    """follows instructions about how to speak"""
    cloning: bool = False
    batch: bool = False
    requires: tuple[Device, ...] = ("cpu",)
    """any of these"""
    tier: Tier = "first-class"
    gated: bool = False
    """its terms must be agreed to on the hub, by the owner of the token"""

    @property
    def order(self) -> int:
        """Give its rank among all engines. What knows no English comes last: nobody would expect it behind
        OpenAI's names.
        """
        english = not self.languages or any(tag.partition("-")[0] == "en" for tag in self.languages)
        return self.engine.rank + self.rank - (0 if english else FOREIGN)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Give all that is pulled, the model's own repository first."""
        return (Source(self.repo, self.revision, self.files, self.unsafe), *self.also)
