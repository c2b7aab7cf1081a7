"""Tests over HTTP of what is spoken: two spellings of one text sound alike, and nothing of it is lost.

eSpeak NG speaks; durations are those of its PCM.
"""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from servers import Server

SECOND = 48_000
"""bytes of PCM"""


def answer(server: Server, text: str, **fields: Any) -> httpx2.Response:
    """Return the answer to a request to speak as PCM."""
    body = {"model": "espeak", "voice": "en-us", "response_format": "pcm", "input": text, **fields}
    return httpx2.post(f"{server.url}/v1/audio/speech", json=body, timeout=120)


def seconds(server: Server, text: str, **fields: Any) -> float:
    """Return how long a text is spoken."""
    response = answer(server, text, **fields)
    assert response.status_code == 200, response.text
    return len(response.content) / SECOND


@pytest.mark.parametrize(
    ("odd", "usual", "voice"),
    [
        ("The cafe\u0301 is open.", "The café is open.", "en-us"),
        ("man\u0303ana", "mañana", "es"),
        ("It wasn\u02bct. Don\uff07t.", "It wasn't. Don't.", "en-us"),
        ("It wasn`t. Don`t.", "It wasn't. Don't.", "en-us"),
        ("１２３ ＡＢＣ", "123 ABC", "en-us"),
        ("１２３", "123", "ja"),
        ("In ١٩٩٠ it began", "In 1990 it began", "en-us"),
        ("Hel\u2060lo there", "Hello there", "en-us"),
        ("10\u202f000 Euro", "10 000 Euro", "de"),
        ("10\u00a0000 euros", "10 000 euros", "fr-fr"),
        ("❤\ufe0f", "❤", "en-us"),
        ("5 > 3", "5 greater than 3", "en-us"),
        ("It made $5.3 billion.", "It made five point three billion dollars.", "en-us"),
        ("I met Dr. Smith today.", "I met Doctor Smith today.", "en-us"),
        ("Am 24. Dezember um neun.", "Am vierundzwanzigsten Dezember um neun.", "de"),
        ("The quick brown\nfox jumps over\nthe lazy dog.", "The quick brown fox jumps over the lazy dog.", "en-us"),
    ],
)  # fmt: skip
def test_two_spellings_sound_alike(server: Server, odd: str, usual: str, voice: str) -> None:
    """A text in an odd spelling takes as long as in the usual one, to 3 per cent or 50 ms."""
    wanted = seconds(server, usual, voice=voice)

    assert seconds(server, odd, voice=voice) == pytest.approx(wanted, rel=0.03, abs=0.05)


def test_a_list_pauses_between_its_lines(server: Server) -> None:
    """A list on lines takes at least as long as one with commas."""
    lines = seconds(server, "There are four fruits:\nApple\nBanana\nOrange\nPear")

    assert lines >= seconds(server, "There are four fruits: Apple, Banana, Orange, Pear") - 0.05


@pytest.mark.parametrize(("voice", "least"), [("ru", 275), ("de", 340)])
def test_numbers_on_lines_are_all_spoken(server: Server, voice: str, least: float) -> None:
    """1 to 300, one a line, take the time of all of them."""
    assert seconds(server, "\n".join(map(str, range(1, 301))), voice=voice) > least


def test_kana_without_marks_are_spoken_whole(server: Server) -> None:
    """259 kana without a mark take seven times as long as 37 of them, but for the pauses."""
    sentence = "わたしはがくせいですからまいにちがっこうへいってともだちとべんきょうします"

    assert seconds(server, sentence * 7, voice="ja") > 7 * (seconds(server, sentence, voice="ja") - 0.5)


@pytest.mark.parametrize("language", ["pt_BR", "pt-br", "Portuguese", "por", "brazilian portuguese"])
def test_language_in_any_spelling(server: Server, language: str) -> None:
    """A language is understood as tag, old code or name, and not ignored."""
    response = answer(server, "um dois três", language=language)

    assert response.status_code == 200
    assert "language" not in response.headers.get("x-voicebox-ignored", "")
    assert response.headers["x-voicebox-language"].startswith("pt")


@pytest.mark.parametrize("language", ["german", "deu", "iw", "jp", "cmn", "nb-NO"])
def test_old_codes_and_names_of_languages(server: Server, language: str) -> None:
    """Codes that are outdated or no codes at all, and names, mean the language that people mean by them."""
    response = answer(server, "1 2 3", language=language)

    assert "language" not in response.headers.get("x-voicebox-ignored", "")


