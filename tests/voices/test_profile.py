"""Property tests of voices' names and languages, and of who may do what with voices."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libraries import sample, voice

from engines.errors import BadInput
from voices.profile import (
    LONGEST_FOLDED,
    LONGEST_NAME,
    NOBODY,
    Consent,
    checked_language,
    checked_name,
    folded,
    new_id,
)

FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
ODD = st.text("aAßẞſiIİıΣσςΐᾳᾷῼ\u0342\u0345\u0301\u0307ŉǅﬁﷺㇰｶﾞ \u00a0\u3000\u2003\t\u200b각", max_size=12)
TEXT = st.text(max_size=40) | ODD
CASED = st.text(
    st.characters(categories=["Lu", "Ll", "Nd", "Zs", "Lo", "Po"], exclude_characters="ı"), max_size=30
)
TAGS = [
    "en",
    "en-US",
    "zh-Hant-TW",
    "de-1996",
    "sr-Latn",
    " fr ",
    "es-419",
    "en-a-bbb-x-a-ccc",
]
NO_TAGS = [
    "",
    " ",
    "e",
    "klingon",
    "abcdefgh",
    "en-",
    "-en",
    "en--US",
    "english language",
    "123",
    "en-abcdefghi",
    "é",
    "en\nde",
    "en-US\0",
    "ｅｎ",
    "a" * 10_000,
]


# Equal names...


@given(TEXT)
def test_folding_twice_is_folding_once(name: str) -> None:
    """The folded form of a name is its own folded form."""
    assert folded(folded(name)) == folded(name)


@given(TEXT)
def test_forms_are_the_same(name: str) -> None:
    """All Unicode forms of a name are the same name."""
    assert {folded(unicodedata.normalize(form, name)) for form in FORMS} == {folded(name)}


@given(CASED)
def test_case_is_the_same(name: str) -> None:
    """A name in any case is the same name; İ, and letters whose capitals are two, included."""
    assert {folded(name.upper()), folded(name.lower()), folded(name.title()), folded(name.casefold())} == {
        folded(name)
    }


@given(
    st.lists(st.text("abc", min_size=1), max_size=4),
    st.sampled_from([" ", "\t", "\u00a0", "\u3000", "  ", "\u2003\n"]),
)
def test_spaces_are_the_same(words: list[str], space: str) -> None:
    """Spaces of any kind and number count as one between words, and as none around them."""
    assert folded(space + space.join(words) + space) == " ".join(words)


def test_every_letter() -> None:
    """The above holds for every character there is, but for ı, whose capital is that of i."""
    for character in map(chr, range(0x110000)):
        others = {
            character,
            character.upper(),
            character.title(),
            *(unicodedata.normalize(form, character) for form in FORMS[1:3]),
        }
        if len(others) > 1 and character != "ı":
            assert {folded(other) for other in others} == {folded(folded(character))}, hex(ord(character))


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "b"), ("a", "á"), ("ab", "a b"), ("ı", "i"), ("あ", "ア"), ("a-b", "a_b"), ("o", "0")],
)
def test_other_names_differ(one: str, other: str) -> None:
    """Names that people can tell apart are not the same."""
    assert folded(one) != folded(other)


# Valid names...


@given(TEXT)
def test_checked_names(name: str) -> None:
    """A name is trimmed and composed, or refused; the result passes the check again, and fits the database."""
    try:
        checked = checked_name(name)
    except BadInput as exc:
        assert exc.param == "name"
        return
    assert checked == checked_name(checked) == unicodedata.normalize("NFC", name).strip()
    assert folded(checked) == folded(name)
    assert 0 < len(checked) <= LONGEST_NAME
    assert 0 < len(folded(checked)) <= LONGEST_FOLDED
    assert checked.isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "Anna",
        " Anna\n",
        "x" * 100,
        "Zoe\u0308",
        "桃太郎",
        "🎙",
        "O'Brien; --",
        "voice",
        "profile",
        "voices_1",
        "alloy",
        "0",
    ],
)
def test_valid_names(name: str) -> None:
    """Nearly any text can be a name; spaces around it do not count."""
    assert checked_name(name) == unicodedata.normalize("NFC", name).strip()


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "must not be blank"), (" \t\n\u3000", "must not be blank"), ("x" * 101, "has 101 characters; 100 are the most"), ("a\0b", "printable"), ("a\nb", "printable"),
     ("a\u202eb", "printable"), ("a\u200bb", "printable"), ("a\ud800", "printable"), ("ﷺ" * 100, "printable"), ("voice_1", "must not begin"), ("VOICE_", "must not begin"),
     ("Profile:Anna", "must not begin"), (" profile:", "must not begin")],
)  # fmt: skip
def test_invalid_names(name: str, message: str) -> None:
    """A name that nobody could read, type, or tell from an id is refused, with the caller's parameter."""
    with pytest.raises(BadInput, match=message) as caught:
        checked_name(name, "voice.name")
    assert caught.value.param == "voice.name"
    assert "`voice.name`" in caught.value.message


