"""Tests that work grows with a text as it does, not with its square: each string that a route takes, twice as
long, costs less than three times the work until it is refused or understood.

Work is counted: the Python functions that are called, and the processor's time of the one thread for what goes
on in C.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from compat.openai import loose, transcription
from compat.openai import speech as speech_dialect
from compat.openai import voices as voice_dialect
from compat.voicebox import names as name_dialect
from compat.voicebox import profiles as profile_dialect
from compat.voicebox.bodies import read
from engines.api import EngineInfo, SpeechCapabilities, TranscriptionCapabilities, Voice
from engines.errors import SpeechError
from gateway.config.settings import Settings
from gateway.http.bodies import FormLimits, read_form
from gateway.routes.speech import bounds
from gateway.services.engine_snapshot import NAMES
from gateway.services.profile_mapping import checked_entries
from streaming.audio.runaway import has_loop, limits_for
from streaming.text.duration import estimate_duration
from streaming.text.language import detect_language
from streaming.text.scripts import letters_by_script
from streaming.text.segments import split_text
from voices.naming import matching
from voices.naming.resolver import Resolver, ResolverRules
from voices.profile import checked_language, checked_name, folded
from voices.pronunciation import Dictionary, Entry

UNITS = {
    "letters": "a",
    "accents": "é",
    "marks": "\u0301\u0323",
    "closing quotes": "”",
    "quotes": "\"'”",
    "flags": "🇩🇪",
    "sizes of Whisper": "-tiny",
    "brackets": "[",
    "spaces": " ",
    "lines": "\n",
    "stars": "*",
    "mixture": "a(1)+",
    "ligatures": "ﷺ",
    "surrogates": "\ud800",
    "digits": "7",
    "dots": ". ",
}
LENGTH = 20_000
"""characters of the shorter text"""
MOST = 3.0
FREE_SECONDS = 0.006
"""that no square can hide in: at this length the squares that were found take hundreds of milliseconds"""
FREE_CALLS = 2000

VOICES = tuple(Voice(f"voice-{number}", f"Voice {number}", ("en",)) for number in range(50))
ENGINES = {
    "tone": EngineInfo(
        "tone",
        "1",
        "MIT",
        ("tone",),
        voices=VOICES,
        speech=SpeechCapabilities(24_000, (), scripts=("Latin",)),
    ),
    "ear": EngineInfo("ear", "1", "MIT", ("ear",), transcription=TranscriptionCapabilities(())),
}
RULES = ResolverRules("alloy", {"a*b*c*": "tone"}, {"x*y*z*": "voice-1"})
RESOLVER = Resolver(ENGINES, NAMES, RULES)
DICTIONARY = Dictionary([Entry("word", "other"), Entry("é" * 50, "e")])


def speech_work(fields: dict[str, Any]) -> None:
    """Do all that a request to speak does before an engine has it, and cut its text."""
    request = speech_dialect.parse(msgspec.json.encode(whole(fields)), bounds(Settings()))
    estimate_duration(request.input)
    letters_by_script(request.input)
    detect_language(request.input)
    folded(request.voice or "")
    DICTIONARY.apply(request.input, ipa=False)
    for segment in split_text(request.input, language=None, first_limit=80, limit=240):
        limits_for(segment.text)
    RESOLVER.speak(request.model, request.voice)


def transcription_work(fields: dict[str, Any]) -> None:
    """Read a request to transcribe, and find its model."""
    pairs = [(name, value) for name, value in fields.items() if isinstance(value, str)]
    RESOLVER.transcribe(transcription.parse(transcription.from_form(pairs)).model)


def voice_work(fields: dict[str, Any]) -> None:
    """Read what a new voice is to be."""
    made = voice_dialect.create_voice(whole(fields))
    checked_name(made.name)
    for tag in made.languages:
        checked_language(tag)


def consent_work(fields: dict[str, Any]) -> None:
    """Read a consent."""
    checked_name(voice_dialect.required(whole(fields), "name"))
    checked_language(voice_dialect.required(whole(fields), "language"))


def profile_work(fields: dict[str, Any]) -> None:
    """Read a profile."""
    body = read(whole(fields), profile_dialect.ProfileBody)
    checked_name(str(body.name))


def word_work(fields: dict[str, Any]) -> None:
    """Read a pronunciation."""
    checked_entries(read({"pronunciations": [whole(fields)]}, name_dialect.Dictionary).pronunciations)


def alias_work(fields: dict[str, Any]) -> None:
    """Read an alias's target and look it up."""
    target = read(whole(fields), name_dialect.AliasBody).target
    folded(target)
    RESOLVER.is_voice(target)


def reader_of(struct: type) -> Callable[[dict[str, Any]], None]:
    """Return what reads a body into a Struct."""
    return lambda fields: void(read(whole(fields), struct))


def void(_: object) -> None:
    """Do nothing with a result."""