@pytest.mark.parametrize(
    ("voice", "same"),
    [
        ("de-DE", "de"),
        ("ja-JP", "ja"),
        ("zh-CN", "cmn"),
        ("nb-NO", "nb"),
        ("pt_PT", "pt"),
        ("fr_FR", "fr-fr"),
    ],
)
def test_voices_by_tags_of_languages(server: Server, voice: str, same: str) -> None:
    """A voice may be named by a tag with a region, in any spelling."""
    response = answer(server, "1 2 3", voice=voice)

    assert response.status_code == 200, response.text
    assert len(response.content) == pytest.approx(len(answer(server, "1 2 3", voice=same).content), rel=0.03)


@pytest.mark.parametrize("voice", ["xx-YY", "qq", "english-ish"])
def test_no_voice_by_what_is_no_language(server: Server, voice: str) -> None:
    """What is no tag of a language stays an unknown voice."""
    assert answer(server, "1", voice=voice).status_code == 400


def test_markdown_and_html_are_read_when_asked_for(server: Server) -> None:
    """`text_format` leaves marks and tags out; without it they are read as they are."""
    text = "# Results\n\n**Bold** and [the manual](https://example.org/a/b?c=d)"
    usual = seconds(server, "Results.\n\nBold and the manual")

    assert seconds(server, text, text_format="markdown") == pytest.approx(usual, abs=0.3)
    assert seconds(server, "<p>Hello</p>", text_format="html") == pytest.approx(
        seconds(server, "Hello"), abs=0.3
    )
    assert seconds(server, text) > usual + 2
    assert "x-voicebox-ignored" not in answer(server, text, text_format="markdown").headers


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("html", "<style>" + "the and of is are {} " * 1500 + "</style><p>Guten Tag, wie geht es Ihnen heute?</p>"),
        ("markdown", "```\n" + "for the one and only of this: pass\n" * 100 + "```\n\nGuten Tag, wie geht es Ihnen heute?"),
        ("plain", "<p class='the one and only that is of this'>Guten Tag, wie geht es Ihnen heute?</p>"),
    ],
)  # fmt: skip
def test_the_language_is_that_of_what_is_read(server: Server, form: str, text: str) -> None:
    """The language is found in what is spoken, not in tags, styles and code; what is asked for goes before."""
    found = answer(server, text, model="tts-1", voice="alloy", text_format=form)

    assert found.headers["x-voicebox-language"] == "de"
    asked = answer(server, text, model="tts-1", voice="alloy", text_format=form, language="en")
    assert asked.headers["x-voicebox-language"] == "en"


def test_a_wrong_form_is_refused(server: Server) -> None:
    """An unknown form is an error that names the field; so is a page with nothing on it."""
    refused = answer(server, "x", text_format="rtf")
    assert refused.status_code == 400
    assert "text_format" in refused.text
    assert answer(server, "<br>", text_format="html").status_code == 400


@pytest.mark.parametrize(
    ("text", "voice", "told"),
    [
        ("今日は良い天気です。", "ja", "input in Han"),
        ("きょうはよいてんきです。", "ja", None),
        ("Hello 你好", "en-us", "input in Han"),
        ("你好", "cmn", None),
        ("Привет", "de", "input in Cyrillic"),
        ("Привет", "ru", None),
        ("Ωμέγα", "el", None),
        ("안녕 नमस्ते", "en-us", None),
    ],
)
def test_a_script_that_is_only_spelled_is_told(
    server: Server, text: str, voice: str, told: str | None
) -> None:
    """Letters that a voice names instead of reading them are told in x-voicebox-ignored, and no others."""
    assert answer(server, text, voice=voice).headers.get("x-voicebox-ignored") == told


def test_a_profile_may_say_what_its_texts_are_written_in(server: Server) -> None:
    """A voice's own form is used where a request names none, and goes with the voice's other fields."""
    fields = {"name": "Reader", "voice_type": "preset", "preset_engine": "espeak", "preset_voice_id": "en-us"}
    profiles = f"{server.url}/v1/voicebox/profiles"
    made = httpx2.post(profiles, json={**fields, "text_format": "html"}, timeout=60).json()
    try:
        assert made["text_format"] == "html"
        hello = seconds(server, "<p>Hello</p>", voice="Reader", text_format="plain")
        assert seconds(server, "<p>Hello</p>", voice="Reader") < hello - 0.3
    finally:
        httpx2.delete(f"{profiles}/{made['id']}", timeout=60)
