"""Tests of what is spoken of a text: characters, line ends, dots, amounts, signs, emoji, and the way back."""

from __future__ import annotations

import asyncio
import gc
import unicodedata

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import given
from hypothesis import strategies as st

from engines.api.offsets import Rewriting, TooLong, rewrite
from streaming.text.line_ends import marked_line_ends
from streaming.text.markdown_reading import PIECE, _parts, markdown_edits
from streaming.text.names_loading import are_loaded, load_names
from streaming.text.reading_forms import read_form
from streaming.text.segments import sentence_ends
from streaming.text.spoken import spoken_text


def spoken(text: str, language: str = "en", *, emoji: tuple[str, ...] = (), ties: bool = False) -> str:
    """Return what is spoken of a text, with single spaces."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, language, emoji=emoji, ties=ties)
    return " ".join(rewriting.text.split(" ")).replace("  ", " ").strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cafe\u0301 and man\u0303ana", "The café and mañana"),
        ("\u1112\u1161\u11ab", "한"),
        ("１２３ ＡＢＣ", "123 ABC"),
        ("In ١٩٩٠, १९९०, ๑๙๙๐", "In 1990, 1990, 1990"),
        ("10\u00a0000 and 10\u202f000\u202f000", "10000 and 10000000"),
        ("It wasn\u02bct. Don`t. Can\uff07t. Won\u2019t.", "It wasn't. Don't. Can't. Won't."),
        ("`code` stays", "`code` stays"),
        ("Hel\u2060lo fea\u00adture zero\u200bwidth \ufeffmark", "Hello feature zerowidth mark"),
        ("A5\u20117", "A5-7"),
        ("❤\ufe0f", "red heart"),
        ("20℃ and 68℉", "20 degrees Celsius and 68 degrees Fahrenheit"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("ｶﾞｷﾞ ﬁne", "ガギ fine"),
    ],
)
def test_characters_in_their_usual_form(text: str, expected: str) -> None:
    """Engines are given letters composed, plain digits, one apostrophe, and nothing that nobody sees."""
    assert spoken(text) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("It made $5.3 billion.", "en", "It made five point three billion dollars."),
        ("€29,99, $5.3M, $1.2k and £2bn", "en", "29 euros and 99 cents, five point three million dollars, one point two thousand dollars and 2 billion pounds"),
        ("$1,500, but 3/4/2020 stays", "en", "1,500 dollars, but 3/4/2020 stays"),
        ("1/2, 2 3/4 and 2/3", "en", "one half, 2 and three quarters and two thirds"),
        ("5 > 3 and x^2 and <5", "en", "5 greater than 3 and x squared and less than 5"),
        ("5 > 3", "de", "5 größer als 3"),
        ("<b>bold</b> -> x", "en", "<b>bold</b> right arrow x"),
        ("Am 24. Dezember um neun.", "de", "Am vierundzwanzigsten Dezember um neun."),
        ("Im 19. Jahrhundert, der 2. Platz, in der 3. Klasse.", "de", "Im neunzehnten Jahrhundert, der zweite Platz, in der dritten Klasse."),
        ("Das Ergebnis ist 24. Danach ging er.", "de", "Das Ergebnis ist 24. Danach ging er."),
        ("See No. 5.", "en", "See number 5."),
    ],
)  # fmt: skip
def test_amounts_signs_and_ordinals(text: str, language: str, expected: str) -> None:
    """What engines misread is written out; what they read rightly stays."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("text", "language", "tied"),
    [
        ("I met Dr. Smith today. He left.", "en", ["Smith"]),
        ("J. R. R. Tolkien wrote. Then he slept.", "en", ["R", "R", "Tolkien"]),
        ("St. John lives. Ask him.", "en", ["John"]),
        ("А. С. Пушкин писал. Потом он спал.", "ru", ["С", "Пушкин"]),
    ],
)
def test_dots_that_end_no_sentence_are_tied(text: str, language: str, tied: list[str]) -> None:
    """A no-break space stands behind such dots, and behind no other, where an engine asks for that."""
    parts = spoken(text, language, ties=True).split("\u00a0")[1:]

    assert [part.partition(" ")[0].rstrip(".") for part in parts] == tied
    assert "\u00a0" not in spoken(text, language)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("da", "Den 3. maj, f.eks. hos hr. Jensen, ca. 5 km.", "Den tredje maj, for eksempel hos herr Jensen, cirka 5 kilometer."),
        ("nb", "Den 3. mai, bl.a. og osv. Så kom han.", "Den 3. mai, blant annet og og så videre. Så kom han."),
        ("sv", "T.ex. på s. 5 kl. 8.", "Till exempel på sidan 5 klockan 8."),
        ("cs", "Dne 5. května a 31. prosince, např. str. 5.", "Dne pátého května a třicátého prvního prosince, například strana 5."),
        ("sk", "Dňa 21. mája.", "Dňa dvadsiateho prvého mája."),
        ("pl", "Dnia 3. maja, ul. Długa itd. Potem.", "Dnia trzeciego maja, ulica Długa i tak dalej. Potem."),
        ("hr", "Dana 25. svibnja, npr. ovo.", "Dana dvadeset petog svibnja, na primjer ovo."),
        ("sl", "Dne 21. maja.", "Dne enaindvajsetega maja."),
        ("fi", "Tulen 3. toukokuuta, esim. klo. 5.", "Tulen kolmas toukokuuta, esimerkiksi kello 5."),
        ("et", "24. detsembril", "kahekümne neljas detsembril"),
        ("tr", "21. yüzyılda Dr. Ahmet geldi.", "yirmibirinci yüzyılda Doktor Ahmet geldi."),
        ("hu", "Pl. a május 3. napja, stb. Vége.", "Például a május 3. napja, és így tovább. Vége."),
        ("de", "Z. B. Hunde, d.h. Tiere usw. Dann kam Dr. Maier mit 5 Mio. Euro.", "Zum Beispiel Hunde, das heißt Tiere und so weiter. Dann kam Doktor Maier mit 5 Millionen Euro."),
        ("fr", "M. Dupont, p. ex. à la p. 5. M. dit non", "Monsieur Dupont, par exemple à la page 5. M. dit non"),
        ("es", "El Sr. García, p. ej. en EE. UU. y D. Juan.", "El Señor García, por ejemplo en Estados Unidos y Don Juan."),
        ("pt", "O Sr. Silva na pág. 5.", "O Senhor Silva na página 5."),
        ("it", "Ad es. il Sig. Rossi ecc. Poi altro.", "Ad esempio il Signor Rossi eccetera. Poi altro."),
        ("nl", "Bijv. dhr. Jansen, d.w.z. hij enz.", "Bijvoorbeeld de heer Jansen, dat wil zeggen hij enzovoort."),
        ("ru", "Т. е. ул. Ленина, ср. стр. 5 и т. д.", "То есть улица Ленина, сравни страница 5 и так далее."),
        ("ro", "Dl. Popescu pe str. Lungă nr. 5.", "Domnul Popescu pe strada Lungă numărul 5."),
        ("el", "Π.χ. αυτό", "Παραδείγματος χάριν αυτό"),
        ("en", "Dr. Lee Jr., Prof. Fox, Mt. Fuji, Acme Inc. Then Gov. Brown.", "Dr. Lee Junior, Professor Fox, Mount Fuji, Acme Incorporated. Then Governor Brown."),
        ("en", "p. 12, ca. 1900, 221B Baker St., Apt. 4, Main St. in town", "page 12, circa 1900, 221B Baker Street, Apartment 4, Main Street in town"),
        ("de", "Hauptstr. 12, max. 5, im 17. Jh. war, e.V., Str. 5", "Hauptstraße 12, maximal 5, im siebzehnten Jahrhundert war, eingetragener Verein, Straße 5"),
        ("pl", "w 2005 r. był, R. Nowak", "w 2005 roku był, R. Nowak"),
        ("ru", "В 2005 г. Москва, 2005 г.", "В 2005 году Москва, 2005 года."),
        ("nl", "m.b.t. dit, i.v.m. dat", "met betrekking tot dit, in verband met dat"),
        ("it", "Sig.ra Bianchi, Dott.ssa Rossi", "Signora Bianchi, Dottoressa Rossi"),
        ("en", "It is in the file. The word ca. is Latin, and 3. maj is none.", "It is in the file. The word ca. is Latin, and 3. maj is none."),
    ],
)  # fmt: skip
def test_abbreviations_and_days_are_written_out(language: str, text: str, expected: str) -> None:
    """Abbreviations and the numbers of days are said in words, and where they end a sentence it ends there."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("nb", "Den 3. mai kommer han hjem."),
        ("lv", "Viņš nāk 5. maijā uz mājām."),
        ("hu", "A május 3. napja szép volt."),
        ("es", "D. Juan vino a casa."),
        ("ru", "А. С. Пушкин писал стихи."),
        ("en", "J. R. R. Tolkien met Dr. Smith at St. John's."),
        ("pl", "Spotkałem m.in. prof. Nowaka na ul. Długiej."),
        ("fr", "M. Dupont et Mme. Durand sont venus."),
    ],
)
def test_no_sentence_ends_behind_such_a_dot(language: str, text: str) -> None:
    """A text is not cut there."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, language)

    assert list(sentence_ends(rewriting.text, language)) == [len(rewriting.text)]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("I ❤️ you", "en", "I red heart you"),
        ("👍🏽", "en", "thumbs up medium skin tone"),
        ("👨‍👩‍👧 🇩🇪", "en", "family man, woman, girl flag Germany"),
        ("👍", "de", "Daumen hoch"),
        ("👍", "sv", "tummen upp"),
        ("🫨 👍🏽", "hi", "थरथराता चेहरा थंब्स अप गेहुँआ त्वचा"),
        ("❤️‍🔥 ❗", "cs", "hořící srdce červený vykřičník"),
        ("🇩🇪", "nb", "flagg Tyskland"),
        ("👍", "cmn", "拇指向上"),
        ("👍", "ltg", "👍"),
        ("© 2024", "en", "© 2024"),
    ],
)
def test_emoji_by_name(text: str, language: str, expected: str) -> None:
    """Engines are given the whole names of emoji, wherever these are known in a language."""
    assert " ".join(spoken(text, language, emoji=(language,)).split()) == expected


