"""Property tests of pronunciations: whole words only, in any script, and offsets in the spoken text map to
the caller's text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engines.api.offsets import Replaced, Replacements
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
"""texts of few letters, so that entries overlap"""
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
    """Return the entries that `check` accepts, one for each word."""
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
    """An entry matches whole words, in any form; in scripts without spaces, and at their edges, it matches
    anywhere.
    """
    assert read(text, word) == result


def test_the_longest_entry_goes_first() -> None:
    """Of entries that begin at the same place the longest is applied, in whatever order they are, and none
    inside it.
    """
    entries = [Entry("York", "1"), Entry("New", "2"), Entry("new york city", "York"), Entry("New York", "4")]

    for order in (entries, entries[::-1]):
        assert (
            spoken("New York City, New York, New, York, new York cit", *order).text == "York, 4, 2, 1, 4 cit"
        )


def test_a_replacement_is_not_replaced() -> None:
    """A replacement matches no other entry, nor does it together with the text next to it."""
    assert spoken("a b c", Entry("a", "b"), Entry("b", "c"), Entry("b b", "x")).text == "b c c"


# IPA...


def test_ipa_for_engines_that_support_it() -> None:
    """An engine that supports IPA gets the caller's word with its IPA, rather than its respelling."""
    applied = spoken("SQL: Łódź, ŁÓDŹ!", *ENTRIES, ipa=True)

    assert applied.text == "sequel: Łódź, ŁÓDŹ!"
    assert applied.ipa == ((8, 12, "wut͡ɕ"), (14, 18, "wut͡ɕ"))
    assert not applied.ignored
    assert [applied.original(start, end) for start, end, _ in applied.ipa] == [(5, 9), (11, 15)]


def test_ipa_for_engines_that_do_not() -> None:
    """An engine without IPA gets the respelling; without one the word stays, and is reported as ignored."""
    assert spoken("Łódź", *ENTRIES) == Spoken("Woodge", replaced=Replacements([Replaced(0, 6, 0, 4)]))
    assert spoken("use nginx", *ENTRIES) == Spoken("use nginx", ignored=True)
    assert not spoken("nginxes", *ENTRIES).ignored


# Offsets...


def test_offsets_lead_back() -> None:
    """Outside a replaced word offsets are exact; a span that touches a replacement maps to the whole replaced
    word.
    """
    applied = spoken("My SQL's in New York.", *ENTRIES)

    assert applied.text == "My sequel's in Nu Jork."
    assert applied.original(0, 3) == (0, 3)
    assert [applied.original(*span) for span in ((3, 9), (4, 5), (3, 4), (8, 9))] == [(3, 6)] * 4
    assert applied.original(9, 11) == (6, 8)
    assert applied.original(2, 4) == (2, 6)
    assert applied.original(8, 16) == (3, 20)
    assert applied.original(22, 23) == (20, 21)
    assert applied.original(0, len(applied.text)) == (0, 21)


def test_offsets_of_empty_spans() -> None:
    """An empty span stays empty, one inside a replacement is at the replaced word's begin, and one out of
    range is at an end.
    """
    applied = spoken("My SQL's", *ENTRIES)

    assert [applied.original(at, at) for at in (0, 3, 5, 9, 11)] == [(0, 0), (3, 3), (3, 3), (6, 6), (8, 8)]
    assert applied.original(5, 2) == (3, 3)
    assert applied.original(-5, 99) == (0, 8)
    assert applied.original(99, 120) == (8, 8)


PIECE = st.sampled_from(
    [
        ("SQL", "sequel"), ("sql", "sequel"), ("New\n York", "Nu Jork"), ("york", "Jork"), ("łódź", "Woodge"), ("c++", "see plus plus"),
        ("重慶", "ちょんちん"), ("don’t", "dohnt"), ("nginx", None), ("MySQL", None), ("3.14", None), ("news", None), ("可能", None), ("👩", None),
    ]
)  # fmt: skip


@given(st.lists(st.tuples(PIECE, st.sampled_from([", ", "—", "\n", "! ", " (", "\u200b"]))))
def test_each_word_maps_to_itself(pieces: list[tuple[tuple[str, str | None], str]]) -> None:
    """A replacement maps to where the caller wrote the word, all other text exactly to itself."""
    text = "".join(word + behind for (word, _), behind in pieces)
    applied = spoken(text, *ENTRIES)
    at = original = 0

    for (word, respelling), behind in pieces:
        shown = word if respelling is None else respelling
        assert applied.text[at : at + len(shown)] == shown
        assert applied.original(at, at + len(shown)) == (original, original + len(word))
        at, original = at + len(shown), original + len(word)
        for _ in behind:
            assert applied.original(at, at + 1) == (original, original + 1)
            assert applied.text[at] == text[original]
            at, original = at + 1, original + 1
    assert (at, original) == (len(applied.text), len(text))


