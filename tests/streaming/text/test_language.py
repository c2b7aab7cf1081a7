"""Tests of finding the language of a text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.quality.corpus import harvard_lists
from streaming.text.language import detect_language
from streaming.text.scripts import letters_by_script, main_script, other_letters

SHORT_ENGLISH = (
    "Hello.|OK|Good morning.|Timer set for 5 minutes.|It's 72 degrees.|Change the base URL, nothing else.|"
    "GPT-4o mini|Nova|Alarm!|No.|Paris|San Francisco, California|kubectl apply|The café résumé naïve|"
    "Que sera, sera, as the song says.|Welcome home, Jürgen.|Xochitl and Grzegorz met in Kraków.|a|1 2 3|"
    "It costs £20 or €25.|It costs 5 zł.|On 29.11.2026 we met.|We met on 3.4.|"
    "Flight KL 1234 to Schiphol.|π = 3.14|"
    "Hel\xadlo wor\xadld|Ｆｕｌｌｗｉｄｔｈ ｔｅｘｔ ｉｓ ｒｅａｄ|cafe\u0301 nai\u0308ve re\u0301sume\u0301 of the chef|"
    "MAIN STREET|pip install openai|Good night Jürgen Müller|test|...|🎉|https://example.org/de"
)
"""what people have spoken that a detector by itself takes for other languages: short, capitals, names, loan words"""


def test_english_is_english() -> None:
    """The 720 Harvard sentences, and short lines, names, codes and signs, are all taken for English."""
    texts = [*(sentence for one in harvard_lists() for sentence in one), *SHORT_ENGLISH.split("|")]

    assert {text: found for text in texts if (found := detect_language(text)) != "en"} == {}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Guten Tag, wie geht es Ihnen heute?"),
        ("de", "ALLE MENSCHEN SIND FREI UND GLEICH GEBOREN"),
        ("fr", "Bonjour, comment allez-vous ?"),
        ("es", "La luz de la cocina está encendida."),
        ("es", "¿Dónde está?"),
        ("es", "¡Hola!"),
        ("de", "Es ist 5 Uhr, und ich möchte einen Kaffee."),
        ("it", "La luce della cucina è accesa."),
        ("pt", "Bom dia, como vai você?"),
        ("nl", "Het licht in de keuken is aan."),
        ("pl", "Światło w kuchni jest włączone."),
        ("tr", "Günaydın, nasılsınız?"),
        ("vi", "Xin chào, bạn có khỏe không?"),
        ("fi", "Hyvää huomenta, mitä kuuluu?"),
        ("ru", "Доброе утро, как дела?"),
        ("uk", "Добрий ранок, як справи? Дякую за їжу."),
        ("zh", "早上好,你好吗?"),
        ("zh", "Hello 你好世界"),
        ("ja", "日本語のテキストです。"),
        ("ko", "안녕하세요"),
        ("ar", "صباح الخير، كيف حالك؟"),
        ("fa", "سلام، حال شما چطور است؟ خیلی خوبم"),
        ("el", "Καλημέρα"),
        ("he", "בוקר טוב"),
        ("hi", "नमस्ते, आप कैसे हैं?"),
        ("th", "สวัสดีตอนเช้า"),
        ("ka", "დილა მშვიდობისა"),
    ],
)
def test_other_languages_are_found(language: str, text: str) -> None:
    """A sentence in another language is recognised, in capitals too; its script decides where it can."""
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ja", "東京は25度です。"),
        ("ja", "きょうは25どです。"),
        ("ja", "予約は３時です。"),
        ("ja", "詳しくはhttps://example.com/a?b=1をご覧ください。"),
        ("ja", "連絡はanna@example.comまで。"),
        ("zh", "今天25度。"),
        ("zh", "我有3个iPhone15。"),
        ("th", "ราคา25บาทครับ"),
        ("lo", "ລາຄາ25ບາດ"),
        ("km", "តម្លៃ25ដុល្លារ"),
        ("my", "ဈေးနှုန်း25ကျပ်"),
        ("ko", "25도입니다."),
        ("ru", "Вес:10кг"),
        ("ar", "عندي٢٥كتابا"),
        ("en", "5Ω 10Ω 3μF"),
        ("en", "https://пример.рф/путь1"),
        ("en", "۲۵"),
    ],
)
def test_numbers_links_and_codes_hide_no_sentence_that_is_written_without_spaces(
    language: str, text: str
) -> None:
    """A sentence without spaces is in its language, whatever number, link or code stands within it; one of
    signs and codes alone is in none.
    """
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "<p class='the first and only one'>Guten&nbsp;Tag, wie geht es <b>Ihnen</b> heute?</p>"),
        ("fr", "<div><span style='color: red'>Bonjour, comment allez-vous ?</span></div>"),
        ("de", "Das [Handbuch](https://example.org/the/manual/of/this/and/that) liegt auf dem Tisch."),
        ("en", "<p lang=de>Hello there, how are you today?</p>"),
        ("en", "<ul><li>Nova</li></ul>"),
    ],
)
def test_marks_are_in_no_language(language: str, text: str) -> None:
    """Tags, entities and addresses say nothing of the language of a text, however it is to be read."""
    assert detect_language(text) == language


def test_a_script_that_is_not_the_main_one_is_counted() -> None:
    """The letters of each script are counted, and the main one is that of most of the text."""
    text = "Look at Привет here, please."

    assert letters_by_script(text) == {"Latin": 16, "Cyrillic": 6}
    assert (main := main_script(text)) and main.name == "Latin"
    assert main_script("123 …") is None


@pytest.mark.parametrize("text", ["ⴰⵣⵓⵍ", "ᠮᠣᠩᠭᠣᠯ", "ꦗꦮ", "ᚠᚢᚦ", "𒀀𒁀", "ℵ", "ⲁⲃ", "ㄅㄆ", "ꀀ", "𐌰"])
def test_letters_of_further_scripts_are_counted(text: str) -> None:
    """Letters of scripts that are not known are counted apart, and make no language of a text."""
    letters = sum(map(str.isalpha, text))
    assert other_letters(text) == letters > 0
    assert other_letters(f"Hello Привет 你好 {text} {text}") == 2 * letters
    assert letters_by_script(f"Hello {text}") == {"Latin": 5}
    assert detect_language(text) == "en"


@pytest.mark.parametrize(
    "text", ["Hello, naïve 123 $ 😀", "𝐛𝐨𝐥𝐝 𝛂", "5 µm, 3 Ω, Å", "ªº ⅷ ⓐ ʰ ʼ", "々ー〇ｱ", "ﷲ", "Ꮳ", "ﬁ", ""]
)
def test_letters_of_known_scripts_are_no_others(text: str) -> None:
    """Letters of known scripts, signs of formulas and what modifies letters are none of further scripts."""
    assert other_letters(text) == 0


@settings(deadline=None)
@given(st.text(max_size=3000))
def test_any_text_has_a_language(text: str) -> None:
    """Whatever a text is, a code of two or three letters is returned."""
    found = detect_language(text)

    assert found.isascii() and found.isalpha() and 2 <= len(found) <= 3