@pytest.mark.parametrize("text", ["👍", "🫨", "👍🏽", "❤️‍🔥", "❗", "🇩🇪"])
def test_emoji_without_names_are_never_english(text: str) -> None:
    """Where no names are known in a language, emoji are left to an engine that reads them in it, and else out."""
    assert spoken(f"7 {text} 7", "ltg", emoji=("ltg",)) == f"7 {text} 7".replace("\ufe0f", "")
    assert spoken(f"7 {text} 7", "ltg").split() == ["7", "7"]


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


LISTS = [
    "There are four fruits:\nApple\nBanana\nOrange\nPear",
    "apple\nbanana\norange",
    "1\n2\n3\n4",
    "+49 30 123456\n+49 30 123457\n+49 30 123458",
    "- milk for the children\n- bread\n- a pound of butter",
    "Buy milk for the kids\nCall the bank about the loan\nFix the car",
    "Subject: hello\nFrom: me\nTo: you",
    "今日は\n明日は\n昨日は",
    "Roses are red\nViolets are blue\nSugar is sweet",
    "# The title\nThe text begins here.",
]
PROSE = [
    "The quick brown\nfox jumps over\nthe lazy dog.",
    "I saw the\nBig Ben and\nthen left.",
    "Wir fuhren am Abend nach Berlin und trafen dort unsere\nFreunde, die uns schon seit dem Morgen auf dem Bahnhof\n"
    "erwarteten und froh waren.",
    "It was the best of times, it was the worst of times, it was the age of\nwisdom, it was the age of foolishness,"
    " it was the epoch of belief, it was\nthe epoch of incredulity.",
    "semantic line breaks\nput a clause on each line\nand go on in small letters",
]  # fmt: skip


