"""What an engine is and can do, as its `load` returns it."""

from __future__ import annotations

from typing import Literal

import msgspec

from engines.api.concurrency import ALONE, Concurrency
from engines.api.request_options import Setting

Gender = Literal["female", "male", "neutral"]
TranscriptNeed = Literal["no", "helps", "needed"]
WordSource = Literal["durations", "events", "alignment"]
"""where the times of words come from: the model tells how long each sound lasts; the synthesiser reports
where it is; or the words are found in the audio afterwards
"""

SeedWorth = Literal["exact", "similar", "none"]
"""what a seed is worth, on the same machine and with the same versions: the same samples each time; samples
that differ a little, as the device adds up in another order; or nothing
"""
EXACT_DEVICES = ("cpu",)
"""kinds of device that give the same samples for the same seed, whatever else they compute beside it"""

LanguageNeed = Literal["ignored", "taken", "needed"]
"""whether an engine is told the language apart from the voice: no; where it is known; or with each job"""


class Voice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A preset voice of an engine."""

    id: str
    """unique within the engine"""
    name: str
    languages: tuple[str, ...] = ()
    """BCP-47 tags, the best first"""
    gender: Gender | None = None
    description: str = ""
    scripts: tuple[str, ...] = ()
    """scripts that it reads, by Unicode's names, where they are not those of its engine"""


class CloningCapabilities(msgspec.Struct, frozen=True):
    """What an engine that clones voices needs of their samples."""

    sample_rate: int
    """Hertz"""
    version: str = "1"
    """of the form of its voice prompts: those of another version are created again"""
    shortest: float = 0.5
    """seconds of all samples together, at least: less is refused, with this figure"""
    longest: float = 30.0
    """seconds of all samples together, at most: more is refused, with this figure"""
    transcript: TranscriptNeed = "no"
    """whether the words of each sample are of use, or even needed"""
    languages: tuple[str, ...] = ()
    """BCP-47 tags of the samples that it can clone; empty: any"""


class SpeechCapabilities(msgspec.Struct, frozen=True):
    """What an engine that speaks can honour of a SpeechJob."""

    sample_rate: int
    """Hertz"""
    languages: tuple[str, ...]
    """BCP-47 tags"""
    speed: tuple[float, float] = (1.0, 1.0)
    """lowest and highest speed it speaks at by itself, without changing pitch"""
    scripts: tuple[str, ...] = ()
    """scripts that it reads, by Unicode's names ("Latin"); letters of others are left out. Empty: any"""
    script_languages: dict[str, tuple[str, ...]] = {}
    """scripts that only voices of some languages read; others name their letters at best"""
    language: LanguageNeed = "ignored"
    """whether it honours SpeechJob.language apart from the voice, or even needs it: then each job has one of
    `languages`
    """
    pitch: bool = False
    """honours SpeechJob.pitch"""
    instructions: bool = False
    """honours SpeechJob.instructions"""
    seed: bool = False
    """honours SpeechJob.seed; what that is worth depends on the device too (EngineInfo.seed_worth)"""
    words: WordSource | None = None
    """tells when each word is spoken, and where it knows that from; None: it does not"""
    streaming: bool = True
    """gives audio while later audio is still computed"""
    cloning: CloningCapabilities | None = None
    """speaks with voice prompts that it created of samples; the engine is a Cloner"""
    design: bool = False
    """speaks with a voice that is described in words: honours SpeechJob.design"""
    mixing: bool = False
    """speaks with several of its voices in one: honours SpeechJob.mix"""
    ipa: bool = False
    """honours SpeechJob.ipa"""
    emoji: tuple[str, ...] = ()
    """languages in which it reads the usual emoji; where the gateway has a name, it is given that"""
    ties: bool = False
    """pauses at dots, but at none with a no-break space behind it, which ends no sentence"""
    settings: tuple[Setting, ...] = ()
    """settings of its own that a job may have in SpeechJob.settings"""
    marks: tuple[str, ...] = ()
    """regular expressions of what in a text is a sign to it, and no words: "[laughs]", "[S1]". It gets these
    as they are written. What a group `said` finds in one is heard all the same: engines without the mark get
    that, or nothing, in its place
    """
    longest_text: int = 0
    """code points of a job's text, at most; 0: any"""
    longest_seconds: float = 0.0
    """seconds of audio that it makes for a job, at most; 0: any. Texts are cut by an estimate of their
    length
    """
    affinity: bool = False
    """keeps something from one segment of a stream to the next: it gets them one after the other, all in the
    same worker where that is free
    """


class TranscriptionCapabilities(msgspec.Struct, frozen=True):
    """What an engine that transcribes can honour of a TranscriptionJob."""

    languages: tuple[str, ...]
    """ISO-639-1 codes; empty: any"""
    sample_rate: int = 16000
    """Hertz"""
    words: bool = False
    """gives the times of words"""
    logprobs: bool = False
    """gives the log probabilities of tokens"""
    prompt: bool = False
    """honours TranscriptionJob.prompt"""
    temperature: bool = False
    """honours TranscriptionJob.temperature"""
    translate: bool = False
    """translates into English"""
    diarize: bool = False
    """separates speakers"""


class EngineInfo(msgspec.Struct, frozen=True):
    """What an engine is and can do, as its `load` returns it."""

    name: str
    version: str
    licence: str
    models: tuple[str, ...]
    """names of its models, the default first; the engine's own name is always one"""
    voices: tuple[Voice, ...] = ()
    characters: dict[str, str] = {}
    """for each of OpenAI's voice names the preset that comes nearest to its character"""
    variants: tuple[str, ...] = ()
    """what may follow any voice's id after a "+", beyond the voices listed (espeak: "f3", "m7")"""
    speech: SpeechCapabilities | None = None
    transcription: TranscriptionCapabilities | None = msgspec.field(default=None, name="listening")
    """`listening` is its name in the provider API 1.0, and in files that keep what an engine said of
    itself
    """
    device: str = "cpu"
    concurrency: Concurrency = ALONE
    """how one worker does several jobs at once"""
    cancel_grace: float = 5.0
    """seconds in which it stops a job that was cancelled; one that needs longer has hung, and its process is
    ended
    """

    @property
    def seed_worth(self) -> SeedWorth:
        """What the seed of a job is worth on the device that the engine computes on."""
        if self.speech is None or not self.speech.seed:
            return "none"
        return "exact" if self.device.partition(":")[0] in EXACT_DEVICES else "similar"
