"""Tests of signs, a minus, amounts of money and thousands in what is spoken of a text."""

from __future__ import annotations

import pytest

from engines.api.offsets import Rewriting
from streaming.text.spoken import spoken_text


def spoken(text: str, language: str = "en") -> str:
    """Return what is spoken of a text, with single spaces."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, language)
    return " ".join(rewriting.text.split(" ")).replace("  ", " ").strip()


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "5×3 ≈ 15, 21 °C, № 5, $5.3, €29,99, 29,99 €, 1,2 Mio. €, £3.50.", "5 mal 3 ungefähr 15, 21 Grad Celsius, Nummer 5, 5,3 Dollar, 29,99 Euro, 29,99 Euro, 1,2 Millionen Euro, 3,50 Pfund."),
        ("fr", "5 = 5, €29,99, $5.30, ½, @", "5 égale 5, 29,99 euros, 5,30 dollars, ½, @"),
        ("es", "½ kilo, $5.30, 5 ÷ 2", "medio kilo, 5,30 dólares, 5 entre 2"),
        ("ru", "№ 5, ½, 500 ₽, ±5", "номер 5, одна вторая, 500 рублей, плюс-минус 5"),
        ("ja", "¥1200, 5 = 3, 5%", "1200 えん, 5 イコール 3, 5 パーセント"),
        ("cmn", "¥1200, 50%", "1200 元, 百分之50"),
        ("fi", "€5", "5 euroa"),
        ("en", "5 × 3, a | b, 21°C, x ≤ 5, R&D, a/b, C# and a@b.de", "5 times 3, a vertical bar b, 21 degrees Celsius, x less than or equal to 5, R&D, a/b, C# and a@b.de"),
        ("en", "| a | b |\n| 1 | 2 |", "| a | b |,\n| 1 | 2 |"),
        ("fr", "# Titre\n\n+ un", "Titre.\n\nun"),
        ("qq", "5 > 3", "5 greater than 3"),
    ],
)  # fmt: skip
def test_signs_and_amounts_in_other_languages(language: str, text: str, expected: str) -> None:
    """Signs that are dropped, or said in English, have names in the language, amounts their currency behind."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("fr", "Il fait -5 °C.", "Il fait moins 5 degrés Celsius."),
        ("es", "De −5 a –3, y 7 - 5", "De menos 5 a menos 3, y 7 - 5"),
        ("de", "Es hat –5 Grad. Seiten 5–7, F-15, Nord - Süd", "Es hat minus 5 Grad. Seiten 5 bis 7, F-15, Nord - Süd"),
        ("ru", "Температура -5", "Температура минус 5"),
        ("cmn", "气温是 -5 度，气温-5度，3月-5月，5−3", "气温是 负 5 度，气温 负 5度，3月-5月，5 减 3"),
        ("ja", "気温は−5度", "気温は マイナス 5度"),
        ("en", "-5, (-5), 5 - 3 = 2, 555-1234, 2020-12-24, 5-7", "minus 5, (minus 5), 5 minus 3 = 2, 5 5 5, 1 2 3 4, December 24, 2020, 5 to 7"),
        ("en", "- 5 apples", "- 5 apples"),
    ],
)  # fmt: skip
def test_a_minus_is_said(language: str, text: str, expected: str) -> None:
    """A minus is said before a number and in a calculation; a hyphen and a dash are none."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("pt", "custa R$ 5,30 hoje", "custa 5 reais e 30 hoje"),
        ("pt", "R$ 1.500,00, R$ 5 milhões, R$ 1, R$ 0,50", "1.500 reais, 5 milhões de reais, 1 real, 50 centavos"),
        ("es", "US$ 5, $5 millones, $5 mil", "5 dólares estadounidenses, 5 millones de dólares, 5 mil dólares"),
        ("de", "US$ 5, X$ 5, $HOME", "5 US-Dollar, X$ 5, $HOME"),
        ("de", "$5,3 Milliarden, €5 Mrd., 5 €/Monat", "5,3 Milliarden Dollar, 5 Milliarden Euro, 5 Euro/Monat"),
        ("it", "€5 miliardi", "5 miliardi di euro"),
        ("fr", "5 M€, €3 milliards, $5 millions", "5 millions d'euros, 3 milliards d'euros, 5 millions de dollars"),
        ("ru", "$5 млн, $2, $1, 500 ₽", "5 млн долларов, 2 доллара, 1 доллар, 500 рублей"),
        ("hi", "₹5 करोड़", "5 करोड़ रुपए"),
        ("cmn", "花了$5亿", "花了5亿 美元"),
        ("ja", "$5億", "5億 ドル"),
        ("th", "฿5", "5 บาท"),
        ("vi", "5 ₫", "5 đồng"),
        ("kk", "5 ₸", "5 теңге"),
        ("tr", "₺5", "5 lira"),
        ("en", "It costs $5. $1, $5.99, $1,200.50, $.50 and -$5", "It costs 5 dollars. 1 dollar, 5 dollars and 99 cents, 1,200 dollars and 50 cents, 50 cents and minus 5 dollars"),
        ("en", "US$5.3 billion and A$5 million", "five point three billion US dollars and 5 million Australian dollars"),
        ("en", "a $5 bill, a $5 million deal, $5-10", "a 5 dollar bill, a 5 million dollar deal, 5 to 10 dollars"),
        ("en", "₪5 ฿5 ₿5 ₦5 5€ £0.01", "5 shekels 5 baht 5 bitcoin 5 nairas 5 euros 1 penny"),
    ],
)  # fmt: skip
def test_amounts_of_money(language: str, text: str, expected: str) -> None:
    """The currency is said behind the number and its word of magnitude, the one that is meant, in its form."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("cmn", "今天20℃是", "今天摄氏20 度是"),
        ("ko", "오늘 20℃입니다", "오늘 섭씨 20 도입니다"),
        ("de", "20℃ und 68℉", "20 Grad Celsius und 68 Grad Fahrenheit"),
        ("ja", "さくら～, 10時～12時", "さくら, 10時から12時"),
        ("cmn", "你好～ 3～5 你好~", "你好 3到5 你好"),
        ("ko", "10시～12시 안녕~", "10시에서 12시 안녕"),
        ("en", "if a<b and c>d, i<10, a->b, x<=5", "if a less than b and c greater than d, i less than 10, a right arrow b, x less than or equal to 5"),
        ("en", "List<String>, <a@b.de>, text<b>bold</b>", "List<String>, <a@b.de>, text<b>bold</b>"),
        ("fr", "A → B", "A flèche droite B"),
        ("en", "p ⇒ q, x∈A, ✓ done, ★★", "p implies q, x is an element of A, check mark done, star star"),
        ("cmn", "1/2", "2分之1"),
        ("ja", "1/2", "2ぶんの1"),
        ("de", "am 12/5", "am zwölften Mai"),
    ],
)  # fmt: skip
def test_signs_in_texts(language: str, text: str, expected: str) -> None:
    """Signs are said between letters too, waves only between numbers; tags are no comparisons."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("ru", "10 000 рублей, 12 500, 1 234 567", "10000 рублей, 12500, 1234567"),
        ("cs", "volejte 777 123 456", "volejte 7 7 7, 1 2 3, 4 5 6"),
        ("ru", "+7 900 123 456", "+7, 9 0 0, 1 2 3, 4 5 6"),
        ("en", "10 000 people, 100 200 300, In 2020 300 came", "10000 people, 100 200 300, In 2020 300 came"),
        ("de", "10'000 und 10’000", "10000 und 10000"),
        ("hr", "1.000.000 i 10.000", "1000000 i 10000"),
        ("en", "192.168.100.200", "192 dot 168 dot 100 dot 200"),
    ],
)
def test_thousands_are_joined(language: str, text: str, expected: str) -> None:
    """Thousands that are set apart are one number; lists, telephone numbers and addresses stay."""
    assert spoken(text, language) == expected
