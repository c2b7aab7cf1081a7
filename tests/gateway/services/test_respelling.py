"""Tests of pronunciations: respellings and IPA, by caller and by voice, on every engine, without a word being
lost.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloning_server import (
    BRIGHTNESS_TOLERANCE,
    WORD_SECONDS,
    Json,
    brightness_of,
    call,
    clone,
    create_profile,
    female,
    json_of,
    new_name,
    pcm,
    refused,
    seconds,
    speak,
)
from decoded import decoded, same_words
from servers import Server

PATH = "/voicebox/pronunciations"
LOW = 400.0
"""the frequency of mimic's preset `low`, in Hertz"""
RISE = 1.2
"""the factor by which mimic speaks a word in IPA higher"""


@pytest.fixture
def words(cloning: Server) -> Iterator[Any]:
    """Return a function that sets the caller's dictionary, which is empty again after the test."""

    def put(*entries: Json) -> Json:
        return json_of(call(cloning, "PUT", PATH, json={"pronunciations": entries}))

    yield put
    put()


def count(server: Server, text: str, voice: str = "mimic/low") -> int:
    """Return how many words the cloner speaks."""
    return round(seconds(pcm(server, voice, text)) / WORD_SECONDS)


def respelt(word: str, respelling: str) -> Json:
    return {"word": word, "respelling": respelling}


def test_a_dictionary_is_stored_and_replaced(cloning: Server, words: Any) -> None:
    """The stored dictionary is the one sent, normalised; the next one replaces it, and an empty one deletes
    it.
    """
    assert json_of(call(cloning, "GET", PATH)) == {"pronunciations": []}
    kept = words({"word": " GIF ", "respelling": " jif  file ", "ipa": "/dʒɪf/"}, respelt("SQL", "sequel"))
    assert kept["pronunciations"] == [
        {"word": "GIF", "respelling": "jif file", "ipa": "dʒɪf"},
        respelt("SQL", "sequel"),
    ]
    assert json_of(call(cloning, "GET", PATH)) == kept
    words(respelt("NASA", "nassa"))
    assert json_of(call(cloning, "GET", PATH)) == {"pronunciations": [respelt("NASA", "nassa")]}
    words()
    assert json_of(call(cloning, "GET", PATH)) == {"pronunciations": []}


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("SQL", 3),
        ("sql Sql", 6),
        ("The SQL, and SQL's speed", 9),
        ("MySQL SQLite", 2),
        ("New York", 4),
        ("new  york new", 5),
        ("nothing of that", 3),
    ],
)
def test_respelling(cloning: Server, words: Any, text: str, spoken: int) -> None:
    """Whole words are respelt, in any case, the longest first, and only these, as the number of mimic's words
    shows.
    """
    words(respelt("SQL", "structured query language"), respelt("New York", "the big big apple"))
    assert count(cloning, text) == spoken


def test_respelling_in_a_long_text(cloning: Server, words: Any) -> None:
    """However a text is cut into segments, every word in it is respelt once."""
    words(respelt("SQL", "structured query language"), respelt("query", "never again"))
    text = " ".join(f"Sentence {number} is about SQL and more." for number in range(60))
    assert count(cloning, text) == 60 * 9


def test_every_voice_and_transport(cloning: Server, words: Any) -> None:
    """A caller's dictionary applies to every voice, cloned ones too, and to server-sent events."""
    voice = clone(cloning, female())["id"]
    words(respelt("SQL", "structured query language"))
    events = pcm(cloning, voice, "SQL", stream_format="sse").split(b"\r\n\r\n")[:-3]
    audio = b"".join(base64.b64decode(json.loads(event.removeprefix(b"data: "))["audio"]) for event in events)

    assert count(cloning, "SQL", voice) == count(cloning, "SQL", "low+high") == 3
    assert seconds(audio) == pytest.approx(3 * WORD_SECONDS)


def test_on_espeak(cloning: Server, words: Any) -> None:
    """eSpeak NG pronounces a respelt word as its respelling."""
    plain, wanted = (
        sound_bytes(cloning, text) for text in ("The GIF is here.", "The jiffy elephant is here.")
    )
    words(respelt("GIF", "jiffy elephant"))
    assert not same_words(plain, wanted)
    assert same_words(sound_bytes(cloning, "The GIF is here."), wanted)


def sound_bytes(server: Server, text: str) -> Any:
    return decoded(pcm(server, "espeak/en-us", text), "pcm")


