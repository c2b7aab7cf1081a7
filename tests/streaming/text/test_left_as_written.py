"""Tests of what looks like a quantity, a mark or a date and is none: it is left, or said for what it is."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from engines.api.offsets import Rewriting
from streaming.text.spoken import spoken_text


def rewritten(text: str, language: str) -> Rewriting:
    """Return a text as it is spoken, with the way back."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, language)
    return rewriting


def spoken(text: str, language: str) -> str:
    """Return what is spoken of a text, with single spaces."""
    return " ".join(rewritten(text, language).text.split(" ")).replace("  ", " ").strip()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "It was 1. The next day he left. At 5. Then we left. He is No one, I think."),
        ("en", "MIX, CIVIL, DIM, LIVID, CD, XL, LIV Golf and LIV Tyler."),
        ("en", "ISO 9001:2015, port 80:8080, 4K videos, 8K screens, 5W-30 oil, a Sat-Nav."),
        ("en", "w/e, w/r/t, W/L, on 5/6, SELECT * FROM t WHERE a = 5"),
        ("en", "3f2504e0-4f89-11d3-9a0c-0305e82c3301 and abc-12e4-x"),
        ("en", "Boeing 737-800, B-52, Covid-19, a well-known 20-year-old, 9-year-olds, RTX 4090, H2O, mp3."),
        ("en", "J. R. R. Tolkien, Louis XIV, Plan B, Vitamin C, 1984, the 1990s, '90s."),
        ("de", "Ich nehme die 5. Danach die 7. Dann gehen wir. Ab 5. Das gilt."),
        ("es", "l*s chic*s, tod*s"),
        ("sv", "VI SES I MORGON. DET VET VI."),
        ("zh", "歼-20和东风-41，长征-5号。"),
        ("ja", "こだま-5です。"),
        ("pl", "Ok. Dobrze. K/D."),
        ("ru", "5 г. Потом 3 с. 10."),
    ],
)
def test_what_is_no_quantity_stays(language: str, text: str) -> None:
    """Words, names, types, results and codes that resemble figures reach the engine as they are written."""
    assert spoken(text, language) == text


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "He made $5m and £5m.", "He made 5 million dollars and 5 million pounds."),
        ("en", "from $5M-$10M, £3-4", "from 5 million dollars to 10 million dollars, 3 to 4 pounds"),
        ("pt", "R$ 10-20", "10 a 20 reais"),
        ("en", "E = mc^2, km^2, e^-x, 5'-10\"", "E = mc squared, km squared, e to the power of minus x, 5 feet 10 inches"),
        ("en", "I <3 you! For values <3 years. Love <3", "I red heart you! For values less than 3 years. Love red heart"),
        ("en", "Ratio 16:9, Romans 8:28-30, pages 3-5, B/c I said", "Ratio 16 to 9, Romans 8:28 to 30, pages 3 to 5, because I said"),
        ("en", "a 5* hotel", "a 5 star hotel"),
        ("de", "ein 4*-Hotel, S. 3-5, von 8-10", "ein 4 Sterne-Hotel, Seite 3 bis 5, von 8 bis 10"),
        ("sv", "klockan 9-17, Karl VI", "klockan 9 till 17, Karl den sjätte"),
        ("ko", "3-5일", "3에서 5일"),
        ("en", "½ tsp salt, 1/2 lb. of it, 1 1/2 tbsp", "one half teaspoon salt, one half pound of it, 1 and a half tablespoons"),
        ("pl", "½ kg", "½ kilograma"),
        ("pt", "(11) 98765-4321, CPF 123.456.789-00", "1 1, 9 8 7 6 5, 4 3 2 1, CPF 1 2 3, 4 5 6, 7 8 9, 0 0"),
        ("ru", "90-е годы, 20-е место, 7-ми, 5-ти", "девяностые годы, двадцатое место, семи, пяти"),
        ("ru", "глава IV, группа V, части II и III, Пётр I", "глава 4, группа 5, части 2 и 3, Пётр первый"),
        ("pl", "rozdz. IV, tom II, Jan III", "rozdział 4, tom 2, Jan trzeci"),
        ("zh", "气温-5度，从-5到5", "气温 负 5度，从 负 5到5"),
        ("en", "Super Bowl LIV", "Super Bowl 54"),
    ],
)  # fmt: skip
def test_what_is_one_is_said_as_such(language: str, text: str, expected: str) -> None:
    """Amounts, powers, ranges, stars, fractions of units and sections are said, in a form that fits."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "Wir treffen uns am 5. Das passt.", "Wir treffen uns am fünften. Das passt."),
        (
            "de",
            "Das kostet 5 Mio. Er zahlt 5 Mio. Euro.",
            "Das kostet 5 Millionen. Er zahlt 5 Millionen Euro.",
        ),
        ("de", "Am 5. Mai in der 5. Klasse.", "Am fünften Mai in der fünften Klasse."),
        ("nl", "Het kost 5 mln. Dan 5 mln. Nederlanders.", "Het kost 5 miljoen. Dan 5 miljoen Nederlanders."),
        ("pl", "W 1999 r. Potem. W 1999 r. Jan.", "W 1999 roku. Potem. W 1999 roku Jan."),
        (
            "ru",
            "Это 5 млн. Потом он ушёл. В 2005 г. Москва.",
            "Это 5 миллионов. Потом он ушёл. В 2005 году Москва.",
        ),
    ],
)
def test_sentences_still_end_behind_what_is_written_out(language: str, text: str, expected: str) -> None:
    """Where the next word only begins sentences, the dot of a number or an abbreviation stays one."""
    assert spoken(text, language) == expected


WORDS = ["house", "river", "Anna", "the", "and", "quickly", "Haus", "Garten", "maison", "reka", "ciudad"]
BETWEEN = st.sampled_from([" ", ", ", ". ", "! ", "? ", "; ", " (", ") ", "\n", " — "])
FIGURES = [
    "5",
    "3-5",
    "5 km",
    "§ 5",
    "$5m",
    "5*",
    "*so*",
    "XIV",
    "12:30",
    "2^8",
    "5. Mai",
    "1/2",
    "№ 5",
    "<3",
    "3:1",
]


@given(
    st.lists(st.tuples(st.sampled_from(WORDS), BETWEEN), max_size=20),
    st.sampled_from(["en", "de", "fr", "es", "it", "nl", "sv", "pl", "pt", "cs", "ru"]),
)
def test_plain_words_stay(parts: list[tuple[str, str]], language: str) -> None:
    """A text of nothing but words and punctuation is spoken with the same words."""
    text = "".join(f"{word}{mark}" for word, mark in parts)

    assert regex.findall(r"\p{L}+", spoken(text, language)) == regex.findall(r"\p{L}+", text)


@given(
    st.lists(st.sampled_from([*WORDS, *FIGURES]), max_size=20),
    st.sampled_from(["en", "de", "fr", "es", "it", "nl", "sv", "pl", "pt", "ru", "ja", "zh"]),
)
def test_no_word_beside_figures_vanishes(parts: list[str], language: str) -> None:
    """Long words beside any figures all remain, in order, and each place leads back in order."""
    text = " ".join(parts)
    rewriting = rewritten(text, language)
    long = [word for word in WORDS if len(word) > len("the")]
    kept = regex.findall(r"\p{L}+", rewriting.text)

    assert [word for word in kept if word in long] == [word for word in parts if word in long]
    origins = [rewriting.original(place, place + 1) for place in range(len(rewriting.text))]
    assert origins == sorted(origins)
