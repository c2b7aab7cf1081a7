"""The contract between the gateway and an engine: capabilities, jobs and events.

Audio between engine and gateway is signed 16-bit little-endian mono PCM ("s16le"). Times are seconds, offsets
are Unicode code points into the text of the job. Errors are those of `engines.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

import msgspec

Gender = Literal["female", "male", "neutral"]

BYTES_PER_SAMPLE = 2
"""of s16le mono PCM"""

# What an engine can do...


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
    longest: float = 30.0
    """seconds of all samples together, at most; what is beyond is left out"""
    transcript: bool = False
    """needs the words of each sample"""


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
    language: bool = False
    """honours SpeechJob.language apart from the voice"""
    pitch: bool = False
    """honours SpeechJob.pitch"""
    instructions: bool = False
    """honours SpeechJob.instructions"""
    seed: bool = False
    """honours SpeechJob.seed"""
    words: bool = False
    """emits a Word for each word"""
    streaming: bool = True
    """emits audio while later audio is still computed"""
    cloning: CloningCapabilities | None = None
    """speaks with voice prompts that it created of samples; the engine is a Cloner"""
    design: bool = False
    """speaks with a voice that is described in words: honours SpeechJob.design"""
    mixing: bool = False
    """speaks with several of its voices in one: honours SpeechJob.mix"""
    ipa: bool = False
    """honours SpeechJob.ipa"""
    emoji: bool = False
    """reads emoji by their names; others are given the names"""
    ties: bool = False
    """pauses at dots, but at none with a no-break space behind it, which ends no sentence"""


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
    slots: int = 1
    """jobs that one worker runs at once; at least `batch`"""
    batch: int = 1
    """speech jobs that go through the engine in one call, at most; above 1 the engine is a BatchSpeaker"""
    batch_wait: float = 0.0
    """seconds that a batch which is not full waits for more jobs"""
    cancel_grace: float = 5.0
    """seconds in which it stops a job that was cancelled; one that needs longer has hung, and its process is
    ended
    """


# Work...


class Prompt(msgspec.Struct, frozen=True):
    """A voice prompt: a voice in an engine's own form, as `create_prompt` returned it."""

    id: str
    """names exactly these bytes: their SHA-256"""
    data: bytes = b""
    """safetensors"""


class Sample(msgspec.Struct, frozen=True):
    """A recording of a voice."""

    pcm: bytes
    """s16le mono at CloningCapabilities.sample_rate"""
    transcript: str = ""
    """its words, where they are known"""


class SpeechJob(msgspec.Struct, frozen=True, omit_defaults=True):
    """One segment to synthesise."""

    text: str
    voice: str
    """id of a preset, or empty"""
    model: str = ""
    language: str | None = None
    speed: float = 1.0
    """within SpeechCapabilities.speed"""
    pitch: float | None = None
    seed: int | None = None
    instructions: str | None = None
    pause: bool = True
    """end with the pause that follows a sentence; False where a sentence was cut in the middle"""
    prompt: Prompt | None = None
    """the voice, where it is a cloned one"""
    design: str = ""
    """a description of the voice, where it is a designed one"""
    mix: tuple[tuple[str, float], ...] = ()
    """the voices with their weights, which add up to 1, where it is a mixture"""
    ipa: tuple[tuple[int, int, str], ...] = ()
    """pronunciation of some stretches of the text, [start, end), in the International Phonetic Alphabet"""


class Audio(msgspec.Struct, frozen=True):
    """Some PCM, s16le mono at SpeechCapabilities.sample_rate, in whole samples."""

    pcm: bytes


class Word(msgspec.Struct, frozen=True):
    """A word of the job's text, and when it is spoken."""

    start: int
    """offset of its first code point"""
    end: int
    """offset behind its last code point"""
    time: float
    """seconds from the job's first sample to its beginning"""


SpeechEvent = Audio | Word


