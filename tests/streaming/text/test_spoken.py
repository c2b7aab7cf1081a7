"""Tests of what is spoken of a text: characters, line ends, dots, amounts, emoji, and the way back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.api.offsets import Rewriting, rewrite
from streaming.text.line_ends import marked_line_ends
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