def test_a_voices_own_dictionary(cloning: Server, words: Any) -> None:
    """A voice's dictionary precedes the caller's for words that both have; the other's applies elsewhere."""
    voice = clone(cloning, female())["id"]
    preset = create_profile(
        cloning,
        preset_engine="mimic",
        preset_voice_id="low",
        pronunciations=[respelt("sql", "one two three four")],
    )["id"]
    own = {"pronunciations": [respelt("SQL", "ess queue")]}
    json_of(call(cloning, "PATCH", f"/voicebox/profiles/{voice}", json=own))
    words(respelt("SQL", "structured query language"), respelt("GIF", "jif file"))

    assert [count(cloning, "SQL GIF", one) for one in (voice, preset, "mimic/low")] == [4, 6, 5]
    words()
    assert [count(cloning, "SQL GIF", one) for one in (voice, preset, "mimic/low")] == [3, 5, 2]
    json_of(call(cloning, "PATCH", f"/voicebox/profiles/{voice}", json={"pronunciations": []}))
    assert count(cloning, "SQL GIF", voice) == 2


def test_ipa(cloning: Server, words: Any) -> None:
    """IPA is sent to the engine that supports it, with the word as written; a respelling beside it is for
    other engines.
    """
    words({"word": "somebody", "respelling": "some body else", "ipa": "ˈsʌmbədi"})
    answer = speak(cloning, "mimic/low", "somebody")

    assert brightness_of(answer.content, "pcm") == pytest.approx(RISE * LOW, rel=BRIGHTNESS_TOLERANCE)
    assert seconds(answer.content) == pytest.approx(WORD_SECONDS)
    assert "x-voicebox-ignored" not in answer.headers
    assert brightness_of(pcm(cloning, "mimic/low", "every"), "pcm") == pytest.approx(
        LOW, rel=BRIGHTNESS_TOLERANCE
    )
    other = speak(cloning, "espeak/en-us", "There is somebody.")
    assert "x-voicebox-ignored" not in other.headers
    words()
    assert same_words(decoded(other.content, "pcm"), sound_bytes(cloning, "There is some body else."))


def test_ipa_on_an_engine_without_support(cloning: Server, words: Any) -> None:
    """An engine without IPA pronounces the word its own way, and the answer says so, where the word is in the
    text.
    """
    plain = sound_bytes(cloning, "There is somebody.")
    words({"word": "somebody", "ipa": "ˈsʌmbədi"})
    answer = speak(cloning, "espeak/en-us", "There is somebody.")

    assert answer.headers["x-voicebox-ignored"] == "pronunciations"
    assert same_words(decoded(answer.content, "pcm"), plain)
    late = speak(cloning, "espeak/en-us", "Nothing. " * 600 + "Then somebody.")
    assert late.headers["x-voicebox-ignored"] == "pronunciations"
    for voice, text in (("espeak/en-us", "There is nobody."), ("mimic/low", "There is somebody.")):
        assert "x-voicebox-ignored" not in speak(cloning, voice, text).headers


WRONG: dict[str, tuple[Any, str]] = {
    "no list": ({}, "pronunciations"),
    "a list of words": ({"pronunciations": ["SQL"]}, "pronunciations[0]"),
    "no word": ({"pronunciations": [{"respelling": "x"}]}, "pronunciations[0]"),
    "a blank word": ({"pronunciations": [respelt(" ", "x")]}, "pronunciations"),
    "no reading": ({"pronunciations": [{"word": "x"}]}, "pronunciations"),
    "a long word": ({"pronunciations": [respelt("x" * 101, "x")]}, "pronunciations"),
    "a long reading": ({"pronunciations": [respelt("x", "x" * 201)]}, "pronunciations"),
    "a word twice": (
        {"pronunciations": [respelt("Café", "x"), respelt("CAFE\u0301", "y")]},
        "pronunciations",
    ),
    "a control character": ({"pronunciations": [respelt("a\x00b", "x")]}, "pronunciations"),
    "too many": (
        {"pronunciations": [respelt(f"word{number}", "x") for number in range(1001)]},
        "pronunciations",
    ),
    "something else": ({"pronunciations": [], "words": []}, "words"),
}


@pytest.mark.parametrize("what", WRONG)
def test_dictionaries_that_are_refused(cloning: Server, words: Any, what: str) -> None:
    """A dictionary with a fault is refused as a whole, by the field, and the existing one stays."""
    before = words(respelt("SQL", "sequel"))
    body, param = WRONG[what]
    refused(call(cloning, "PUT", PATH, json=body), 400, param, None)
    assert json_of(call(cloning, "GET", PATH)) == before


def test_a_thousand_words(cloning: Server, words: Any) -> None:
    """Of a thousand entries the last works as the first."""
    words(
        *(respelt(f"{new_name()[-6:]}x{number}", "one two") for number in range(999)),
        respelt("SQL", "one two three"),
    )
    assert count(cloning, "SQL and SQL") == 7