@given(FEW, FEW_ENTRIES, st.booleans())
@example("ab", [Entry("a", "b")], False)
@example("你你a", [Entry("你", "b b"), Entry("a", "a", "ə")], True)
def test_offsets_are_in_order_and_in_range(text: str, entries: list[Entry], ipa: bool) -> None:
    """Spans map into the text, later ones not before earlier ones, wider ones around narrower ones."""
    applied = Dictionary(valid(entries)).apply(text, ipa=ipa)
    size = len(applied.text)
    spans = {
        (start, end): applied.original(start, end)
        for start in range(size + 1)
        for end in range(start, size + 1)
    }

    assert applied.original(0, size) == (0, len(text)) or not size
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
    """Only entries' words are replaced, by their respelling; spans with IPA are such words too; all else is
    unchanged.
    """
    known = {entry.word: entry for entry in valid(entries)}
    applied = Dictionary(known.values()).apply(text, ipa=ipa)
    touched: set[int] = set()

    for start, end, first, last in applied.replaced:
        assert applied.text[start:end] == known[" ".join(text[first:last].split())].respelling
        assert applied.original(start, end) == (first, last)
        touched.update(range(start, end))
    for start, end, sounds in applied.ipa:
        first, last = applied.original(start, end)
        assert applied.text[start:end] == text[first:last]
        assert sounds == known[" ".join(text[first:last].split())].ipa
        assert ipa and not touched & set(range(start, end))
    for at in set(range(len(applied.text))) - touched:
        first, last = applied.original(at, at + 1)
        assert applied.text[at] == text[first:last]


@given(ANY, st.lists(st.builds(Entry, ANY, ANY, ANY), max_size=6), st.booleans())
def test_anything_is_applied_or_refused(text: str, entries: list[Entry], ipa: bool) -> None:
    """Any entries and text are applied, or refused as the caller's error; entries in normal form stay as they
    are.
    """
    checked = valid(entries)
    applied = Dictionary(checked).apply(text, ipa=ipa)

    assert check(checked) == checked
    assert merge(checked, checked) == checked
    assert applied.original(0, len(applied.text)) == (0, len(text))
    assert applied.replaced or applied.text == text


@given(ANY, st.booleans())
def test_without_entries_nothing_changes(text: str, ipa: bool) -> None:
    """A dictionary without entries returns the text, each offset its own."""
    applied = Dictionary(()).apply(text, ipa=ipa)

    assert applied == Spoken(text)
    assert all(applied.original(at, at + 1) == (at, at + 1) for at in range(len(text)))


@given(ANY)
@example(":\u200d가")
def test_an_entry_fits_its_own_word(word: str) -> None:
    """A valid word matches where it stands alone, in whatever case and normal form."""
    for entry in valid([Entry(word, "•")]):
        for form in ("NFC", "NFD"):
            assert Dictionary([entry]).apply(unicodedata.normalize(form, entry.word), ipa=False).text == "•"
        assert Dictionary([entry]).apply(f"— {entry.word} —", ipa=False).text == "— • —"


def test_a_large_dictionary_and_a_long_text() -> None:
    """The largest dictionary, all entries alike, is applied to adversarial texts in reasonable time."""
    dictionary = Dictionary(
        check([Entry("a " * (number % 24) + f"b{number}", "•") for number in range(MOST_ENTRIES)])
    )

    for filler in ("a ", "a'", "a't", "1.", "\u0301", "\u200d", "👩\u200d", "你", "한\u0301", " "):
        text = filler * (20_000 // len(filler))
        assert dictionary.apply(text, ipa=False) == Spoken(text)
    assert dictionary.apply("a " * 5000 + "b23", ipa=False).text == "a " * (5000 - 23) + "•"


# Entries...


def test_entries_are_brought_into_form() -> None:
    """Words are NFC with single spaces; IPA may be written between slashes or brackets."""
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
    """An invalid entry is refused with its position and its word."""
    with pytest.raises(BadInput, match=complaint) as caught:
        check(entries)
    assert caught.value.param == "pronunciations"


def test_entries_may_be_as_long_as_allowed() -> None:
    """The limits themselves are within them."""
    entries = [Entry("a" * LONGEST_WORD, "b" * LONGEST_READING, "c" * LONGEST_READING)]

    assert check(entries) == tuple(entries)
    assert len(check([Entry(f"a{number}", "b") for number in range(MOST_ENTRIES)])) == MOST_ENTRIES


def test_later_dictionaries_win() -> None:
    """A word has the entry of the last dictionary that has it, in whatever case, at its first position."""
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
    """A misspelt field of an entry is an error."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"word": "a", "respeling": "b"}', type=Entry)
    assert msgspec.json.encode(Entry("a", "b")) == b'{"word":"a","respelling":"b"}'
