"""What an engine is given to do, and what it makes of it."""

from __future__ import annotations

from typing import Any

import msgspec

from engines.api.request_options import Settings


class Prompt(msgspec.Struct, frozen=True):
    """A voice prompt: a voice in an engine's own form, as `create_prompt` returned it."""

    id: str
    """names exactly these bytes: their SHA-256"""
    data: bytes = b""
    """safetensors"""
    opened: Any = None
    """what the engine's `open_prompt` made of the data, in a worker: the voice as `speak` needs it"""


class Sample(msgspec.Struct, frozen=True):
    """A recording of a voice."""

    pcm: bytes
    """s16le mono at CloningCapabilities.sample_rate"""
    transcript: str = ""
    """its words, where they are known"""


class PromptJob(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a voice prompt is to be made of.

    The samples are neither too short nor too long together, nor silent, and have transcripts where
    CloningCapabilities needs them.
    """

    samples: tuple[Sample, ...]
    model: str = ""
    language: str | None = None
    """BCP-47 tag of what the samples say, where it is known"""


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
    """one for all segments of a request, where the engine has seeds; another attempt at one has another"""
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
    settings: Settings = {}
    """values of some of SpeechCapabilities.settings, each within its limits"""
    stream: str = ""
    """names the request that it is a segment of: the same for all its segments, and for no other's"""
    index: int = 0
    """its number among these, from 0; one that comes again is another attempt at it"""
    before: str = ""
    """the end of what the segments before it said, up to some 1,000 code points"""
    last: bool = True
    """no segment follows"""


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
    until: float | None = None
    """seconds from the job's first sample to its end, where that is known"""


class Beat(msgspec.Struct, frozen=True):
    """A sign that work goes on."""

    progress: float | None = None
    """how much of it is done, as a share of 1, where that is known"""


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
