"""Tests of eSpeak NG's word times: which words, where in the text, and when in the audio."""

from __future__ import annotations

import alignment
import pytest
from audio_measures import samples
from espeak_in_process import RATE, say

from engines.adapters.espeak.voices import CHARACTERS
from engines.toolkit.espeak_words import WordReader

SENTENCES = [
    "The quick brown fox jumps over the lazy dog and nobody is the wisest.",
    "People often travel by train when winter comes to the northern cities.",
    "My sister found seven old coins under the kitchen floor.",
    "Good evening, the last bus leaves in twenty minutes from the station.",
    "He opened a window because the small room was very hot.",
]


@pytest.mark.parametrize(
    ("text", "voice", "expected"),
    [
        ("Dr. Smith's e-mail, don't!", "en-us", ["Dr", "Smith's", "e-mail", "don't"]),
        (
            "1,234.50 dollars on 3/4/2020 at 10:30",
            "en-us",
            ["1,234.50", "dollars", "on", "3/4/2020", "at", "10:30"],
        ),
        ("Café naïve über", "en-us", ["Café", "naïve", "über"]),
        ("cafe\u0301 noir a\u0308", "fr-fr", ["cafe\u0301", "noir", "a\u0308"]),
        ("a 😀 smile 👨‍👩‍👧 ok 🇩🇪 flag", "en-us", ["a", "😀", "smile", "👨‍👩‍👧", "ok", "🇩🇪", "flag"]),
        ("𝔘𝔫𝔦code 𐐷 end", "en-us", ["𝔘𝔫𝔦code", "𐐷", "end"]),
        ("مرحبا بالعالم كيف حالك", "ar", ["مرحبا", "بالعالم", "كيف", "حالك"]),
        ("שלום עולם", "he", ["שלום", "עולם"]),
        ("हिन्दी में लिखा", "hi", ["हिन्दी", "में", "लिखा"]),
        ("今天天气", "cmn", ["今", "天", "天", "气"]),
        ("mixed 你好 text", "en-us", ["mixed", "你好", "text"]),
        ("a. b. c. d", "en-us", ["a", "b", "c", "d"]),
        ("Quote “hello” there…", "en-us", ["Quote", "hello", "there"]),
        ("A\r\n\r\nB  C\tD", "en-us", ["A", "B", "C", "D"]),
    ],
)
def test_words_of_the_text(text: str, voice: str, expected: list[str]) -> None:
    """Words are code-point ranges of the caller's text: whole words, without punctuation, each once."""
    assert [text[word.start : word.end] for word in say(text, voice).words] == expected


def test_words_far_into_a_text() -> None:
    """Offsets stay right through many sentences and past characters of several bytes."""
    text = "Über 😀 Äpfel, schöne Grüße. " * 400
    spoken = say(text, "de")

    assert {text[word.start : word.end] for word in spoken.words} == {
        "Über",
        "😀",
        "Äpfel",
        "schöne",
        "Grüße",
    }
    assert len(spoken.words) == 2000
    assert all(spoken.ahead)


@pytest.mark.parametrize("voice", ["en-us", "en-gb", "en-us+f2", "en-us+m1"])
def test_times_are_those_of_the_audio(voice: str) -> None:
    """Each word begins within 0.25 s of where forced alignment finds it, half of them within 0.03 s."""
    errors = []
    for text in SENTENCES[:3]:
        spoken = say(text, voice)
        found = alignment.align(alignment.at_16k(spoken.pcm, RATE), text)
        assert [text[word.start : word.end].lower() for word in spoken.words] == [
            word for word, _, _ in found
        ]
        errors += [abs(word.time - start) for word, (_, start, _) in zip(spoken.words, found, strict=True)]

    assert max(errors) < 0.25
    assert sorted(errors)[len(errors) // 2] < 0.03


@pytest.mark.parametrize("voice", ["en-us", "en-gb", "en-us+f2", *CHARACTERS.values()])
def test_audio_fits_its_own_text(voice: str) -> None:
    """Speech fits its own text, and no other: the check on which other tests rely."""
    for text, other in zip(SENTENCES[:2], SENTENCES[2:], strict=False):
        pcm = alignment.at_16k(say(text, voice).pcm, RATE)

        assert alignment.fit(pcm, text) > alignment.ITS_OWN
        assert alignment.fit(pcm, other) < alignment.ITS_OWN
        with pytest.raises(alignment.AlignmentFailed):
            alignment.align(pcm, other)


def test_a_missing_word_does_not_align() -> None:
    """A text with a sentence more, or one less, than the speech does not fit."""
    pcm = alignment.at_16k(say(SENTENCES[0] + " " + SENTENCES[1]).pcm, RATE)

    assert alignment.fit(pcm, SENTENCES[0] + " " + SENTENCES[1]) > alignment.ITS_OWN
    assert alignment.fit(pcm, SENTENCES[0]) < alignment.ITS_OWN
    assert alignment.fit(pcm, " ".join(SENTENCES[:3])) < alignment.ITS_OWN


def test_silence_does_not_align() -> None:
    """Silence has no words."""
    with pytest.raises(alignment.AlignmentFailed):
        alignment.align(bytes(2 * 16000 * 3), SENTENCES[2])


def test_word_times_in_seconds() -> None:
    """Times are seconds of the job's own audio at any speed, whatever was spoken before."""
    spoken = say("one two three four")

    sound = abs(samples(spoken.pcm))
    for word in spoken.words[1:]:
        at = round(word.time * RATE)
        assert sound[max(0, at - RATE // 10) : at + RATE // 5].max() > 0.05
    assert 0.4 * spoken.seconds < spoken.words[-1].time < spoken.seconds


def test_reader_leaves_out_repeats() -> None:
    """Events inside a number that is read as many words add none, nor do those with an offset one too large."""
    reader = WordReader("1999 😀 end")
    events = [(0, 4), (1, 4), (1, 4), (5, 1), (6, 1), (7, 3)]

    words = [reader.read(offset, length, float(time)) for time, (offset, length) in enumerate(events)]

    assert [(word.start, word.end, word.time) for word in words if word] == [
        (0, 4, 0.0),
        (5, 6, 3.0),
        (7, 10, 5.0),
    ]
