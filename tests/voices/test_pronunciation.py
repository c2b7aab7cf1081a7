"""Pronunciations: whole words only, in any script, and every place of what is spoken leads back to the
caller's text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engines.errors import BadInput
from voices.pronunciation import (
    LONGEST_READING,
    LONGEST_WORD,
    MOST_ENTRIES,
    Dictionary,
    Entry,
    Spoken,
    check,
    merge,
)

SCRIPTS = st.text(
    st.sampled_from(
        "abSQLßİé\u0301 \t\n'’ʼ.,:13_-你好サー\u3099กิ한국اب\u200c👩\u200d\ufe0f\ud800\x00\x1c/[]"
    ),
    max_size=40,
)
ANY = st.one_of(st.text(max_size=40), SCRIPTS)
FEW = st.text(st.sampled_from("ab '你"), max_size=60)
"""few letters, so that entries meet each other"""
FEW_ENTRIES = st.lists(
    st.builds(
        Entry,
        FEW.map(lambda word: word[:4]),
        st.sampled_from(["", "a", "b b", "你你你"]),
        st.sampled_from(["", "ə"]),
    ),
    max_size=8,
)
ENTRIES = [
    Entry("SQL", "sequel"), Entry("New York", "Nu Jork"), Entry("York", "Jork"), Entry("Łódź", "Woodge", ipa="wut͡ɕ"),
    Entry("重慶", "ちょんちん"), Entry("nginx", ipa="ˈɛndʒɪnˈɛks"), Entry("C++", "see plus plus"), Entry("don't", "dohnt"),
]  # fmt: skip


def spoken(text: str, *entries: Entry, ipa: bool = False) -> Spoken:
    return Dictionary(check(entries)).apply(text, ipa=ipa)


def read(text: str, word: str) -> str:
    """Apply one entry, whose respelling is a mark."""
    return spoken(text, Entry(word, "•")).text


def valid(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Keep the entries that `check` takes, one for each word."""
    kept: tuple[Entry, ...] = ()
    for entry in entries:
        try:
            kept = check([*kept, entry])
        except BadInput as exc:
            assert exc.param == "pronunciations"
    return kept


# Matching...