# Languages...


@pytest.mark.parametrize("tag", TAGS)
def test_languages(tag: str) -> None:
    """A BCP 47 tag is accepted as it is, without spaces around it."""
    assert checked_language(tag) == tag.strip()


@pytest.mark.parametrize(("written", "tag"), [("en_US", "en-US"), ("German", "de"), ("deutsch", "de")])
def test_languages_in_other_words(written: str, tag: str) -> None:
    """A language may be written as people write it; its tag is kept, which texts are compared with."""
    assert checked_language(written) == tag


@pytest.mark.parametrize("tag", NO_TAGS)
def test_invalid_languages(tag: str) -> None:
    """Any other text is refused, with the caller's parameter."""
    with pytest.raises(BadInput, match=r"`languages` should be a BCP-47 language tag") as caught:
        checked_language(tag, "languages")
    assert caught.value.param == "languages"


@given(st.text(max_size=30))
def test_any_language(tag: str) -> None:
    """Any text is accepted or refused, without another error."""
    try:
        assert checked_language(tag).replace("-", "").isascii()
    except BadInput as exc:
        assert exc.param == "language"


# Who may do what...


@pytest.mark.parametrize(
    ("owner", "shared", "caller", "visible", "editable"),
    [("one", False, "one", True, True), ("one", False, "two", False, False), ("one", False, NOBODY, False, False), ("one", True, "one", True, True),
     ("one", True, "two", True, False), ("one", True, NOBODY, True, False), (NOBODY, False, "one", True, True), (NOBODY, True, NOBODY, True, True)],
)  # fmt: skip
def test_who_may(owner: str, shared: bool, caller: str, visible: bool, editable: bool) -> None:
    """A voice is seen by its owner, and by all where it is shared or has none; only the owner changes it, or
    all where there is none.
    """
    profile = voice("Anna", owner, shared=shared)
    assert (profile.visible(caller), profile.editable(caller)) == (visible, editable)
    assert Consent("cons_1", "Anna", "en", "blob", "0", owner=owner).visible(caller) == (
        owner in (NOBODY, caller)
    )


def test_blobs_of_a_voice() -> None:
    """A voice names its recordings, original and prepared, and its picture."""
    assert voice("Anna").blobs() == set()
    both = voice("Anna", samples=(sample("one"), sample("two")), avatar="picture")
    assert both.blobs() == {"one/original", "one/prepared.wav", "two/original", "two/prepared.wav", "picture"}


def test_ids_are_not_guessed() -> None:
    """Ids are unique, and begin with the kind of thing that they name."""
    ids = {new_id("voice_") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(id.startswith("voice_") and len(id) == 30 for id in ids)


@pytest.mark.parametrize(
    "name", ["a" + "\u0301\u0323" * 20_000, "a" + "\u0301" * 31, "a" * 101, "𝟘" * 50_000]
)
def test_names_that_are_none(name: str) -> None:
    """A name that is too long, or has more marks on a letter than any script, is refused, and is nobody's."""
    with pytest.raises(BadInput):
        checked_name(name)
    assert folded(name) not in {folded("a"), folded("\u00e1")}


def test_names_with_some_marks() -> None:
    """Letters with as many marks as scripts have stay names, in any form."""
    assert checked_name("Zalgo" + "\u0301" * 5)
    assert folded("e\u0301") == folded("\u00e9")