def whole(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields as JSON brings them: without lone surrogates."""
    return loose.json_object(
        msgspec.json.encode(
            {name: loose.whole(value) if isinstance(value, str) else value for name, value in fields.items()}
        )
    )


Work = Callable[[dict[str, Any]], None]
BODIES: tuple[tuple[type, Work, dict[str, Any]], ...] = (
    (speech_dialect.SpeechBody, speech_work, {"model": "tone", "input": "Hello."}),
    (transcription.TranscriptionForm, transcription_work, {"model": "ear"}),
    (voice_dialect.CreateVoiceForm, voice_work, {"name": "Anna"}),
    (voice_dialect.ConsentForm, consent_work, {"name": "Anna", "language": "en"}),
    (voice_dialect.ConsentName, consent_work, {"name": "Anna", "language": "en"}),
    (profile_dialect.ProfileBody, profile_work, {"name": "Anna"}),
    (profile_dialect.PronunciationBody, word_work, {"word": "a", "ipa": "a"}),
    (name_dialect.AliasBody, alias_work, {"target": "alloy"}),
    (profile_dialect.SampleBody, reader_of(profile_dialect.SampleBody), {}),
    (profile_dialect.PreviewBody, speech_work, {"model": "tone", "input": "Hello."}),
)
"""the bodies of all routes, what is done with each, and the fields that are needed"""


def texts(struct: type) -> Iterator[str]:
    """Yield the fields of a body that may hold text."""
    for name, hint in get_type_hints(struct, include_extras=True).items():
        if "str" in repr(hint) or "Literal" in repr(hint) or get_args(hint):
            yield name


FIELDS = [(struct, work, base, name) for struct, work, base in BODIES for name in texts(struct)]


def calls_of(work: Callable[[], None]) -> int:
    """Return how many calls some work makes."""
    calls = 0

    def count(_frame: object, _event: str, _argument: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        with suppress(SpeechError):
            work()
    finally:
        sys.setprofile(None)
    return calls


def seconds_of(work: Callable[[], None]) -> float:
    """Return the thread's seconds of some work."""
    began = time.thread_time()
    with suppress(SpeechError):
        work()
    return time.thread_time() - began


def check_growth(work: Callable[[str], None], unit: str) -> None:
    """Assert that twice the text is less than three times the work."""
    once = unit * (LENGTH // len(unit))
    calls, more_calls = calls_of(lambda: work(once)), calls_of(lambda: work(once + once))
    assert more_calls < MOST * calls + FREE_CALLS, (calls, more_calls)
    seconds, more_seconds = seconds_of(lambda: work(once)), seconds_of(lambda: work(once + once))
    for _ in range(12):  # other programs and the garbage's collection may have taken time
        if more_seconds < MOST * seconds + FREE_SECONDS:
            break
        seconds = max(seconds, seconds_of(lambda: work(once)))
        more_seconds = min(more_seconds, seconds_of(lambda: work(once + once)))
    assert more_seconds < MOST * seconds + FREE_SECONDS, (seconds, more_seconds)


@pytest.mark.parametrize(
    ("work", "base", "name"),
    [(work, base, name) for _, work, base, name in FIELDS],
    ids=[f"{struct.__name__}.{name}" for struct, _, _, name in FIELDS],
)
@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_twice_the_text(work: Work, base: dict[str, Any], name: str, unit: str) -> None:
    """Twice as long a string in any field of any route's body is less than three times the work."""
    check_growth(lambda text: work(base | {name: text}), unit)


LOOKUPS: dict[str, Callable[[str], object]] = {
    "folded": folded,
    "nearest": lambda text: matching.nearest(text, (f"voice {number}" for number in range(200))),
    "alias": lambda text: matching.alias(text[:1000], RULES.voice_aliases),
    "JSON": lambda text: loose.json_object(loose.whole(text).encode()),
    "JSON in an object": lambda text: loose.json_object(b'{"a":' + loose.whole(text).encode() + b"}"),
    "a number": lambda text: loose.number(text, "speed"),
    "a switch": lambda text: loose.flag(text, "verify"),
    "loops": lambda text: has_loop([ord(char) % 3000 for char in text]),
}


@pytest.mark.parametrize("lookup", LOOKUPS.values(), ids=LOOKUPS)
@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_twice_the_name(lookup: Callable[[str], object], unit: str) -> None:
    """What is done with names, words and bodies does not grow with their square."""
    check_growth(lambda text: void(lookup(text)), unit)


@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "utf-16-le", "utf-16", "punycode", "idna", "utf-7"])
def test_a_charset_of_the_callers(charset: str) -> None:
    """A form's text in any charset that a caller names is read in linear time, or refused."""

    def read_text(text: str) -> None:
        part = f'--b\r\ncontent-disposition: form-data; name="prompt"\r\ncontent-type: text/plain; charset={charset}'
        body = f"{part}\r\n\r\n{text * 5}\r\n--b--\r\n".encode()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def run() -> None:
            headers = {b"content-type": b"multipart/form-data; boundary=b"}
            (await read_form(headers, receive, FormLimits(10_000_000, 10_000_000))).close()

        asyncio.run(run())

    check_growth(read_text, "abcd")


def test_mixed_texts_are_cut_in_linear_time() -> None:
    """Texts of signs in any order are cut without a square, too."""
    chance = random.Random(7)
    for _ in range(10):
        unit = "".join(chance.choices("”\"' ,.\n日é🇩\u0301-(", k=50))
        check_growth(lambda text: speech_work({"model": "tone", "input": text}), unit)
