"""The contract between the gateway and an engine: capabilities, jobs and events.

Audio between engine and gateway is signed 16-bit little-endian mono PCM ("s16le"). Times are seconds, offsets are
Unicode code points into the text of the job. Errors are those of `engines.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

import msgspec

Gender = Literal["female", "male", "neutral"]

# What an engine can do...


class Voice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A preset voice of an engine; `id` is unique within the engine, languages are BCP-47 tags, best first."""

    id: str
    name: str
    languages: tuple[str, ...] = ()
    gender: Gender | None = None
    description: str = ""


class CloningCapabilities(msgspec.Struct, frozen=True):
    """What an engine that clones wants of a voice's samples."""

    sample_rate: int
    """Hertz"""
    version: str = "1"
    """of the form of its prompts: those of another version are made anew"""
    longest: float = 30.0
    """seconds of all samples together; what is beyond is left out"""
    transcript: bool = False
    """the words of each sample must be known"""


class SpeechCapabilities(msgspec.Struct, frozen=True):
    """What an engine that speaks can honour. `speed` is the range it changes by itself, without changing
    pitch.
    """

    sample_rate: int
    """Hertz"""
    languages: tuple[str, ...]
    speed: tuple[float, float] = (1.0, 1.0)
    language: bool = False
    """honours SpeechJob.language apart from the voice"""
    pitch: bool = False
    instructions: bool = False
    seed: bool = False
    words: bool = False
    streaming: bool = True
    cloning: CloningCapabilities | None = None
    """speaks with a prompt that it made of samples; the engine is a Cloner"""
    design: bool = False
    """speaks with a voice that is described in words: a job with `design`"""
    mixing: bool = False
    """speaks with several of its voices in one: a job with `mix`"""
    ipa: bool = False
    """honours SpeechJob.ipa"""


class TranscriptionCapabilities(msgspec.Struct, frozen=True):
    """What an engine that listens can honour; languages are ISO-639-1 codes, empty means any."""

    languages: tuple[str, ...]
    sample_rate: int = 16000
    words: bool = False
    logprobs: bool = False
    prompt: bool = False
    temperature: bool = False
    translate: bool = False
    diarize: bool = False


class EngineInfo(msgspec.Struct, frozen=True):
    """An engine's own account of itself, given once its worker is ready."""

    name: str
    version: str
    licence: str
    models: tuple[str, ...]
    """model names, the default first; the engine's own name is always one"""
    voices: tuple[Voice, ...] = ()
    characters: dict[str, str] = {}
    """for each of OpenAI's voice names the preset that comes nearest in character"""
    variants: tuple[str, ...] = ()
    """what may follow any voice's id after a "+", beyond the voices listed (espeak: "f3", "m7")"""
    speech: SpeechCapabilities | None = None
    transcription: TranscriptionCapabilities | None = None
    device: str = "cpu"
    slots: int = 1
    """jobs that one worker runs at once; at least `batch`"""
    batch: int = 1
    """jobs to speak that go through the engine in one call, at most; above 1 the engine is a BatchSpeaker"""
    batch_wait: float = 0.0
    """seconds that a batch which is not full waits for more jobs"""
    cancel_grace: float = 5.0
    """seconds in which it lets go of a job that nobody wants; one that takes longer has hung, and its process
    is ended
    """


# Work...


class Prompt(msgspec.Struct, frozen=True):
    """A voice in an engine's own form: safetensors, as `create_prompt` gave it. `id` names exactly these
    bytes.
    """

    id: str
    data: bytes = b""


class Sample(msgspec.Struct, frozen=True):
    """A recording of a voice: s16le mono PCM at CloneAbilities.sample_rate, and its words where they are
    known.
    """

    pcm: bytes
    transcript: str = ""


class SpeechJob(msgspec.Struct, frozen=True, omit_defaults=True):
    """One segment to speak. `voice` is a preset's id, or empty; `speed` lies within the engine's own range."""

    text: str
    voice: str
    model: str = ""
    language: str | None = None
    speed: float = 1.0
    pitch: float | None = None
    seed: int | None = None
    instructions: str | None = None
    pause: bool = True
    """end with the pause that follows a sentence; False where a sentence was cut in the middle"""
    prompt: Prompt | None = None
    """the voice, where it is a cloned one"""
    design: str = ""
    """the voice in words, where it is to be designed"""
    mix: tuple[tuple[str, float], ...] = ()
    """the voices with their weights, which add up to 1, where it is a mixture"""
    ipa: tuple[tuple[int, int, str], ...] = ()
    """how some stretches of the text, [start, end), are pronounced"""