@pytest.mark.parametrize(
    ("word", "text", "result"),
    [
        ("SQL", "SQL, sql. (Sql) SQL's SQL’s NoSQL-SQL", "•, •. (•) •'s •’s NoSQL-•"),
        ("SQL", "MySQL SQLite SQL2 my_SQL S QL", "MySQL SQLite SQL2 my_SQL S QL"),
        ("SQL", "使用SQL数据库 SQL을 SQLを ใช้SQLค่ะ", "使用•数据库 •을 •を ใช้•ค่ะ"),
        ("don", "Don don't DON’T don's", "• don't DON’T •'s"),
        ("don't", "I DON’T, don't.", "I •, •."),
        ("eau", "l'eau l’eau beau", "l'• l’• beau"),
        ("Ankara", "Ankara'da", "•'da"),
        ("rock'n'roll", "Rock’n’Roll rockʼnʼroll", "• •"),
        ("п’ять", "пʼять п'ять", "• •"),
        ("New York", "new  york New\n\tYork New\u00a0York NewYork New-York", "• • • NewYork New-York"),
        ("東京", "東京都に、東京", "•都に、•"),
        ("サーバ", "サーバー", "•ー"),
        ("か", "か\u3099か", "か\u3099•"),
        ("が", "か\u3099か", "•か"),
        ("ไทย", "ภาษาไทยค่ะ", "ภาษา•ค่ะ"),
        ("ก", "กิน เกม", "กิน เ•ม"),
        ("서울", "서울 서울에", "• 서울에"),
        ("café", "CAFE\u0301 café cafe cafe\u0301s", "• • cafe cafe\u0301s"),
        ("cafe", "cafe\u0301", "cafe\u0301"),
        ("cafe\u0301", "café", "•"),
        ("straße", "STRASSE Strasse Straßen", "• • Straßen"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", "•"),
        ("C++", "C++, C++11 C+ AC++", "•, •11 C+ AC++"),
        (".NET", ".net ASP.NET", "• ASP•"),
        ("3", "3 3.14 1,3 3:30 3. 3%", "• 3.14 1,3 3:30 •. •%"),
        ("👩", "👩 👩\u200d👧 👩🏽", "• 👩\u200d👧 👩🏽"),
        ("می\u200cشود", "می\u200cشود نمی\u200cشود", "• نمی\u200cشود"),
    ],
)
def test_whole_words(word: str, text: str, result: str) -> None:
    """An entry fits whole words, however they are written; where a script sets no spaces, and at its edge, it
    fits anywhere.
    """
    assert read(text, word) == result


def test_the_longest_entry_goes_first() -> None:
    """Of entries that begin at one place the longest is taken, whatever their order, and nothing inside it."""
    entries = [Entry("York", "1"), Entry("New", "2"), Entry("new york city", "York"), Entry("New York", "4")]

    for order in (entries, entries[::-1]):
        assert (
            spoken("New York City, New York, New, York, new York cit", *order).text == "York, 4, 2, 1, 4 cit"
        )


def test_a_replacement_is_not_looked_at_again() -> None:
    """What an entry puts into the text is no word for another, nor with what stands next to it."""
    assert spoken("a b c", Entry("a", "b"), Entry("b", "c"), Entry("b b", "x")).text == "b c c"


# IPA...


def test_ipa_for_engines_that_take_it() -> None:
    """An engine that takes IPA gets the caller's word with its IPA, rather than its respelling."""
    said = spoken("SQL: Łódź, ŁÓDŹ!", *ENTRIES, ipa=True)

    assert said.text == "sequel: Łódź, ŁÓDŹ!"
    assert said.ipa == ((8, 12, "wut͡ɕ"), (14, 18, "wut͡ɕ"))
    assert not said.ignored
    assert [said.original(start, end) for start, end, _ in said.ipa] == [(5, 9), (11, 15)]


def test_ipa_for_engines_that_take_none() -> None:
    """An engine that takes no IPA gets the respelling; where there is none the word stays, and that is told."""
    assert spoken("Łódź", *ENTRIES) == Spoken("Woodge", replaced=((0, 6, 0, 4),))
    assert spoken("use nginx", *ENTRIES) == Spoken("use nginx", ignored=True)
    assert not spoken("nginxes", *ENTRIES).ignored


# Offsets...


def test_offsets_lead_back() -> None:
    """Outside a replaced word offsets are exact; a span that touches one covers the word it stands for."""
    said = spoken("My SQL's in New York.", *ENTRIES)

    assert said.text == "My sequel's in Nu Jork."
    assert said.original(0, 3) == (0, 3)
    assert [said.original(*span) for span in ((3, 9), (4, 5), (3, 4), (8, 9))] == [(3, 6)] * 4
    assert said.original(9, 11) == (6, 8)
    assert said.original(2, 4) == (2, 6)
    assert said.original(8, 16) == (3, 20)
    assert said.original(22, 23) == (20, 21)
    assert said.original(0, len(said.text)) == (0, 21)


def test_offsets_of_nothing() -> None:
    """An empty span stays empty, one inside a replaced word is at its begin, and one out of range is at an
    end.
    """
    said = spoken("My SQL's", *ENTRIES)

    assert [said.original(at, at) for at in (0, 3, 5, 9, 11)] == [(0, 0), (3, 3), (3, 3), (6, 6), (8, 8)]
    assert said.original(5, 2) == (3, 3)
    assert said.original(-5, 99) == (0, 8)
    assert said.original(99, 120) == (8, 8)


PIECE = st.sampled_from(
    [
        ("SQL", "sequel"), ("sql", "sequel"), ("New\n York", "Nu Jork"), ("york", "Jork"), ("łódź", "Woodge"), ("c++", "see plus plus"),
        ("重慶", "ちょんちん"), ("don’t", "dohnt"), ("nginx", None), ("MySQL", None), ("3.14", None), ("news", None), ("可能", None), ("👩", None),
    ]
)  # fmt: skip


@given(st.lists(st.tuples(PIECE, st.sampled_from([", ", "—", "\n", "! ", " (", "\u200b"]))))
def test_each_word_leads_back_to_itself(pieces: list[tuple[tuple[str, str | None], str]]) -> None:
    """A word that is replaced leads back to where the caller wrote it, any other and all between exactly to
    itself.
    """
    text = "".join(word + behind for (word, _), behind in pieces)
    said = spoken(text, *ENTRIES)
    at = original = 0

    for (word, respelling), behind in pieces:
        shown = word if respelling is None else respelling
        assert said.text[at : at + len(shown)] == shown
        assert said.original(at, at + len(shown)) == (original, original + len(word))
        at, original = at + len(shown), original + len(word)
        for _ in behind:
            assert said.original(at, at + 1) == (original, original + 1)
            assert said.text[at] == text[original]
            at, original = at + 1, original + 1
    assert (at, original) == (len(said.text), len(text))


@given(FEW, FEW_ENTRIES, st.booleans())
@example("ab", [Entry("a", "b")], False)
@example("你你a", [Entry("你", "b b"), Entry("a", "a", "ə")], True)
def test_offsets_are_in_order_and_in_range(text: str, entries: list[Entry], ipa: bool) -> None:
    """Whatever is replaced, spans lead into the text, later ones not before earlier ones, wider ones around
    narrower ones.
    """
    said = Dictionary(valid(entries)).apply(text, ipa=ipa)
    size = len(said.text)
    spans = {
        (start, end): said.original(start, end) for start in range(size + 1) for end in range(start, size + 1)
    }

    assert said.original(0, size) == (0, len(text)) or not size
    for (start, end), (first, last) in spans.items():
        assert 0 <= first <= last <= len(text)
        assert (first < last) == (start < end)
        if start:
            assert spans[start - 1, end][0] <= first
            assert spans[start - 1, end][1] == last or start == end
        if start < end < size:
            assert spans[start, end + 1][0] == first
            assert spans[start, end + 1][1] >= last


@given(FEW, FEW_ENTRIES, st.booleans())
def test_only_words_of_the_dictionary_change(text: str, entries: list[Entry], ipa: bool) -> None:
    """What is replaced is an entry's word and becomes its respelling; what has IPA is one too; all else is as
    it was.
    """
    known = {entry.word: entry for entry in valid(entries)}
    said = Dictionary(known.values()).apply(text, ipa=ipa)
    touched: set[int] = set()

    for start, end, first, last in said.replaced:
        assert said.text[start:end] == known[" ".join(text[first:last].split())].respelling
        assert said.original(start, end) == (first, last)
        touched.update(range(start, end))
    for start, end, sounds in said.ipa:
        first, last = said.original(start, end)
        assert said.text[start:end] == text[first:last]
        assert sounds == known[" ".join(text[first:last].split())].ipa
        assert ipa and not touched & set(range(start, end))
    for at in set(range(len(said.text))) - touched:
        first, last = said.original(at, at + 1)
        assert said.text[at] == text[first:last]


@given(ANY, st.lists(st.builds(Entry, ANY, ANY, ANY), max_size=6), st.booleans())
def test_anything_is_applied_or_refused(text: str, entries: list[Entry], ipa: bool) -> None:
    """No entry and no text brings anything but an error of the caller's; entries in form stay as they are."""
    checked = valid(entries)
    said = Dictionary(checked).apply(text, ipa=ipa)

    assert check(checked) == checked
    assert merge(checked, checked) == checked
    assert said.original(0, len(said.text)) == (0, len(text))
    assert said.replaced or said.text == text


@given(ANY, st.booleans())
def test_without_entries_nothing_changes(text: str, ipa: bool) -> None:
    """A dictionary without entries gives back the text, each place its own."""
    said = Dictionary(()).apply(text, ipa=ipa)

    assert said == Spoken(text)
    assert all(said.original(at, at + 1) == (at, at + 1) for at in range(len(text)))


@given(ANY)
@example(":\u200d가")
def test_an_entry_fits_its_own_word(word: str) -> None:
    """Any word that may be an entry is found where it stands alone, in whatever case and normal form."""
    for entry in valid([Entry(word, "•")]):
        for form in ("NFC", "NFD"):
            assert Dictionary([entry]).apply(unicodedata.normalize(form, entry.word), ipa=False).text == "•"
        assert Dictionary([entry]).apply(f"— {entry.word} —", ipa=False).text == "— • —"


def test_a_large_dictionary_and_a_long_text() -> None:
    """As many entries as there may be, all alike, and texts made to be hard are served."""
    dictionary = Dictionary(
        check([Entry("a " * (number % 24) + f"b{number}", "•") for number in range(MOST_ENTRIES)])
    )

    for filler in ("a ", "a'", "a't", "1.", "\u0301", "\u200d", "👩\u200d", "你", "한\u0301", " "):
        text = filler * (20_000 // len(filler))
        assert dictionary.apply(text, ipa=False) == Spoken(text)
    assert dictionary.apply("a " * 5000 + "b23", ipa=False).text == "a " * (5000 - 23) + "•"


# Entries...


def test_entries_are_brought_into_form() -> None:
    """Words are NFC with single spaces; IPA may come between slashes or brackets."""
    entries = [
        Entry(" cafe\u0301 au\u00a0 lait\n", " x ", "/kafe/"),
        Entry("b", ipa=" [ be ] "),
        Entry("c", ipa="ce"),
    ]

    assert check(entries) == (Entry("café au lait", "x", "kafe"), Entry("b", ipa="be"), Entry("c", ipa="ce"))


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ([Entry("a", "b"), Entry(" ", "b")], r"pronunciations\[1\]` \(''\) has no word"),
        ([Entry("SQL")], "'SQL'.* has neither"),
        ([Entry("SQL", " ", "//")], "'SQL'.* has neither"),
        ([Entry("S\0QL", "b")], "control character"),
        ([Entry("SQL", "a\tb")], "'SQL'.* control character"),
        ([Entry("SQL", ipa="a\x85b")], "'SQL'.* control character"),
        ([Entry("\ud800", "b")], "control character"),
        (
            [Entry("Straße", "b"), Entry("b", "b"), Entry("STRASSE", "c")],
            r"pronunciations\[2\]` \('STRASSE'\) is there twice",
        ),
        ([Entry("don't", "b"), Entry("don’t", "b")], "twice"),
        ([Entry("a" * (LONGEST_WORD + 1), "b")], "longer than 100"),
        ([Entry("SQL", "b" * (LONGEST_READING + 1))], "'SQL'.* more than 200"),
        ([Entry("SQL", ipa="b" * (LONGEST_READING + 1))], "'SQL'.* more than 200"),
        ([Entry(f"a{number}", "b") for number in range(MOST_ENTRIES + 1)], "at most 1000"),
    ],
)
def test_wrong_entries(entries: list[Entry], complaint: str) -> None:
    """An entry that cannot be meant is refused by its place and its word."""
    with pytest.raises(BadInput, match=complaint) as caught:
        check(entries)
    assert caught.value.param == "pronunciations"


def test_entries_may_be_as_long_as_allowed() -> None:
    """The limits themselves are within them."""
    entries = [Entry("a" * LONGEST_WORD, "b" * LONGEST_READING, "c" * LONGEST_READING)]

    assert check(entries) == tuple(entries)
    assert len(check([Entry(f"a{number}", "b") for number in range(MOST_ENTRIES)])) == MOST_ENTRIES


def test_later_dictionaries_win() -> None:
    """A word has the entry of the last dictionary that has it, in whatever case; each keeps its place."""
    server, voice, request = (
        [Entry("SQL", "1"), Entry("b", "1")],
        [Entry("c", ipa="2")],
        [Entry("sql", ipa="3"), Entry("d", "3")],
    )

    assert merge(server, voice, request) == (
        Entry("sql", ipa="3"),
        Entry("b", "1"),
        Entry("c", ipa="2"),
        Entry("d", "3"),
    )
    assert merge() == ()


def test_unknown_fields_are_refused() -> None:
    """A misspelt field of an entry is no silence."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"word": "a", "respeling": "b"}', type=Entry)
    assert msgspec.json.encode(Entry("a", "b")) == b'{"word":"a","respelling":"b"}'
