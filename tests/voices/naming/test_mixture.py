"""Tests of mixtures of voices: every spelling is parsed or refused, and all have one canonical form."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engines.errors import BadInput
from voices.naming.mixture import HEAVIEST, MOST_PARTS, Part, canonical, normalised, parse

NAMES = st.text(st.characters(exclude_characters="+()"), min_size=1, max_size=12).map(str.strip).filter(bool)
PARTS = st.lists(st.builds(Part, NAMES, st.floats(1e-6, 50)), min_size=1, max_size=MOST_PARTS)
WRITTEN = st.text(st.sampled_from("ab+()12.-e \tnanif٣_\ud800"), max_size=40)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("af_bella+af_sky", [("af_bella", 1), ("af_sky", 1)]),
        ("af_bella(2)+af_sky(1)", [("af_bella", 2), ("af_sky", 1)]),
        (" af_bella ( 0.5 ) + af_sky ", [("af_bella", 0.5), ("af_sky", 1)]),
        ("af_bella(2)", [("af_bella", 2)]),
        ("en-us+fr-fr(.25)", [("en-us", 1), ("fr-fr", 0.25)]),
        ("a(1000)+b(1e-3)", [("a", 1000), ("b", 0.001)]),
        ("a+b+a", [("a", 1), ("b", 1), ("a", 1)]),
        ("af_bella,af_sky", [("af_bella", 1), ("af_sky", 1)]),
        ("af_bella, af_sky", [("af_bella", 1), ("af_sky", 1)]),
        ("0.5*af_bella+0.5*af_sky", [("af_bella", 0.5), ("af_sky", 0.5)]),
        ("2 * af_bella , af_sky*.5", [("af_bella", 2), ("af_sky", 0.5)]),
        ("kokoro/af_bella+小百合(3)", [("kokoro/af_bella", 1), ("小百合", 3)]),
    ],
)
def test_spellings(text: str, parts: list[tuple[str, float]]) -> None:
    """A weight is in parentheses after its voice and is 1 by default; spaces do not matter, "-" is a letter."""
    assert parse(text) == tuple(Part(voice, weight) for voice, weight in parts)


@pytest.mark.parametrize(
    "text", ["", "af_bella", "en-us", "English (America)", "Nan (nancy)", "a)", "af_bella - af_sky"]
)
def test_other_names_are_no_mixture(text: str) -> None:
    """A name without "+" and without a weight is no mixture, even with words in parentheses."""
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "+", "a+", "+a", "a++b", "a+ +b", "(2)", "a+(2)",
        "a(x)+b", "a()", "a+b()", "a(1,5)+b", "a(1+2)",
        "a(0)", "a(-1)", "a(nan)", "a(inf)+b", "a(-Infinity)", "a(1e999)", "a(1001)", "a(600)+b+a(600)",
        "a(", "a(2", "a(2+b", "a)+b", "a((2))", "a(2))", "a(2)(3)", "a(2)b", "a(2)3+b",
    ],
)  # fmt: skip
def test_malformed(text: str) -> None:
    """An empty part, an invalid weight or an unbalanced parenthesis is an error that names the parameter."""
    with pytest.raises(BadInput) as caught:
        parse(text)
    assert caught.value.param == "voice"


def test_parts_are_counted() -> None:
    """The maximum number of parts is accepted, and not one more."""
    assert len(parse("+".join("a" * MOST_PARTS)) or ()) == MOST_PARTS
    with pytest.raises(BadInput, match="16 parts"):
        parse("+".join("a" * (MOST_PARTS + 1)))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (" b + a ( 2.50 ) ", "b(1)+a(2.5)"),
        ("a(0.1)+b+a(0.2)", "a(0.3)+b(1)"),
        ("a(1_0)+a(٣)", "a(13)"),
        ("a(1000)+b(0.00001)", "a(1000)+b(1e-05)"),
    ],
)
def test_canonical(text: str, written: str) -> None:
    """In the canonical form weights are as short as can be, equal voices are merged, and the order is the
    caller's.
    """
    assert canonical(parse(text) or ()) == written


@given(PARTS)
def test_the_canonical_form_can_be_parsed(parts: list[Part]) -> None:
    """`parse` reads what `canonical` writes: the same voices, and the same weights but for their last digits."""
    written = canonical(parts)
    again = parse(written)

    assert again is not None
    assert [part.voice for part in again] == list(dict.fromkeys(part.voice for part in parts))
    assert canonical(again) == written
    for part in again:
        assert math.isclose(
            part.weight, math.fsum(one.weight for one in parts if one.voice == part.voice), rel_tol=1e-11
        )


@given(PARTS)
@example([Part("a", 5e-324), Part("b", HEAVIEST)])
@example([Part("a", 5e-324)])
def test_weights_add_up_to_one(parts: list[Part]) -> None:
    """The shares of all voices add up to one, each voice once and in its proportion."""
    shares = normalised(parts)

    assert math.isclose(math.fsum(part.weight for part in shares), 1.0)
    assert [part.voice for part in shares] == list(dict.fromkeys(part.voice for part in parts))
    assert normalised([Part("a", 2), Part("b", 1), Part("a", 1)]) == (Part("a", 0.75), Part("b", 0.25))


@given(st.one_of(st.text(), WRITTEN))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Any text is a mixture that can be written again, no mixture, or the caller's error."""
    try:
        parts = parse(text)
    except BadInput as exc:
        assert exc.param == "voice"
        return
    if parts is not None:
        assert 0 < len(parts) <= MOST_PARTS
        assert canonical(parse(canonical(parts)) or ()) == canonical(parts)
        assert all(0 < part.weight <= HEAVIEST and part.voice.strip() == part.voice for part in parts)