class Audio(msgspec.Struct, frozen=True):
    """Some PCM, s16le mono at the engine's sample rate; always whole samples."""

    pcm: bytes


class Word(msgspec.Struct, frozen=True):
    """A word of the job's text: code-point offsets [start, end), and when it begins, in seconds from the
    job's first sample.
    """

    start: int
    end: int
    time: float


SpeechEvent = Audio | Word


class TranscriptionJob(msgspec.Struct, frozen=True, omit_defaults=True):
    """One recording to transcribe, or to translate into English."""

    model: str = ""
    language: str | None = None
    """ISO-639-1, None: find out"""
    prompt: str | None = None
    temperature: float = 0.0
    translate: bool = False
    words: bool = True
    logprobs: bool = False
    """tell how sure each token is"""


class TranscriptWord(msgspec.Struct, frozen=True):
    """A word heard, without spaces or punctuation; seconds from the start of the recording."""

    word: str
    start: float
    end: float
    logprob: float = 0.0


class TranscriptToken(msgspec.Struct, frozen=True):
    """A token of the text, and how sure the model was of it; tokens may be parts of words, and their bytes
    parts of letters.
    """

    token: str
    """with the space before it"""
    logprob: float
    bytes: tuple[int, ...]
    """of its UTF-8"""


class TranscriptSegment(msgspec.Struct, frozen=True, tag="segment"):
    """A stretch of speech that will not change any more."""

    text: str
    """no leading or trailing space"""
    start: float
    end: float
    words: tuple[TranscriptWord, ...] = ()
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    logprobs: tuple[TranscriptToken, ...] = ()
    """of all its tokens, where the job asks for them"""
    gap: bool = True
    """a space parts it from what is before it: not so in Chinese, Japanese or Thai"""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How much of the recording has been heard, in seconds."""

    seconds: float


class Finished(msgspec.Struct, frozen=True, tag="done"):
    """The recording has been heard to its end."""

    duration: float
    language: str


TranscriptionEvent = TranscriptSegment | Progress | Finished

# The engine itself...

EmitSpeech = Callable[[SpeechEvent], bool]
EmitTranscription = Callable[[TranscriptionEvent], bool]


class Engine(Protocol):
    """What every adapter offers. Made in the worker process, with no arguments, off the event loop."""

    def load(self) -> EngineInfo:
        """Load what is needed to work, and say what can be done. Raises EngineFailed with the reason."""
        ...


class Speaker(Engine, Protocol):
    """An engine that speaks."""

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Make the job's audio, giving it to `emit` as it comes; runs in a thread of its own.

        `emit` returns False once nobody wants the rest: stop at once and return. Raises BadInput or
        EngineFailed.
        """
        ...


class Cloner(Speaker, Protocol):
    """An engine that speaks with voices made of samples."""

    def create_prompt(self, samples: Sequence[Sample], model: str) -> bytes:
        """Make a voice of samples, in safetensors; runs in a thread of its own. Raises BadInput or
        EngineFailed.
        """
        ...


class BatchItem(msgspec.Struct, frozen=True, eq=False):
    """One job of a batch. `finish` ends it, with the error if it failed: its place is free before the others
    are done.
    """

    job: SpeechJob
    emit: EmitSpeech
    finish: Callable[[Exception | None], None]


class BatchSpeaker(Engine, Protocol):
    """An engine that speaks several jobs in one call."""

    def speak_batch(self, turns: Sequence[BatchItem]) -> None:
        """Make the audio of all jobs, each given to its `emit` as it comes; runs in a thread of its own.

        An `emit` never blocks, and returns False once nobody wants the rest of that job: go on with the
        others. A turn that was not finished is so when the call returns; what it raises is the error of all
        that are left.
        """
        ...


class Transcriber(Engine, Protocol):
    """An engine that listens."""

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], emit: EmitTranscription) -> None:
        """Transcribe `audio` (s16le mono chunks at ListenAbilities.sample_rate, blocking while more is on its
        way).

        `emit` returns False once nobody wants the rest. The last event is Finished. Raises BadInput or
        EngineFailed.
        """
        ...
