"""Tests of marks, which are signs to an engine and no words, and of engines that take little text at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cloning_server import WORD_SECONDS, call, json_of, pcm, refused, seconds, speak
from servers import Server, running
from tones import word_frequencies

MIMIC, TONE = "mimic/low", "tone/tone-3"
FAKES = {"mimic": {"enabled": True}, "tone": {"enabled": True}}
LOW, LAUGH = 400.0, 800.0
"""the frequencies of mimic's preset `low`, and of its laugh, in Hertz"""
NEAR = 0.03
LONGEST = 40
"""characters that the limited engine takes at once"""


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a gateway with both fake engines beside the embedded ones."""
    with running(tmp_path_factory.mktemp("fakes"), {"engines": FAKES}) as started:
        yield started


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a gateway whose cloner refuses what is longer than forty characters."""
    options = {"longest_text": LONGEST}
    config = {"engines": {"mimic": {"enabled": True, "options": options}, "tone": {"enabled": True}}}
    with running(tmp_path_factory.mktemp("limited"), config) as started:
        yield started


def laughs(server: Server, text: str, **fields: Any) -> list[bool]:
    """Return for each word that is heard whether it is a laugh."""
    found = word_frequencies(pcm(server, MIMIC, text, **fields))
    return [hertz == pytest.approx(LAUGH, rel=NEAR) for hertz in found]


def count(server: Server, voice: str, text: str) -> int:
    """Return how many words a voice says."""
    return round(seconds(pcm(server, voice, text)) / WORD_SECONDS)


@pytest.mark.parametrize(
    "text", ["One [laugh] two.", "<p>One <b>[laugh]</b> two.</p>", "*One* [laugh] `two`."]
)
def test_marks_reach_the_engine_that_knows_them(fakes: Server, text: str) -> None:
    """A mark arrives as it is written, whatever form the text is in."""
    form = {"<": "html", "*": "markdown"}.get(text[0], "plain")

    assert laughs(fakes, text, text_format=form) == [False, True, False]


def test_marks_are_no_words_to_a_dictionary(fakes: Server) -> None:
    """A pronunciation of the word in a mark leaves the mark whole."""
    entries = [{"word": "laugh", "respelling": "giggle a lot"}]
    json_of(call(fakes, "PUT", "/voicebox/pronunciations", json={"pronunciations": entries}))
    try:
        assert laughs(fakes, "I [laugh] laugh") == [False, True, False, False, False]
    finally:
        json_of(call(fakes, "PUT", "/voicebox/pronunciations", json={"pronunciations": []}))


@pytest.mark.parametrize("voice", [TONE, "alloy"])
@pytest.mark.parametrize(
    ("marked", "plain", "names"),
    [
        ("Well [laugh] yes.", "Well yes.", "input mark [laugh]"),
        (
            "[S1] Well. [S2] Yes (laughs).",
            "Well. Yes.",
            "input mark [S1], input mark [S2], input mark (laughs)",
        ),
        ("[laughs] Well yes.", "Well yes.", "input mark [laughs]"),
        ("Well [yes](/jɛs/).", "Well yes.", "input mark [yes]"),
    ],
)
def test_marks_of_other_engines_are_taken_out(
    fakes: Server, voice: str, marked: str, plain: str, names: str
) -> None:
    """Where the engine does not know a mark that another one knows, it is not read, and named."""
    answer = speak(fakes, voice, marked)

    assert answer.status_code == 200
    assert answer.headers["x-voicebox-ignored"].startswith(names)
    sounds = pcm(fakes, voice, marked), pcm(fakes, voice, plain)
    if voice == TONE:
        assert sounds[0] == sounds[1]
    assert len(sounds[0]) == pytest.approx(len(sounds[1]), rel=0.05)


def test_brackets_that_no_engine_knows_are_text(fakes: Server) -> None:
    """What only looks like a mark is read as it always was."""
    answer = speak(fakes, TONE, "Well (indeed) [sic] yes.")

    assert "x-voicebox-ignored" not in answer.headers
    assert count(fakes, TONE, "Well (indeed) [sic] yes.") == 4


def test_links_are_no_marks(fakes: Server) -> None:
    """The path of a link is no phonemes: what Markdown says of links holds."""
    text = "See the [guide](/docs/) now."
    answer = speak(fakes, TONE, text, text_format="markdown")

    assert "x-voicebox-ignored" not in answer.headers
    assert answer.content == pcm(fakes, TONE, "See the guide now.")


def test_what_is_not_honoured_may_be_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where the settings say so, marks and settings of other engines are refused, and the field is named."""
    config = {"engines": FAKES, "compat": {"unsupported": "refuse"}}
    with running(tmp_path_factory.mktemp("strict"), config) as server:
        refused(speak(server, TONE, "Well (laughs)."), 400, "input", "unsupported_value")
        refused(
            speak(server, TONE, settings={"temperature": 1}), 400, "settings.temperature", "unsupported_value"
        )


def test_a_text_of_marks_only(fakes: Server) -> None:
    """An engine that knows the mark makes its sound; for another nothing is left, which is a short silence."""
    assert laughs(fakes, "[laugh]") == [True]
    assert 0 < seconds(pcm(fakes, TONE, "[laugh]")) < 1


def test_no_mark_is_cut_nor_lost(limited: Server) -> None:
    """However a text with marks is cut for an engine that takes little, each mark comes through whole."""
    text = "[laugh]word" * 3 + " [laugh] " * 30 + "and so on and on [laugh] to the end. " * 4
    heard = laughs(limited, text)

    assert sum(heard) == 30 + 4
    assert len(heard) == len(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "A sentence of some words. " * 12,
        "word, " * 60,
        "Donaudampfschifffahrtsgesellschaftskapitaen " * 5,
        "x" * 500,
        "......... " * 30 + "end",
        "你好世界" * 50,
    ],
)
def test_no_job_is_longer_than_the_engine_takes(limited: Server, text: str) -> None:
    """A text of any kind is cut as short as its engine takes it, without a word being lost."""
    answer = speak(limited, MIMIC, text)

    assert answer.status_code == 200, answer.text
    assert count(limited, MIMIC, text) >= len(text.split())


def test_a_text_that_pronunciations_make_longer_still_fits(limited: Server) -> None:
    """It counts what the engine gets: the text with its pronunciations."""
    entries = [{"word": "SQL", "respelling": "structured query language"}]
    json_of(call(limited, "PUT", "/voicebox/pronunciations", json={"pronunciations": entries}))
    try:
        assert count(limited, MIMIC, "SQL and " * 20) == 4 * 20
    finally:
        json_of(call(limited, "PUT", "/voicebox/pronunciations", json={"pronunciations": []}))


def test_seconds_limit_a_segment(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An engine that makes few seconds at once gets texts that take no longer, by an estimate."""
    config = {"engines": {"mimic": {"enabled": True, "options": {"longest_seconds": 3.0}}}}
    with running(tmp_path_factory.mktemp("seconds"), config) as server:
        assert count(server, MIMIC, "A sentence of some words. " * 12) == 5 * 12
