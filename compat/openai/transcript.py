"""The answers to a transcription: JSON bodies and stream events. Times in seconds."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from compat.openai import languages, names
from engines.api import TranscriptSegment, TranscriptToken, TranscriptWord

_SPACED_WORD = re.compile(r"\s*\S+")

TOKENS_PER_SECOND = 10
"""audio input tokens per second, as OpenAI's recorded usage figures show"""


class Duration(msgspec.Struct, frozen=True, tag="duration", tag_field="type"):
    """Usage by the second, rounded up."""

    seconds: int


class InputTokens(msgspec.Struct, frozen=True):
    """What the input tokens are made of."""

    text_tokens: int
    audio_tokens: int


class Tokens(msgspec.Struct, frozen=True, tag="tokens", tag_field="type"):
    """Usage by the token, estimated: ten a second of audio, one for four characters of text."""

    total_tokens: int
    input_tokens: int
    input_token_details: InputTokens
    output_tokens: int


class Spoken(msgspec.Struct, frozen=True):
    """A language that was spoken in a recording."""

    code: str


class Transcription(msgspec.Struct, frozen=True):
    """`response_format: json`."""

    text: str
    usage: Duration | Tokens
    logprobs: list[TranscriptToken] | UnsetType = UNSET
    languages: list[Spoken] | UnsetType = UNSET


class SpokenWord(msgspec.Struct, frozen=True):
    """A word of a transcript with its times in seconds."""

    word: str
    start: float
    end: float


class Segment(msgspec.Struct, frozen=True):
    """A transcript segment with all of Whisper's ten fields; strict clients fail on a missing one."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class Verbose(msgspec.Struct, frozen=True):
    """`response_format: verbose_json`; segments and words are absent, not null, unless asked for."""

    task: str
    language: str
    duration: float
    text: str
    segments: list[Segment] | UnsetType = UNSET
    words: list[SpokenWord] | UnsetType = UNSET
    usage: Duration | UnsetType = UNSET


class Delta(msgspec.Struct, frozen=True, tag="transcript.text.delta", tag_field="type"):
    """Some more of the text; all deltas together are the text."""

    delta: str
    logprobs: list[TranscriptToken] | UnsetType = UNSET


class Done(msgspec.Struct, frozen=True, tag="transcript.text.done", tag_field="type"):
    """The last event of a stream: the whole text."""

    text: str
    usage: Tokens
    logprobs: list[TranscriptToken] | UnsetType = UNSET
    languages: list[Spoken] | UnsetType = UNSET


def whole_text(segments: Sequence[TranscriptSegment]) -> str:
    """Join the segments' texts, a space between them where the script has spaces."""
    return "".join(" " * segment.space_before + segment.text for segment in segments if segment.text).strip()


def transcription(
    segments: Sequence[TranscriptSegment],
    duration: float,
    model: str,
    *,
    language: str = "",
    logprobs: bool = False,
) -> Transcription:
    """Answer `json`: usage in tokens for the models OpenAI bills so, else in seconds; `language` is that of
    what was said.
    """
    text = whole_text(segments)
    usage = tokens(text, duration) if names.counts_tokens(model) else Duration(math.ceil(duration))
    return Transcription(
        text, usage, all_logprobs(segments) if logprobs else UNSET, _languages(text, model, language)
    )


def done(
    segments: Sequence[TranscriptSegment],
    duration: float,
    model: str,
    *,
    language: str = "",
    logprobs: bool = False,
) -> Done:
    """End a stream. `language` is the code of what was said."""
    text = whole_text(segments)
    spoken = _languages(text, model, language)
    return Done(text, tokens(text, duration), all_logprobs(segments) if logprobs else UNSET, spoken)


def _languages(text: str, model: str, language: str) -> list[Spoken] | UnsetType:
    """Return the languages of a text, none where nothing was said, from the models that tell them."""
    if not names.tells_languages(model):
        return UNSET
    return [Spoken(language)] if text and language else []


def all_logprobs(segments: Sequence[TranscriptSegment]) -> list[TranscriptToken]:
    """Return the tokens of all segments; the text's very first has no space before it."""
    found = [token for segment in segments for token in segment.logprobs]
    return [_bare(found[0]), *found[1:]] if found else []


def _bare(token: TranscriptToken) -> TranscriptToken:
    if not token.token.startswith(" "):
        return token
    return TranscriptToken(token.token[1:], token.logprob, token.bytes[1:])


def tokens(text: str, duration: float) -> Tokens:
    """Estimate token usage for so many seconds transcribed as that text."""
    audio, out = math.ceil(duration * TOKENS_PER_SECOND), math.ceil(len(text) / 4)
    return Tokens(audio + out, audio, InputTokens(0, audio), out)


def verbose(
    transcript: Sequence[TranscriptSegment],
    duration: float,
    language: str,
    *,
    translate: bool,
    words: bool,
    segments: bool,
) -> Verbose:
    """Answer `verbose_json` with the granularities asked for. `language` is an ISO-639-1 code."""
    return Verbose(
        task="translate" if translate else "transcribe",
        language="english" if translate else languages.to_name(language),
        duration=duration,
        text=whole_text(transcript),
        segments=list(map(_segment, range(len(transcript)), transcript)) if segments else UNSET,
        words=[word for segment in transcript for word in map(_word, segment.words)] if words else UNSET,
        usage=UNSET if translate else Duration(math.ceil(duration)),
    )


def _word(word: TranscriptWord) -> SpokenWord:
    return SpokenWord(word.word, word.start, word.end)


def _segment(number: int, segment: TranscriptSegment) -> Segment:
    return Segment(
        id=number,
        seek=0,
        start=segment.start,
        end=segment.end,
        text=" " * segment.space_before + segment.text,
        tokens=segment.tokens,
        temperature=segment.temperature,
        avg_logprob=segment.avg_logprob,
        compression_ratio=_compression(segment.text),
        no_speech_prob=segment.no_speech_prob,
    )


def _compression(text: str) -> float:
    """Return the ratio that Whisper's own program has (`whisper/utils.py`): high where a text repeats
    itself.
    """
    data = text.encode("utf-8", "replace")
    return len(data) / len(zlib.compress(data)) if data else 1.0


def deltas(segment: TranscriptSegment, *, first: bool, logprobs: bool = False) -> Iterator[Delta]:
    """Cut a segment into word-sized deltas, each but the text's first with its leading space; with its tokens
    if asked for.
    """
    left = [_bare(token) if first and number == 0 else token for number, token in enumerate(segment.logprobs)]
    words = _SPACED_WORD.findall(segment.text)
    sent_bytes = 0
    for number, word in enumerate(words):
        delta = f" {word}" if number == 0 and segment.space_before and not first else word
        sent_bytes += len(delta.encode())
        own = _until(left, sent_bytes if number < len(words) - 1 else math.inf)
        sent_bytes -= sum(len(token.bytes) for token in own)
        yield Delta(delta, own if logprobs else UNSET)


def _until(left: list[TranscriptToken], size: float) -> list[TranscriptToken]:
    """Remove from `left` the tokens that begin within so many bytes, and return them."""
    own: list[TranscriptToken] = []
    begun = 0
    while left and begun < size:
        own.append(left.pop(0))
        begun += len(own[-1].bytes)
    return own