class TranscriptionJob(msgspec.Struct, frozen=True, omit_defaults=True):
    """One recording to transcribe, or to translate into English."""

    model: str = ""
    language: str | None = None
    """ISO-639-1; None: detect it"""
    prompt: str | None = None
    """text that precedes the recording, or names and terms that may be spoken in it"""
    temperature: float = 0.0
    translate: bool = False
    """into English"""
    words: bool = True
    """give the times of words"""
    logprobs: bool = False
    """give the log probability of each token"""


class TranscriptWord(msgspec.Struct, frozen=True):
    """A word of a transcript, without spaces or punctuation; times in seconds from the recording's start."""

    word: str
    start: float
    end: float
    logprob: float = 0.0


class TranscriptToken(msgspec.Struct, frozen=True):
    """A token of a transcript with its log probability; it may be a part of a word, its bytes a part of a
    letter.
    """

    token: str
    """its text, with the space before it"""
    logprob: float
    bytes: tuple[int, ...]
    """its UTF-8"""


class TranscriptSegment(msgspec.Struct, frozen=True, tag="segment"):
    """A stretch of a transcript, which is final; times in seconds from the recording's start."""

    text: str
    """without leading or trailing space"""
    start: float
    end: float
    words: tuple[TranscriptWord, ...] = ()
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    logprobs: tuple[TranscriptToken, ...] = ()
    """of all its tokens, where the job asks for them"""
    space_before: bool = msgspec.field(default=True, name="gap")
    """`gap` in the provider API 1.0: a space separates it from the segment before: not so in Chinese,
    Japanese or Thai
    """


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How much of the recording has been transcribed."""

    seconds: float


class Finished(msgspec.Struct, frozen=True, tag="done"):
    """The end of a transcription."""

    duration: float
    """seconds of the recording"""
    language: str
    """ISO-639-1"""


TranscriptionEvent = TranscriptSegment | Progress | Finished

# The engine itself...

EmitSpeech = Callable[[SpeechEvent], bool]
"""accepts an event; returns False once the job is cancelled"""
EmitTranscription = Callable[[TranscriptionEvent], bool]
"""accepts an event; returns False once the job is cancelled"""


class Engine(Protocol):
    """What every adapter offers.

    It is constructed in the worker process, off the event loop, with the options of its record and of the
    settings as keyword arguments.
    """

    def load(self) -> EngineInfo:
        """Load what the engine needs, and return what it can do. Raises EngineFailed with the reason."""
        ...


class Speaker(Engine, Protocol):
    """An engine that speaks."""

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Synthesise the job's text, passing events to `emit` as they come; runs in a thread of its own.

        `emit` returns False once nobody wants the rest: stop at once and return. Raises BadInput or
        EngineFailed.
        """
        ...


class Cloner(Speaker, Protocol):
    """An engine that speaks with cloned voices."""

    def create_prompt(self, samples: Sequence[Sample], model: str) -> bytes:
        """Return the voice prompt of some samples, in safetensors; runs in a thread of its own.

        Raises BadInput or EngineFailed.
        """
        ...


class BatchItem(msgspec.Struct, frozen=True, eq=False):
    """One job of a batch."""

    job: SpeechJob
    emit: EmitSpeech
    finish: Callable[[Exception | None], None]
    """ends the job, with the error if it failed: its slot is free before the others are done"""


class BatchSpeaker(Engine, Protocol):
    """An engine that speaks several jobs in one call."""

    def speak_batch(self, items: Sequence[BatchItem]) -> None:
        """Synthesise all jobs, passing the events of each to its `emit`; runs in a thread of its own.

        An `emit` never blocks, and returns False once nobody wants the rest of that job: go on with the
        others. An item that was not finished is so when the call returns; what the call raises is the error
        of all that are left.
        """
        ...


class Transcriber(Engine, Protocol):
    """An engine that transcribes."""

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], emit: EmitTranscription) -> None:
        """Transcribe a recording, passing events to `emit` as they come; runs in a thread of its own.

        `audio` yields s16le mono PCM at TranscriptionCapabilities.sample_rate, and blocks while more is on
        its way. `emit` returns False once nobody wants the rest. The last event is Finished. Raises BadInput
        or EngineFailed.
        """
        ...
