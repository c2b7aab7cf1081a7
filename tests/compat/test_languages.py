"""Tests of languages, in every form that clients send."""

from __future__ import annotations

import json
import re

import langcodes
import pytest

from compat.openai import languages, speech
from engines.errors import BadInput
from engines.languages import read_language


@pytest.mark.parametrize(
    ("given", "code"),
    [("en", "en"), ("EN", "en"), ("en-US", "en"), ("en_GB", "en"), ("eng", "en"), ("english", "en"), ("ger", "de"), ("deu", "de"),
     ("zh-Hant-TW", "zh"), ("mandarin", "zh"), ("haitian creole", "ht"), ("yue", "yue"), ("jw", "jv")],
)  # fmt: skip
def test_forms(given: str, code: str) -> None:
    """Codes of two and three letters, tags with regions, and names are all parsed to the language."""
    assert languages.to_code(given) == code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        *[("nb", "no"), ("nb-NO", "no"), ("iw", "he"), ("iw_IL", "he"), ("in", "id"), ("ji", "yi"), ("fil", "tl"), ("cmn", "zh")],
        *[("jp", "ja"), ("cn", "zh"), ("ua", "uk"), ("cz", "cs"), ("dk", "da"), ("gr", "el"), ("sh", "sr"), ("by", "be"), ("ge", "ka")],
        *[("vn", "vi"), ("at", "de"), ("mx", "es"), ("gb", "en"), ("zlm", "ms"), ("mo", "ro"), ("zh_CN.UTF-8", "zh"), ("cmn-Hans-CN", "zh")],
        *[("norsk", "no"), ("Norwegian Bokmål", "no"), ("bahasa indonesia", "id"), ("serbo-croatian", "sr"), ("suomi", "fi"), ("українська", "uk")],
    ],
)  # fmt: skip
def test_old_codes_countries_and_names(given: str, code: str) -> None:
    """Codes that were replaced, countries' codes that are no language's, and languages' own names are read."""
    assert languages.to_code(given) == code


def test_every_code_of_iso_639_2() -> None:
    """Each of Whisper's languages is read by its three-letter codes, both where it has two."""
    for code in languages.NAMES:
        language = langcodes.Language.get(code)
        for variant in ("T", "B"):
            assert languages.to_code(language.to_alpha3(variant=variant)) == code


@pytest.mark.parametrize(
    ("given", "advice"),
    [("se", "Swedish that is 'sv'"), ("germn", "German that is 'de'"), ("eo", "'pt-BR'"), ("qz", "leave it out")],
)  # fmt: skip
def test_what_to_write(given: str, advice: str) -> None:
    """The error says what to write: the language that a country's code or a misspelt name seems to mean."""
    with pytest.raises(BadInput, match=re.escape(advice)):
        languages.to_code(given)


def spoken_language(given: str) -> str | None:
    """Return the language of a request to speak that gives it so."""
    body = {"model": "tts-1", "input": "x", "voice": "alloy", "language": given}
    bounds = speech.Bounds(input_characters=100, instructions_characters=100, strict=False)
    return speech.parse(json.dumps(body).encode(), bounds).language


@pytest.mark.parametrize(
    ("given", "code", "tag"),
    [
        *[("Chinese (Simplified)", "zh", "zh-Hans"), ("Simplified Chinese", "zh", "zh-Hans"), ("Chinese, Traditional", "zh", "zh-Hant")],
        *[("Portuguese (Brazil)", "pt", "pt-BR"), ("Portuguese - Brazil", "pt", "pt-BR"), ("English (US)", "en", "en-US"), ("English/UK", "en", "en-GB")],
        *[("Spanish (Latin America)", "es", "es-419"), ("Mexican Spanish", "es", "es-MX"), ("Norwegian (Bokmål)", "no", "nb"), ("German / Deutsch", "de", "de")],
        *[("bokmal", "no", "nb"), ("eesti", "et", "et"), ("íslenska", "is", "is"), ("islenska", "is", "is"), ("हिंदी", "hi", "hi"), ("Français", "fr", "fr")],
        *[("shqip", "sq", "sq"), ("粤语", "yue", "yue"), ("ქართული", "ka", "ka"), ("বাংলা", "bn", "bn"), ("اردو", "ur", "ur")],
        *[("kr", "ko", "ko"), ("arz", "ar", "ar"), ("apc", "ar", "ar"), ("zh-yue", "yue", "yue"), ("zh_yue", "yue", "yue")],
        *[("de_DE@euro", "de", "de-DE"), ("en_US_POSIX", "en", "en-US"), ("pt_BR.UTF-8@x", "pt", "pt-BR")],
        *[("en-US,en", "en", "en-US"), ("de-DE,de;q=0.9", "de", "de-DE")],
    ],
)  # fmt: skip
def test_names_with_places_and_own_names(given: str, code: str, tag: str) -> None:
    """Names with a script or a place, languages' names in themselves, with or without accents, locales and
    browsers' lists mean the same where a recording is heard and where a text is spoken.
    """
    assert languages.to_code(given) == code
    assert read_language(given) == tag
    assert spoken_language(given) == tag


@pytest.mark.parametrize(
    "given",
    [*["", " ", "auto", "AUTO", "None", "und", "detect", "auto-detect", "autodetect", "Auto Detect", "multi", "Multilingual"],
     *["any", "default", "C", "POSIX", "C.UTF-8", "en,de", "german, english"]],
)  # fmt: skip
def test_unset(given: str) -> None:
    """Empty, `auto` and its like, and several languages mean that the language is to be detected."""
    assert languages.to_code(given) is None
    assert spoken_language(given) is None


@pytest.mark.parametrize("given", ["xx", "klingon", "e", "english-ish!", "x" * 1000])
def test_unknown(given: str) -> None:
    """An unknown language is OpenAI's own error, and is not repeated at length."""
    with pytest.raises(BadInput) as caught:
        languages.to_code(given)

    assert (caught.value.param, caught.value.code) == ("language", "invalid_language_format")
    assert len(caught.value.message) < 200


def test_names() -> None:
    """Every code has a lower-case English name, which leads back to it."""
    assert languages.to_name("en") == "english"
    assert languages.to_name("ht") == "haitian creole"
    assert len(languages.NAMES) == 100
    for code, name in languages.NAMES.items():
        assert name == name.lower()
        assert languages.to_code(name) == code