@pytest.mark.parametrize("text", LISTS)
def test_lines_of_lists_pause(text: str) -> None:
    """Each line of a list, and each heading, ends in a mark at which engines pause."""
    lines = rewrite(text, marked_line_ends(text)).text.split("\n")[:-1]

    assert all(line[-1] in ".,:。" for line in lines), lines


@pytest.mark.parametrize("text", PROSE)
def test_wrapped_prose_does_not_pause(text: str) -> None:
    """Nothing is put behind the lines of prose that was wrapped."""
    assert rewrite(text, marked_line_ends(text)).text == text


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (
            "markdown",
            "# Results\n\n**Bold** and `code`.\n\n- one\n- two\n\n[the manual](https://example.org/a?c=d) https://x.org/y",
            "Results Bold and code. one two the manual x.org",
        ),
        (
            "markdown",
            "call my_func_name now; 2 * 3 * 4 = 24\n* first\n* **Rome:** The capital.",
            "call my_func_name now; 2 * 3 * 4 = 24 first Rome: The capital.",
        ),
        ("markdown", "| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx = 1\n```\nAfter &amp; <b>it</b>", "a, b, 1, 2, After & it"),
        ("markdown", "1. first\n2. second\n\n- [ ] task\n\n![a cat](u.png)", "1. first 2. second task a cat"),
        (
            "html",
            '<font color="#c8a86e">"Run!"</font> <thinking>hidden plan</thinking>Answer.',
            '"Run!" hidden planAnswer.',
        ),
        (
            "html",
            "<style>p{}</style><h1>Hi</h1><p>One &amp; two<br>three</p><script>no()</script><img alt='A cat'> 5 &lt; 6",
            "Hi One & two three A cat 5 < 6",
        ),
        ("plain", "# a <b> **c**", "# a <b> **c**"),
    ],
)  # fmt: skip
def test_reading_forms(form: str, text: str, expected: str) -> None:
    """Of Markdown and HTML the text is read, without marks, tags and addresses, and nothing else is lost."""
    rewriting = Rewriting(text)
    read_form(rewriting, form)  # type: ignore[arg-type]

    assert " ".join(rewriting.text.split()) == expected


def test_offsets_lead_back() -> None:
    """A stretch of what is spoken leads back to where the caller wrote it, through every step."""
    text = "# Cafe\u0301\n\n**Dr. Smith** paid $5.3 billion &amp; the 👍🏽 man"
    rewriting = Rewriting(text)
    read_form(rewriting, "markdown")
    spoken_text(rewriting, "en", ties=True)

    for word, origin in [
        ("Café", "Cafe\u0301"),
        ("Smith", "Smith"),
        ("billion", "$5.3 billion"),
        ("thumbs", "👍🏽"),
        ("man", "man"),
    ]:
        start = rewriting.text.index(word)
        first, last = rewriting.original(start, start + len(word))
        assert text[first:last] == origin


@given(st.text(max_size=200), st.sampled_from(["en", "de", "ja", "sv"]), st.booleans())
def test_any_text_can_be_spoken(text: str, language: str, is_read: bool) -> None:
    """Any text is rewritten without an error, and every place in it leads back into the caller's."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, language, emoji=("sv",) * is_read, ties=True)

    for start in range(len(rewriting.text)):
        first, last = rewriting.original(start, start + 1)
        assert 0 <= first <= last <= len(text)
    assert unicodedata.is_normalized("NFC", rewriting.text) or any(
        unicodedata.combining(char) for char in rewriting.text
    )


@given(st.text(alphabet="<>&ab *_[]()`#-\n|/=\"'!", max_size=120), st.sampled_from(["markdown", "html"]))
def test_any_text_can_be_read_in_any_form(text: str, form: str) -> None:
    """Broken Markdown and HTML are read without an error."""
    rewriting = Rewriting(text)
    read_form(rewriting, form)  # type: ignore[arg-type]
    spoken_text(rewriting, "en")

    assert rewriting.original(0, len(rewriting.text))[1] <= len(text)


def test_every_character_can_be_read() -> None:
    """No character of Unicode breaks the layer, those included that one of its libraries knows and another does
    not.
    """
    everything = "".join(map(chr, (*range(0x20, 0xD800), *range(0xE000, 0x32000), *range(0xE0000, 0xE0200))))

    assert len(spoken(everything)) > 100_000


# Long texts...

LONG = 30_000


@pytest.mark.parametrize(
    "unit", ["👍🏽", "５", "a\u200b", "e\u0301", "a\n", "Dr. X ", "5 > 3 ", "-5 ", "1 000 ", "$5.5 "]
)
def test_a_long_text_leaves_no_heap_of_objects(unit: str) -> None:
    """What is known of the changes to a long text is no hundred thousand objects."""
    rewriting = Rewriting((unit * LONG)[:LONG])
    gc.collect()
    before = len(gc.get_objects())
    spoken_text(rewriting, "en", ties=True)

    assert len(gc.get_objects()) - before < 1000
    assert rewriting.original(0, len(rewriting.text))[1] >= LONG - 1


@pytest.mark.parametrize("unit", ["a\n", "a *b*\n\n", "[a](b) ", "- a\n", "```\na\n```\n", "x"])
def test_a_long_document_is_parsed_in_parts(unit: str) -> None:
    """However long a document, it is parsed in short parts, which are all of it."""
    text = unit * LONG
    parts = list(_parts(text))

    assert "".join(text[start:end] for start, end in parts) == text
    assert max(end - start for start, end in parts) <= 2 * PIECE


def test_parts_of_a_document_are_cut_between_blocks() -> None:
    """A document longer than a part is read as one: its code stays unread, its links know their targets."""
    block = "A paragraph with a [link][target], *marks* and `code`.\n\n```py\nx = 1\n\ny = 2\n```\n\n- one\n\n- two\n\n"
    count = 3 * PIECE // len(block)
    text = block * count + "[target]: https://example.org/somewhere"
    read = rewrite(text, markdown_edits(text)).text

    assert " ".join(read.split()) == " ".join(["A paragraph with a link, marks and code. one two"] * count)


@pytest.mark.parametrize("number", ["5" * LONG, "5." * LONG, "1.000" * LONG, "1 000" * LONG])
def test_a_number_of_any_length_may_be_an_amount(number: str) -> None:
    """The length of a number is no error, and its currency is said."""
    for language in ("en", "ru"):
        assert "$" not in spoken(f"${number}", language)


@pytest.mark.parametrize("language", ["en", "sk", "cmn", "eo", None])
def test_no_file_is_read_once_the_names_are_loaded(language: str | None) -> None:
    """A short text is rewritten on the event loop: nothing there reads a file, in a language that is loaded."""
    load_names(language)

    async def rewrite_all() -> None:
        for text in ("😀 🫨", "-5 ± 5", "$5, R$ 5 and ₸5", "10 500 people", "5 M€"):
            spoken_text(Rewriting(text), language)

    assert are_loaded(language)
    with blockbuster_ctx():
        asyncio.run(rewrite_all())


def test_a_text_does_not_grow_beyond_its_bound() -> None:
    """A text whose edits make it longer than it may be is given up at once."""
    with pytest.raises(TooLong):
        spoken_text(Rewriting("👍🏽" * 1000, 4000), "en")
